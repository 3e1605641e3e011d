import asyncio
import os
import threading
import time

import support

RESERVATION = "0199b000-0000-7000-8000-000000000001"


class AuthorizationTest(support.HookTest):
    def setUp(self):
        super().setUp()
        self.hook.PLACE_TIMEOUT_SECONDS = 0

    def test_an_allowed_call_passes_with_its_reservation_in_the_metadata(self):
        data = self.authorize()
        request = self.control_plane.requests[0]
        self.assertEqual(("user-7", "mistral:7b-instruct"), (request["user"], request["model"]))
        self.assertGreater(request["estimated_tokens"], 100)
        self.assertNotIn("feature", request)
        self.assertEqual(RESERVATION, data["metadata"]["budget_note"]["reservation_id"])
        self.assertEqual({"Bearer " + support.KEY}, self.control_plane.keys)

    def test_only_the_size_of_the_prompt_is_sent_to_the_control_plane(self):
        self.authorize(support.chat("my secret plan"))
        self.assertEqual({"request_id", "user", "model", "estimated_tokens"}, set(self.control_plane.requests[0]))

    def test_two_calls_with_the_same_call_id_are_separate_requests(self):
        self.authorize(support.chat(litellm_call_id="chosen-by-a-client"))
        self.authorize(support.chat(litellm_call_id="chosen-by-a-client"))
        self.assertEqual(2, len({request["request_id"] for request in self.control_plane.requests}))

    def test_image_calls_request_the_image_feature_with_a_quantity(self):
        data = self.authorize({"model": "dall-e-3", "prompt": "a cat", "n": 2, "metadata": {}, "litellm_call_id": "c"}, "aimage_generation")
        self.assertEqual(("image", 2, 2), (self.control_plane.requests[0]["feature"], self.control_plane.requests[0]["quantity"], self.control_plane.requests[0]["estimated_tokens"]))
        self.assertEqual(2, data["metadata"]["budget_note"]["quantity"])
        self.authorize({"model": "dall-e-3", "prompt": "a cat", "n": 10 ** 12, "litellm_call_id": "c"}, "aimage_generation")
        self.assertEqual(10 ** 7, self.control_plane.requests[1]["quantity"], "more than the control plane accepts")

    def test_the_note_is_stored_in_litellms_metadata_and_not_sent_to_the_provider(self):
        data = support.chat()
        data["litellm_metadata"], data["metadata"] = data["metadata"], {"user_id": "anthropic's own field"}
        self.authorize(data)
        self.assertEqual({"user_id": "anthropic's own field"}, data["metadata"])
        self.assertEqual(RESERVATION, data["litellm_metadata"]["budget_note"]["reservation_id"])

    def test_a_note_set_by_the_client_is_replaced_or_removed(self):
        forged = {"reservation_id": "forged", "user": "boss"}
        data = support.chat()
        data["metadata"]["budget_note"] = dict(forged)
        data["litellm_metadata"] = {"budget_note": dict(forged)}
        self.authorize(data)
        self.assertNotIn("forged", str(data))
        refused = {"model": None, "metadata": {"budget_note": dict(forged)}}
        self.denied(refused, "call_mcp_tool")
        self.assertEqual({}, refused["metadata"])

    def test_the_user_is_the_forwarded_id_and_never_an_email_address(self):
        for headers, api_key, user in [
            ({"x-openwebui-user-id": "u1"}, support.key("internal", "customer"), "u1"), ({}, support.key("internal", "customer"), "customer"),
            ({}, support.key("internal", "someone@example.com"), "internal"), ({}, support.key(None, "someone@example.com"), "unknown"),
            ({"x-openwebui-user-id": "u\x001\n"}, support.key(), "u1"),
        ]:
            self.authorize(support.chat(proxy_server_request={"headers": headers}), user=api_key)
            self.assertEqual(user, self.control_plane.requests[-1]["user"])

    def test_calls_are_refused_while_usage_of_former_ones_has_not_been_delivered_for_longer_than_a_reservation_lasts(self):
        self.control_plane.usage_reply = {}  # Accounts for no event, so all stay in the spool.
        for minutes, refused in ((9, False), (11, True)):
            name = f"{time.time_ns() - minutes * 60 * 10 ** 9:020d}-{minutes}.json"
            # Renamed like the hook's own files: the sender sets an incomplete one aside.
            path = os.path.join(self.spool, name)
            with open(path + ".new", "w", encoding="ascii") as file:
                file.write('{"id": "old"}')
            os.rename(path + ".new", path)
            self.hook._spool._checked = -60.0
            requests = len(self.control_plane.requests)
            if refused:
                denial = self.denied()
                self.assertEqual((503, "false"), (denial.status_code, denial.headers["x-should-retry"]))
                self.assertEqual(requests, len(self.control_plane.requests), "no reservation is made")
            else:
                self.authorize()
            os.unlink(path)
        self.authorize()

    def test_every_reason_has_its_own_message(self):
        reasons = ["model_not_in_plan", "model_restricted", "daily_limit", "monthly_limit", "user_limit", "feature_not_in_plan", "feature_limit",
                   "reservation_limit", "local_busy", "trial_expired", "suspended", "environment_not_ready"]
        self.assertEqual(set(reasons), set(self.module.DENIALS))
        messages = set()
        for reason in reasons + ["an_unknown_reason"]:
            self.control_plane.answer = {"allow": False, "reason": reason}
            denial = self.denied(call_type="aimage_generation")
            self.assertEqual(403, denial.status_code)
            self.assertRegex(denial.detail, r"^[A-Z][^_{}]+\.$")
            self.assertEqual("false", denial.headers["x-should-retry"])
            messages.add(denial.detail)
        self.assertEqual(len(reasons) + 1, len(messages))

    def test_a_temporary_denial_says_when_to_retry(self):
        for reason in ("daily_limit", "monthly_limit", "user_limit", "feature_limit", "reservation_limit"):
            self.control_plane.answer = {"allow": False, "reason": reason, "retry_at": "2096-03-04T00:00:00.1234567+01:00"}
            denial = self.denied(call_type="aimage_generation")
            self.assertEqual(429, denial.status_code)
            self.assertTrue(denial.detail.endswith("Try again at 23:00 UTC on 3 March."), denial.detail)
            self.assertGreater(int(denial.headers["retry-after"]), 0)
        self.control_plane.answer = {"allow": False, "reason": "local_busy", "retry_at": "2096-03-04T00:00:00Z"}
        denial = self.denied()
        self.assertEqual(429, denial.status_code)
        self.assertTrue(denial.detail.startswith("The free local models are busy with calls of other organizations"), denial.detail)
        self.assertGreater(int(denial.headers["retry-after"]), 0)

    def test_the_date_is_shown_only_if_it_is_not_today(self):
        now = self.module.parse_instant("2026-11-21T09:00:00Z")
        self.assertEqual("at 14:06 UTC", self.module.format_time(self.module.parse_instant("2026-11-21T14:05:30Z"), now))
        self.assertEqual("at 00:00 UTC on 22 November", self.module.format_time(self.module.parse_instant("2026-11-22T00:00:00Z"), now))
        for invalid in (None, 5, "", "tomorrow"):
            self.assertIsNone(self.module.parse_instant(invalid))

    def test_a_denied_call_reports_no_usage(self):
        self.control_plane.answer = {"allow": False, "reason": "daily_limit"}
        data = support.chat()
        self.denied(data)
        self.fail_attempt(data)
        self.fail_call(data)
        time.sleep(0.1)
        self.assertEqual({}, self.control_plane.counted)

    def test_a_call_is_denied_if_the_control_plane_is_unavailable(self):
        def stop():
            self.control_plane.close()

        def status(number):
            self.control_plane.status = number

        for fail in (lambda: status(503), lambda: status(500), lambda: status(401), lambda: status(404), stop):
            fail()
            denial = self.denied()
            self.assertEqual(503, denial.status_code)
            self.assertIn("cannot be checked right now", denial.detail)

    def test_a_call_without_authorization_releases_no_reservation_that_its_client_names(self):
        for status in (503, 401, 429):
            self.control_plane.status = status
            data = support.chat()
            data["metadata"]["budget_note"] = {"id": "1", "reservation_id": "0199b000-0000-7000-8000-000000000009"}
            self.denied(data)
            self.fail_call(data)
        self.assertEqual([], self.files(".json"))

    def test_an_invalid_response_does_not_allow_the_call(self):
        for answer in ({}, {"allow": "yes"}, {"allow": 1}, [], None, "allow"):
            self.control_plane.answer = answer
            self.assertEqual(503, self.denied().status_code)

    def test_a_slow_control_plane_does_not_block_the_event_loop(self):
        self.control_plane.delay = 0.5

        async def count_turns():
            call = asyncio.ensure_future(self.hook.async_pre_call_hook(support.key(), None, support.chat(), "acompletion"))
            turns = 0
            while not call.done():
                await asyncio.sleep(0.005)
                turns += 1
            return turns

        self.assertGreater(asyncio.run(count_turns()), 20)

    def test_connections_are_reused_and_replaced_when_closed(self):
        self.authorize()
        self.control_plane.headers = {"Connection": "close"}
        for _ in range(3):
            self.authorize()
        self.assertEqual(4, len(self.control_plane.requests))


class HangingTest(support.HookTest):
    settings = {"BUDGET_TIMEOUT_SECONDS": "0.3"}

    def test_a_hanging_control_plane_is_unavailable_after_the_timeout(self):
        self.control_plane.delay = 1
        started = time.monotonic()
        self.assertEqual(503, self.denied().status_code)
        self.assertLess(time.monotonic() - started, 0.9)

    def test_a_reservation_created_after_the_caller_left_is_released(self):
        release = threading.Event()
        reply_to = self.control_plane.reply_to

        def delayed_reply(path, body):
            if path == "/v1/authorize":
                release.wait(5)
            return reply_to(path, body)

        self.control_plane.reply_to = delayed_reply

        async def cancel():
            call = asyncio.ensure_future(self.hook.async_pre_call_hook(support.key(), None, support.chat(), "acompletion"))
            await asyncio.sleep(0.1)
            call.cancel()
            release.set()
            await asyncio.gather(call, return_exceptions=True)

        asyncio.run(cancel())
        event = self.delivered()[0]
        self.assertEqual((RESERVATION, 0, 0), (event["reservation_id"], event["prompt_tokens"], event["completion_tokens"]))


class FailOpenTest(support.HookTest):
    settings = {"BUDGET_FAIL_OPEN": "true", "BUDGET_TIMEOUT_SECONDS": "0.5"}

    def test_an_unavailable_control_plane_allows_the_call_and_usage_is_still_counted(self):
        self.control_plane.status = 503
        data = self.authorize()
        self.succeed(data)
        self.control_plane.status = 200
        self.assertNotIn("reservation_id", self.delivered()[0])

    def test_a_denial_is_still_enforced(self):
        self.control_plane.answer = {"allow": False, "reason": "suspended"}
        self.assertEqual(403, self.denied().status_code)

    def test_a_revoked_key_does_not_allow_the_call(self):
        self.control_plane.status = 401
        self.assertEqual(503, self.denied().status_code)

    def test_too_many_requests_are_denied(self):
        self.control_plane.status, self.control_plane.headers = 429, {"Retry-After": "7"}
        denial = self.denied()
        self.assertEqual((429, "7"), (denial.status_code, denial.headers["retry-after"]))
        self.assertIn("too many requests", denial.detail)
