import asyncio
import glob
import hashlib
import os
import pathlib
import time

import support

RESERVATION = "0199b000-0000-7000-8000-000000000001"


class ReportingTest(support.HookTest):
    def test_a_successful_call_is_reported_as_a_usage_event(self):
        data = self.authorize()
        self.succeed(data)
        self.assertEqual([{
            "id": data["metadata"]["budget_note"]["id"] + ":chatcmpl-1", "occurred_at": "2026-11-18T11:06:41.250000Z", "user": "user-7", "session": "chat-3",
            "model": "mistral:7b-instruct", "prompt_tokens": 12, "completion_tokens": 30, "reservation_id": RESERVATION,
        }], self.delivered())

    def test_a_fallback_is_counted_for_the_model_that_responded(self):
        self.succeed(self.authorize(), model_group="gpt-4-turbo")
        self.assertEqual("gpt-4-turbo", self.delivered()[0]["model"])

    def test_a_second_route_of_a_model_is_counted_under_the_name_that_was_authorized(self):
        data = self.authorize()
        self.fail_attempt(data)
        self.succeed(data, model="gpt-6-sol-2026-09", model_group="mistral:7b-instruct", custom_llm_provider="openai")
        event, = self.delivered()
        self.assertEqual(("mistral:7b-instruct", RESERVATION), (event["model"], event["reservation_id"]))

    def test_images_are_reported_with_their_quantity(self):
        data = self.authorize({"model": "dall-e-3", "prompt": "a cat", "n": 2, "litellm_call_id": "c"}, "aimage_generation")
        self.succeed(data, call_type="aimage_generation", prompt_tokens=0, completion_tokens=0)
        self.assertEqual(("image", 2), (self.delivered()[0]["feature"], self.delivered()[0]["quantity"]))

    def test_embeddings_are_reported_with_their_prompt_tokens(self):
        data = self.authorize({"model": "text-embedding-3-small", "input": ["a", "b"], "litellm_call_id": "c"}, "aembedding")
        self.succeed(data, call_type="aembedding", prompt_tokens=7, completion_tokens=0)
        self.assertEqual((7, 0), (self.delivered()[0]["prompt_tokens"], self.delivered()[0]["completion_tokens"]))

    def test_two_calls_with_one_provider_id_count_twice(self):
        for tokens in ({"prompt_tokens": 60, "completion_tokens": 40}, {"prompt_tokens": 500, "completion_tokens": 300}):
            self.succeed(self.authorize(support.chat(litellm_call_id="same")), id="chatcmpl-7", **tokens)
        self.assertEqual(900, sum(event["prompt_tokens"] + event["completion_tokens"] for event in self.delivered(2)))

    def test_one_response_that_is_reported_twice_counts_once(self):
        data = self.authorize()
        self.succeed(data)
        self.succeed(data)
        self.delivered()
        self.eventually(lambda: sum(map(len, self.control_plane.deliveries)) == 2)
        self.assertEqual(1, len(self.control_plane.counted))

    def test_several_responses_of_one_call_all_count(self):
        data = self.authorize()
        for number in range(3):
            self.succeed(data, id=f"chatcmpl-{number}")
        self.assertEqual(3, len(self.delivered(3)))

    def test_a_failed_call_releases_its_reservation_once(self):
        data = self.authorize()
        self.fail_attempt(data)
        self.fail_attempt(data)
        time.sleep(0.1)
        self.assertEqual({}, self.control_plane.counted, "LiteLLM may still retry")
        self.fail_call(data)
        self.fail_call(data)
        event = self.delivered()[0]
        self.assertEqual((RESERVATION, 0, 0, "mistral:7b-instruct", "user-7"),
                         (event["reservation_id"], event["prompt_tokens"], event["completion_tokens"], event["model"], event["user"]))
        self.assertEqual([[data["metadata"]["budget_note"]["id"]]], self.control_plane.deliveries)

    def test_what_the_provider_billed_of_a_failed_attempt_is_counted_and_the_reservation_is_kept(self):
        data = self.authorize()
        self.fail_attempt(data, id="call-1", prompt_tokens=9, response_cost=0.0001)
        self.fail_attempt(data, id="call-1", prompt_tokens=9, completion_tokens=4)
        events = self.delivered(2)
        self.assertEqual([(9, 0), (9, 4)], [(event["prompt_tokens"], event["completion_tokens"]) for event in events])
        self.assertFalse(any("reservation_id" in event for event in events))

    def test_a_failed_call_costs_nothing_unless_the_provider_billed_it(self):
        # LiteLLM estimates the prompt of attempts that failed before an answer, at no cost.
        data = self.authorize()
        self.fail_attempt(data, prompt_tokens=2_900)
        self.fail_call(data)
        self.assertEqual((0, 0), (self.delivered()[0]["prompt_tokens"], self.delivered()[0]["completion_tokens"]))
        time.sleep(0.1)
        self.assertEqual(1, len(self.control_plane.counted))

    def test_an_answer_that_broke_off_is_counted_also_if_litellm_reports_the_failed_call_first(self):
        data = self.authorize()
        self.fail_call(data)
        self.fail_attempt(data, prompt_tokens=9, completion_tokens=400)
        self.assertEqual([0, 409], sorted(event["prompt_tokens"] + event["completion_tokens"] for event in self.delivered(2)))

    def test_a_client_that_hangs_up_is_billed_for_what_was_generated(self):
        # LiteLLM reports the part that was streamed as a success, and may report the disconnect as a failure.
        data = self.authorize()
        self.succeed(data, completion_tokens=3)
        self.fail_attempt(data, prompt_tokens=12)
        self.fail_call(data)
        self.assertEqual((12, 3), (self.delivered()[0]["prompt_tokens"], self.delivered()[0]["completion_tokens"]))
        time.sleep(0.1)
        self.assertEqual(1, len(self.control_plane.counted))

    def test_an_answer_from_litellms_cache_counts_and_says_that_it_costs_nothing(self):
        self.succeed(self.authorize(), id="chatcmpl-1_cache_hit1795000001.25", cache_hit=True, prompt_tokens=200, completion_tokens=300)
        image = self.authorize({"model": "dall-e-3", "prompt": "a cat", "n": 2, "litellm_call_id": "c"}, "aimage_generation")
        self.succeed(image, call_type="aimage_generation", cache_hit=True, prompt_tokens=0, completion_tokens=0)
        chat, picture = sorted(self.delivered(2), key=lambda event: event.get("feature", ""))
        self.assertEqual((True, 200, 300, RESERVATION), (chat["cache_hit"], chat["prompt_tokens"], chat["completion_tokens"], chat["reservation_id"]))
        self.assertEqual((True, 0, 0, "image", 2, RESERVATION), tuple(
            picture[name] for name in ("cache_hit", "prompt_tokens", "completion_tokens", "feature", "quantity", "reservation_id")))

    def test_a_response_blocked_afterwards_is_counted_once(self):
        data = self.authorize()
        self.succeed(data)
        self.fail_attempt(data, prompt_tokens=12, completion_tokens=30)
        self.fail_call(data)
        self.delivered()
        time.sleep(0.1)
        self.assertEqual(1, sum(map(len, self.control_plane.deliveries)))

    def test_usage_of_an_unauthorized_call_is_counted_for_the_user_that_litellm_reports(self):
        data = {"model": "m", "litellm_call_id": "c", "metadata": {}}
        self.succeed(data, end_user="someone@example.com")
        self.assertEqual(("chatcmpl-1", "default_user_id", "trace-1"), tuple(self.delivered()[0][name] for name in ("id", "user", "session")))

    def test_a_call_without_usage_is_logged_and_releases_its_reservation(self):
        with self.assertLogs("budget_hook", "ERROR") as logs:
            self.succeed(self.authorize(), prompt_tokens=0, completion_tokens=0)
            self.succeed({"model": "m", "litellm_call_id": "c", "metadata": {}}, prompt_tokens=0, completion_tokens=0)
        self.assertEqual(2, len(logs.output))
        self.assertEqual([RESERVATION], [event["reservation_id"] for event in self.delivered()])

    def test_invalid_numbers_and_texts_are_normalized(self):
        data = self.authorize()
        self.succeed(data, id="a\nb", prompt_tokens=None, completion_tokens=7.0, endTime=None, model_group="")
        event = self.delivered()[0]
        self.assertEqual(("ab", 0, 7, "mistral:7b-instruct"), (event["id"].split(":")[1], event["prompt_tokens"], event["completion_tokens"], event["model"]))
        for value, tokens in ((float("nan"), 0), (float("inf"), 10 ** 7), (-3, 0), (True, 0), ("12", 0), (10 ** 40, 10 ** 7)):
            self.assertEqual(tokens, self.module.count(value))
        for value in (1e300, float("nan"), -1, "now"):
            self.assertEqual(self.module.event_at(None)[:10], self.module.event_at(value)[:10])

    def test_long_ids_are_hashed_as_in_the_control_plane_so_that_different_ones_stay_different(self):
        self.assertEqual("u" * 200, self.module.external_id("u" * 200))
        long = "u" * 201
        self.assertEqual("u" * 128 + "~" + hashlib.sha256(long.encode()).hexdigest(), self.module.external_id(long))
        for user in ("u" * 300, "u" * 299 + "v"):
            data = self.authorize(support.chat(proxy_server_request={"headers": {"x-openwebui-user-id": user, "x-openwebui-chat-id": "c" + user}}))
            self.succeed(data, id="i" * 500)
        events = self.delivered(2)
        for name in ("id", "user", "session"):
            self.assertEqual([2, {193}], [len({event[name] for event in events}), {len(event[name]) for event in events}], name)
        self.assertEqual([event["user"] for event in events], [request["user"] for request in self.control_plane.requests])

    def test_a_call_without_a_payload_is_logged_and_ignored(self):
        with self.assertLogs("budget_hook", "ERROR"):
            asyncio.run(self.hook.async_log_success_event({"standard_logging_object": None}, None, None, None))

    def test_litellm_reports_calls_also_if_their_client_asks_not_to_log_them(self):
        self.assertTrue(self.hook.runs_on_no_log)

    def test_litellm_does_not_authorize_each_record_of_a_batch_again(self):
        self.assertFalse(getattr(self.hook, "enforces_request_content", False))

    def test_spool_and_log_contain_no_prompt_key_or_email_address(self):
        self.control_plane.status = 503
        with self.assertLogs("budget_hook", "WARNING") as logs:
            with self.assertRaises(support.HTTPException):
                self.authorize(support.chat("my secret plan"))
            self.succeed(support.chat("my secret plan"))
            self.eventually(lambda: len(logs.output) >= 2)
        spooled = "".join(pathlib.Path(path).read_text() for path in glob.glob(os.path.join(self.spool, "*.json")))
        self.assertIn("chatcmpl-1", spooled)
        for secret in ("secret plan", support.KEY, "someone@example.com"):
            self.assertNotIn(secret, spooled + str(logs.output))

    def test_an_event_is_sent_directly_when_the_disk_is_full(self):
        def disk_full(event):
            raise OSError(28, "No space left on device")

        data = self.authorize()
        self.hook._spool.add = disk_full
        with self.assertLogs("budget_hook", "ERROR"):
            self.succeed(data)
        self.assertEqual(1, len(self.control_plane.counted))
