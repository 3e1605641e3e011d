import asyncio

import support
from running_calls import LOCAL, RunningCallsTest


class LocalModelsTest(RunningCallsTest):
    def test_a_further_call_gets_429_without_asking_the_control_plane(self):
        async def run():
            await self.ask(model=LOCAL)
            with self.assertRaises(support.HTTPException) as caught:
                await self.ask(model=LOCAL)
            return caught.exception

        busy = asyncio.run(run())
        self.assertEqual((429, "1"), (busy.status_code, busy.headers["retry-after"]))
        self.assertRegex(busy.detail, r"^The local models are busy .* Nothing was charged\. Try again")
        self.assertEqual(1, len(self.control_plane.requests))

    def test_calls_to_other_models_do_not_wait(self):
        async def run():
            for model in (LOCAL, "gpt-4-turbo", "gpt-4-turbo"):
                await self.ask(model=model)

        asyncio.run(run())
        self.assertEqual(3, len(self.control_plane.requests))

    def test_a_waiting_call_starts_in_the_order_of_arrival_when_a_place_is_free(self):
        self.hook.PLACE_TIMEOUT_SECONDS = 5

        async def run():
            first = await self.ask(model=LOCAL)
            waiting = [asyncio.ensure_future(self.ask(support.chat(number))) for number in ("first", "second")]
            await asyncio.sleep(0.05)
            self.assertEqual(1, len(self.control_plane.requests))
            await self.report(first)
            second = await waiting[0]
            self.assertFalse(waiting[1].done())
            await self.report(second)
            await waiting[1]

        asyncio.run(run())

    def test_a_call_asks_again_while_other_organizations_have_the_places_and_takes_its_tokens_of_the_minute_once(self):
        self.hook.PLACE_TIMEOUT_SECONDS, self.hook.PLACE_POLL_SECONDS = 5, 0.05
        self.hook._tokens = self.module.MinuteRate(1_000)
        allowed, self.control_plane.answer = self.control_plane.answer, {"allow": False, "reason": "local_busy", "retry_at": "2096-03-04T00:00:00Z"}

        async def run():
            asking = asyncio.ensure_future(self.ask(model=LOCAL))
            while len(self.control_plane.requests) < 3 and not asking.done():
                await asyncio.sleep(0.01)
            self.assertFalse(asking.done())
            self.control_plane.answer = allowed
            await self.report(await asking)

        asyncio.run(run())
        self.assertEqual(1, len({request["request_id"] for request in self.control_plane.requests}))

    def test_the_place_is_free_after_each_end_of_a_call(self):
        async def success(data):
            await self.report(data)

        async def failure(data):
            await self.hook.async_post_call_failure_hook(data, ValueError("no"), support.key())

        async def both(data):
            await self.report(data)
            await self.hook.async_post_call_failure_hook(data, ValueError("no"), support.key())

        async def end_of_the_stream(data):
            await self.stream(data, ["part"], then_wait=False)
            await self.report(data)

        async def hang_up(data):
            await self.hang_up(data)

        async def hang_up_later(data):
            await self.hang_up(data, ["part"])

        async def silence(data):
            await asyncio.sleep(0.4)

        async def run():
            self.hook.MAX_SILENCE_SECONDS = 0.3
            for end in (success, failure, both, end_of_the_stream, hang_up, hang_up_later, silence):
                with self.subTest(end=end.__name__):
                    await end(await self.ask(model=LOCAL))
                    self.assertEqual(1, self.hook._places._free)

        asyncio.run(run())

    def test_a_call_that_does_not_start_keeps_no_place(self):
        async def run():
            for answer, status in (({"allow": False, "reason": "daily_limit"}, 200), ({}, 200), (None, 503), (None, 429)):
                self.control_plane.answer, self.control_plane.status = answer, status
                with self.assertRaises(support.HTTPException):
                    await self.ask(model=LOCAL)
            self.control_plane.delay = 0.3
            asking = asyncio.ensure_future(self.ask(model=LOCAL))
            await asyncio.sleep(0.05)
            waiting = asyncio.ensure_future(self.ask(model=LOCAL))
            await asyncio.sleep(0.05)
            waiting.cancel()
            asking.cancel()
            await asyncio.gather(asking, waiting, return_exceptions=True)
            self.assertEqual((1, 0), (self.hook._places._free, len(self.hook._places._waiting)))

        asyncio.run(run())

    def test_a_place_that_is_given_to_a_cancelled_call_goes_to_the_next(self):
        async def run():
            places = self.module.Places(1)
            await places.take(1)
            cancelled, following = (asyncio.ensure_future(places.take(1)) for _ in range(2))
            await asyncio.sleep(0)
            places.give_back()
            cancelled.cancel()
            self.assertTrue(await following)
            places.give_back()
            self.assertEqual(1, places._free)

        asyncio.run(run())

    def test_an_answer_of_a_local_model_has_the_limit_that_was_reserved(self):
        for limits, limit in (({"max_tokens": None}, 500), ({"max_tokens": -1}, 500), ({"max_tokens": -1, "max_completion_tokens": 70}, 70),
                              ({"max_tokens": 90}, 90), ({"max_tokens": 100_000}, 800), ({"max_tokens": None, "thinking": {"budget_tokens": 20}}, 520)):
            with self.subTest(limits=limits):
                async def run():
                    data = await self.ask(support.chat("x" * 15, **limits))
                    await self.report(data)
                    return data

                data = asyncio.run(run())
                self.assertEqual(limit, data["max_tokens"])
                self.assertNotIn("max_completion_tokens", data)
                self.assertEqual(12 + limit, self.control_plane.requests[-1]["estimated_tokens"])

    def test_other_requests_are_sent_without_a_limit_of_the_hook(self):
        async def run():
            embedding = await self.ask({"model": LOCAL, "input": "text", "litellm_call_id": "c"}, "aembedding")
            other = await self.ask(support.chat(model="gpt-4-turbo", max_tokens=None))
            return embedding.get("max_tokens"), other["max_tokens"]

        self.assertEqual((None, None), asyncio.run(run()))
