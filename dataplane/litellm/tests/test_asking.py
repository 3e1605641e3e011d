import asyncio
import threading
import time

import support

RESERVATION = "0199b000-0000-7000-8000-000000000001"


class AskingTest(support.HookTest):
    def test_an_allowed_call_goes_on_with_its_reservation_noted(self):
        data = self.ask()
        asked = self.plane.asked[0]
        self.assertEqual(("user-7", "mistral:7b-instruct"), (asked["user"], asked["model"]))
        self.assertGreater(asked["estimated_tokens"], 100)
        self.assertNotIn("feature", asked)
        self.assertEqual(RESERVATION, data["metadata"]["budget_note"]["reservation_id"])
        self.assertEqual({"Bearer " + support.KEY}, self.plane.keys)

    def test_nothing_of_the_request_but_its_size_leaves_the_gateway(self):
        self.ask(support.chat("my secret plan"))
        self.assertEqual({"request_id", "user", "model", "estimated_tokens"}, set(self.plane.asked[0]))

    def test_two_calls_of_one_call_id_are_two_requests(self):
        self.ask(support.chat(litellm_call_id="chosen-by-a-client"))
        self.ask(support.chat(litellm_call_id="chosen-by-a-client"))
        self.assertEqual(2, len({asked["request_id"] for asked in self.plane.asked}))

    def test_images_ask_for_the_feature_by_number(self):
        data = self.ask({"model": "dall-e-3", "prompt": "a cat", "n": 2, "metadata": {}, "litellm_call_id": "c"}, "aimage_generation")
        self.assertEqual(("image", 2, 2), (self.plane.asked[0]["feature"], self.plane.asked[0]["quantity"], self.plane.asked[0]["estimated_tokens"]))
        self.assertEqual(2, data["metadata"]["budget_note"]["quantity"])

    def test_what_names_no_model_passes_unasked(self):
        for call_type in ("call_mcp_tool", "afile_content", "aget_responses", "alist_batches"):
            data = {"model": None, "metadata": {}}
            self.assertIs(data, self.ask(data, call_type))
        self.assertEqual([], self.plane.asked)

    def test_the_note_goes_where_litellm_keeps_its_own_and_not_to_the_provider(self):
        data = support.chat()
        data["litellm_metadata"], data["metadata"] = data["metadata"], {"user_id": "anthropic's own field"}
        self.ask(data, "anthropic_messages")
        self.assertEqual({"user_id": "anthropic's own field"}, data["metadata"])
        self.assertEqual(RESERVATION, data["litellm_metadata"]["budget_note"]["reservation_id"])

    def test_a_note_from_the_client_is_replaced_or_removed(self):
        forged = {"reservation_id": "forged", "user": "boss"}
        data = support.chat()
        data["metadata"]["budget_note"] = dict(forged)
        data["litellm_metadata"] = {"budget_note": dict(forged)}
        self.ask(data)
        self.assertNotIn("forged", str(data))
        passing = {"model": None, "metadata": {"budget_note": dict(forged)}}
        self.ask(passing, "call_mcp_tool")
        self.assertEqual({}, passing["metadata"])

    def test_the_user_is_the_forwarded_id_and_never_a_mail_address(self):
        for headers, api_key, user in [
            ({"x-openwebui-user-id": "u1"}, support.key("internal", "customer"), "u1"), ({}, support.key("internal", "customer"), "customer"),
            ({}, support.key("internal", "someone@example.com"), "internal"), ({}, support.key(None, "someone@example.com"), "unknown"),
            ({"x-openwebui-user-id": "u\x001\n" + "x" * 300}, support.key(), "u1" + "x" * 198),
        ]:
            self.ask(support.chat(proxy_server_request={"headers": headers}), user=api_key)
            self.assertEqual(user, self.plane.asked[-1]["user"])

    def test_every_reason_has_its_sentence(self):
        reasons = ["model_not_in_plan", "model_restricted", "daily_limit", "monthly_limit", "user_limit", "feature_not_in_plan", "feature_limit",
                   "trial_expired", "suspended", "environment_not_ready"]
        self.assertEqual(set(reasons), set(self.module.REFUSALS))
        sentences = set()
        for reason in reasons + ["a_reason_of_the_future"]:
            self.plane.answer = {"allow": False, "reason": reason}
            refusal = self.refused(call_type="aimage_generation")
            self.assertEqual(403, refusal.status_code)
            self.assertRegex(refusal.detail, r"^[A-Z][^_{}]+\.$")
            self.assertEqual("false", refusal.headers["x-should-retry"])
            sentences.add(refusal.detail)
        self.assertEqual(len(reasons) + 1, len(sentences))

    def test_when_waiting_helps_the_sentence_says_until_when(self):
        for reason in ("daily_limit", "monthly_limit", "user_limit", "feature_limit"):
            self.plane.answer = {"allow": False, "reason": reason, "retry_at": "2096-03-04T00:00:00.1234567+01:00"}
            refusal = self.refused(call_type="aimage_generation")
            self.assertEqual(429, refusal.status_code)
            self.assertTrue(refusal.detail.endswith("Try again at 23:00 UTC on 3 March."), refusal.detail)
            self.assertGreater(int(refusal.headers["retry-after"]), 0)

    def test_on_the_same_day_the_time_is_enough(self):
        now = self.module.instant("2026-11-21T09:00:00Z")
        self.assertEqual("at 14:06 UTC", self.module.time_words(self.module.instant("2026-11-21T14:05:30Z"), now))
        self.assertEqual("at 00:00 UTC on 22 November", self.module.time_words(self.module.instant("2026-11-22T00:00:00Z"), now))
        for nothing in (None, 5, "", "tomorrow"):
            self.assertIsNone(self.module.instant(nothing))

    def test_a_refused_call_leaves_no_trace_in_the_usage(self):
        self.plane.answer = {"allow": False, "reason": "daily_limit"}
        data = support.chat()
        self.refused(data)
        self.fail_attempt(data)
        self.fail_call(data)
        time.sleep(0.1)
        self.assertEqual({}, self.plane.counted)

    def test_without_an_answer_the_call_is_refused_kindly(self):
        def dead():
            self.plane.close()

        def status(number):
            self.plane.status = number

        for away in (lambda: status(503), lambda: status(500), lambda: status(429), lambda: status(401), lambda: status(404), dead):
            away()
            refusal = self.refused()
            self.assertEqual(503, refusal.status_code)
            self.assertIn("cannot be checked right now", refusal.detail)

    def test_an_answer_that_is_none_is_no_permission(self):
        for answer in ({}, {"allow": "yes"}, {"allow": 1}, [], None, "allow"):
            self.plane.answer = answer
            self.assertEqual(503, self.refused().status_code)

    def test_the_event_loop_runs_on_while_the_control_plane_thinks(self):
        self.plane.delay = 0.5

        async def both():
            call = asyncio.ensure_future(self.hook.async_pre_call_hook(support.key(), None, support.chat(), "acompletion"))
            turns = 0
            while not call.done():
                await asyncio.sleep(0.005)
                turns += 1
            return turns

        self.assertGreater(asyncio.run(both()), 20)

    def test_connections_are_kept_and_a_closed_one_is_replaced(self):
        self.ask()
        self.plane.headers = {"Connection": "close"}
        for _ in range(3):
            self.ask()
        self.assertEqual(4, len(self.plane.asked))


class HangingTest(support.HookTest):
    settings = {"BUDGET_TIMEOUT_SECONDS": "0.3"}

    def test_a_control_plane_that_hangs_is_away_after_the_timeout(self):
        self.plane.delay = 1
        started = time.monotonic()
        self.assertEqual(503, self.refused().status_code)
        self.assertLess(time.monotonic() - started, 0.9)

    def test_what_is_reserved_after_the_caller_left_is_given_back(self):
        answered = threading.Event()
        slow = self.plane.reply_to

        def after_a_while(path, body):
            if path == "/v1/authorize":
                answered.wait(5)
            return slow(path, body)

        self.plane.reply_to = after_a_while

        async def leave():
            call = asyncio.ensure_future(self.hook.async_pre_call_hook(support.key(), None, support.chat(), "acompletion"))
            await asyncio.sleep(0.1)
            call.cancel()
            answered.set()
            await asyncio.gather(call, return_exceptions=True)

        asyncio.run(leave())
        event = self.delivered()[0]
        self.assertEqual((RESERVATION, 0, 0), (event["reservation_id"], event["prompt_tokens"], event["completion_tokens"]))


class FailOpenTest(support.HookTest):
    settings = {"BUDGET_FAIL_OPEN": "true", "BUDGET_TIMEOUT_SECONDS": "0.5"}

    def test_without_an_answer_the_call_goes_on_and_is_still_counted(self):
        self.plane.status = 503
        data = self.ask()
        self.succeed(data)
        self.plane.status = 200
        self.assertNotIn("reservation_id", self.delivered()[0])

    def test_a_refusal_stays_a_refusal(self):
        self.plane.answer = {"allow": False, "reason": "suspended"}
        self.assertEqual(403, self.refused().status_code)

    def test_a_revoked_key_opens_nothing(self):
        self.plane.status = 401
        self.assertEqual(503, self.refused().status_code)
