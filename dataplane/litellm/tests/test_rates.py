import asyncio

import support
from running_calls import RunningCallsTest


class RatesTest(support.HookTest):
    settings = {"BUDGET_REQUESTS_PER_MINUTE": "3", "BUDGET_TOKENS_PER_MINUTE": "1000"}

    def setUp(self):
        super().setUp()
        self.now = 100.0
        self.module.MinuteRate.now = staticmethod(lambda: self.now)

    def used(self):
        return self.hook._tokens._used

    def test_further_requests_within_a_minute_get_429_without_asking_the_control_plane(self):
        for _ in range(3):
            self.authorize()
            self.now += 10
        refused = self.denied()
        self.assertEqual((429, {"retry-after": "31"}), (refused.status_code, refused.headers))
        self.assertEqual("Your organization sends more requests within a minute than its plan allows, so this one was not sent. Nothing was charged. "
                         "Try again in 31 seconds.", refused.detail)
        self.assertEqual(3, len(self.control_plane.requests))
        self.now = 160.0
        self.authorize()
        self.denied()

    def test_requests_that_are_refused_or_denied_count_as_requests_but_use_no_tokens(self):
        self.denied(support.chat(fallbacks=["other"]))
        self.control_plane.answer = {"allow": False, "reason": "daily_limit"}
        for _ in range(3):
            self.assertEqual(403, self.denied().status_code)
        self.assertEqual((429, 0), (self.denied().status_code, self.used()))

    def test_all_users_share_the_rate(self):
        for user in ("a", "b", "c"):
            self.authorize(support.chat(proxy_server_request={"headers": {"x-openwebui-user-id": user}}))
        self.assertEqual(429, self.denied(support.chat(proxy_server_request={"headers": {"x-openwebui-user-id": "d"}})).status_code)

    def test_estimates_count_until_the_tokens_are_known(self):
        first = self.authorize(support.chat(max_tokens=900))
        refused = self.denied(support.chat(max_tokens=200))
        self.assertEqual((429, "61"), (refused.status_code, refused.headers["retry-after"]))
        self.assertRegex(refused.detail, r"^Your organization uses more tokens within a minute than its plan allows, including those reserved by running calls")
        self.assertEqual(1, len(self.control_plane.requests))
        self.succeed(first, prompt_tokens=50, completion_tokens=70)
        self.assertEqual(120, self.used())
        self.authorize(support.chat(max_tokens=800))

    def test_a_failed_call_uses_no_tokens(self):
        self.fail_call(self.authorize(support.chat(max_tokens=900)))
        self.assertEqual(0, self.used())

    def test_more_than_was_estimated_counts_as_well_and_what_is_reported_after_a_minute_does_not(self):
        call = self.authorize()
        self.succeed(call, prompt_tokens=10, completion_tokens=5000)
        self.assertEqual((5010, 429), (self.used(), self.denied().status_code))
        self.now += 60
        late = self.authorize()
        self.now += 60
        running = self.authorize()
        estimate = self.used()
        self.succeed(late, prompt_tokens=10, completion_tokens=500)
        self.assertEqual(estimate, self.used())
        self.succeed(running, prompt_tokens=1, completion_tokens=1)
        self.assertEqual(2, self.used())

    def test_a_call_larger_than_the_rate_takes_a_whole_minute(self):
        self.authorize(support.chat(max_tokens=50_000))
        self.assertEqual("61", self.denied().headers["retry-after"])
        self.now += 59.5
        self.assertEqual("1", self.denied().headers["retry-after"])
        self.now += 60.5
        self.authorize(support.chat(max_tokens=50_000))


class SilentCallTest(RunningCallsTest):
    settings = {**RunningCallsTest.settings, "BUDGET_TOKENS_PER_MINUTE": "1000"}

    def test_a_call_whose_end_is_not_reported_uses_what_was_reserved(self):
        async def run():
            self.hook.MAX_SILENCE_SECONDS = 0.05
            await self.ask(model="gpt-4-turbo")
            before = self.hook._tokens._used
            await asyncio.sleep(0.2)
            return before, self.hook._tokens._used

        before, after = asyncio.run(run())
        self.assertGreater(before, 100)
        self.assertEqual(before, after)


class WithoutRatesTest(support.HookTest):
    def test_without_settings_any_number_passes(self):
        for _ in range(50):
            self.authorize(support.chat(max_tokens=100_000))
        self.assertEqual(50, len(self.control_plane.requests))
