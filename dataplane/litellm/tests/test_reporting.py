import asyncio
import glob
import os
import pathlib
import time

import support

RESERVATION = "0199b000-0000-7000-8000-000000000001"


class ReportingTest(support.HookTest):
    def test_a_successful_call_is_reported_as_a_usage_event(self):
        self.succeed(self.authorize())
        self.assertEqual([{
            "id": "chatcmpl-1", "occurred_at": "2026-11-18T11:06:41.250000Z", "user": "user-7", "session": "chat-3", "model": "mistral:7b-instruct",
            "prompt_tokens": 12, "completion_tokens": 30, "reservation_id": RESERVATION,
        }], self.delivered())

    def test_a_fallback_is_counted_for_the_model_that_responded(self):
        self.succeed(self.authorize(), model_group="gpt-4-turbo")
        self.assertEqual("gpt-4-turbo", self.delivered()[0]["model"])

    def test_images_are_reported_with_their_quantity(self):
        data = self.authorize({"model": "dall-e-3", "prompt": "a cat", "n": 2, "litellm_call_id": "c"}, "aimage_generation")
        self.succeed(data, call_type="aimage_generation", prompt_tokens=0, completion_tokens=0)
        self.assertEqual(("image", 2), (self.delivered()[0]["feature"], self.delivered()[0]["quantity"]))

    def test_responses_without_an_id_are_identified_by_their_reservation(self):
        for number in (1, 2):
            self.control_plane.answer = {"allow": True, "reservation_id": f"0199b000-0000-7000-8000-00000000000{number}"}
            self.succeed(self.authorize(support.chat(litellm_call_id="same")), id="same")
        self.assertEqual(2, len(self.delivered(2)))

    def test_a_failed_call_releases_its_reservation_once(self):
        data = self.authorize()
        self.fail_attempt(data)
        self.fail_attempt(data)
        time.sleep(0.1)
        self.assertEqual({}, self.control_plane.counted, "LiteLLM may still retry")
        self.fail_call(data)
        self.fail_call(data)
        event = self.delivered()[0]
        self.assertEqual((RESERVATION, RESERVATION, 0, 0, "mistral:7b-instruct", "user-7"),
                         (event["id"], event["reservation_id"], event["prompt_tokens"], event["completion_tokens"], event["model"], event["user"]))
        self.assertEqual([[RESERVATION]], self.control_plane.deliveries)

    def test_tokens_of_a_failed_attempt_are_counted_and_the_reservation_is_kept(self):
        data = self.authorize()
        self.fail_attempt(data, id="call-1", prompt_tokens=9)
        self.fail_attempt(data, id="call-1", prompt_tokens=9)
        events = self.delivered(2)
        self.assertEqual([9, 9], [event["prompt_tokens"] for event in events])
        self.assertFalse(any("reservation_id" in event for event in events))

    def test_a_response_blocked_afterwards_is_counted_once(self):
        data = self.authorize()
        self.succeed(data)
        self.fail_attempt(data, prompt_tokens=12, completion_tokens=30)
        self.fail_call(data)
        self.delivered()
        time.sleep(0.1)
        self.assertEqual([["chatcmpl-1"]], self.control_plane.deliveries)

    def test_usage_of_an_unauthorized_call_is_counted_for_the_user_that_litellm_reports(self):
        data = {"model": "m", "litellm_call_id": "c", "metadata": {}}
        self.succeed(data, end_user="someone@example.com")
        self.assertEqual(("default_user_id", "trace-1"), (self.delivered()[0]["user"], self.delivered()[0]["session"]))

    def test_invalid_numbers_and_texts_are_normalized(self):
        data = self.authorize()
        self.succeed(data, id="a\nb" + "c" * 300, prompt_tokens=None, completion_tokens=7.0, endTime=None, model_group="")
        event = self.delivered()[0]
        self.assertEqual(("ab" + "c" * 198, 0, 7, "mistral:7b-instruct"), (event["id"], event["prompt_tokens"], event["completion_tokens"], event["model"]))
        for value, tokens in ((float("nan"), 0), (float("inf"), 10 ** 7), (-3, 0), (True, 0), ("12", 0), (10 ** 40, 10 ** 7)):
            self.assertEqual(tokens, self.module.count(value))
        for value in (1e300, float("nan"), -1, "now"):
            self.assertEqual(self.module.event_at(None)[:10], self.module.event_at(value)[:10])

    def test_a_call_without_a_payload_is_logged_and_ignored(self):
        with self.assertLogs("budget_hook", "ERROR"):
            asyncio.run(self.hook.async_log_success_event({"standard_logging_object": None}, None, None, None))

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
        self.assertIn("chatcmpl-1", self.control_plane.counted)
