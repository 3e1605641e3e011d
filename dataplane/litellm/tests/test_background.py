import time
import types

import support


class BackgroundTest(support.HookTest):
    """The hook authorizes neither background responses nor batches. What LiteLLM reports of them, for example after an upgrade, counts once."""

    DATA = {"model": "gpt-5", "litellm_call_id": "c", "metadata": {}}

    def read(self, response, call_type="aget_responses", **payload):
        self.succeed(self.DATA, response=response, call_type=call_type, id="resp-1", **payload)

    def test_a_background_response_counts_once_at_its_end_however_often_it_is_read(self):
        running = {"id": "resp-1", "background": True, "status": "queued", "created_at": 1_795_000_000}
        self.read(running, call_type="aresponses", prompt_tokens=0, completion_tokens=0)
        self.read(running, prompt_tokens=0, completion_tokens=0)
        for second in range(3):
            response = types.SimpleNamespace(id="resp-1", background=True, created_at=1_795_000_000, completed_at=1_795_000_060)
            self.read(response, prompt_tokens=2_000, completion_tokens=9_000, endTime=1_795_000_100.0 + second)
        self.delivered()
        self.eventually(lambda: sum(map(len, self.control_plane.deliveries)) == 3)
        self.assertEqual([("background:resp-1", 2_000, 9_000)], [
            (event["id"], event["prompt_tokens"], event["completion_tokens"]) for event in self.control_plane.counted.values()])

    def test_reading_a_response_that_was_counted_when_it_was_created_costs_nothing(self):
        for response in ({"id": "resp-1", "background": False}, {"id": "resp-1"}, None, {"background": True}):
            self.read(response)
        time.sleep(0.1)
        self.assertEqual({}, self.control_plane.counted)

    def test_a_batch_counts_once_when_it_has_ended(self):
        batch = {"id": "batch-1", "created_at": 1_795_000_000, "completed_at": 1_795_003_600}
        self.read(batch, call_type="aretrieve_batch", prompt_tokens=0, completion_tokens=0)
        self.read(batch, call_type="aretrieve_batch", prompt_tokens=50_000, completion_tokens=10_000)
        self.read(batch, call_type="aretrieve_batch", prompt_tokens=50_000, completion_tokens=10_000, endTime=1_795_009_999.0)
        self.delivered()
        self.eventually(lambda: sum(map(len, self.control_plane.deliveries)) == 2)
        self.assertEqual(["background:batch-1"], list(self.control_plane.counted))
