import json
import pathlib

import support


class KindsOfTokensTest(support.HookTest):
    def counts(self, usage, **payload):
        """The token counts that are reported for a payload with this usage object."""
        payload = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, **payload}
        return self.module.token_counts({**payload, "metadata": {"usage_object": usage}})

    def test_a_payload_counts_as_in_the_control_plane(self):
        for case in json.loads(pathlib.Path(__file__).with_name("token_counts.json").read_text(encoding="utf-8")):
            self.assertEqual(case["counts"], self.module.token_counts(case["payload"]), case["rule"])

    def test_the_kinds_are_reported_with_the_event(self):
        self.succeed(self.authorize(), metadata={"usage_object": {"prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 25}}})
        event = self.delivered()[0]
        self.assertEqual((12, 30, 8, 25), tuple(event[name] for name in ("prompt_tokens", "completion_tokens", "cached_prompt_tokens", "reasoning_tokens")))
        self.assertNotIn("audio_tokens", event)

    def test_parts_never_exceed_the_totals(self):
        event = self.counts({"prompt_tokens_details": {"audio_tokens": 500}}, prompt_tokens=3, completion_tokens=4, total_tokens=7)
        self.assertEqual(7, event["audio_tokens"])
        event = self.counts({}, prompt_tokens=10 ** 9, completion_tokens=10 ** 9, total_tokens=10 ** 9)
        self.assertEqual((10 ** 7, 10 ** 7), (event["prompt_tokens"], event["completion_tokens"]))

    def test_an_invalid_usage_object_does_not_keep_a_call_from_being_counted(self):
        for usage in (None, [], "text", {"prompt_tokens_details": 7, "completion_tokens_details": [1], "prompt_tokens": "many", "total_tokens": -1}):
            self.assertEqual({"prompt_tokens": 3, "completion_tokens": 4}, self.counts(usage, prompt_tokens=3, completion_tokens=4, total_tokens=7))

    def test_searches_of_a_model_are_reported_beside_its_tokens(self):
        self.succeed(self.authorize(), metadata={"usage_object": {"server_tool_use": {"web_search_requests": 3}}})
        by_feature = {event.get("feature"): event for event in self.delivered(2)}
        self.assertEqual((3, 0, 0), tuple(by_feature["web_search"][name] for name in ("quantity", "prompt_tokens", "completion_tokens")))
        self.assertNotIn("reservation_id", by_feature["web_search"])
        self.assertEqual((12, 30), (by_feature[None]["prompt_tokens"], by_feature[None]["completion_tokens"]))
