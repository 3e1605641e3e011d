import asyncio
import time

import support

RESERVATION = "0199b000-0000-7000-8000-000000000001"
LOCAL = "mistral:7b-instruct"


class RunningCallsTest(support.HookTest):
    settings = {"BUDGET_LOCAL_MODELS": LOCAL, "BUDGET_LOCAL_CALLS": "1", "BUDGET_DEFAULT_MAX_TOKENS": "500"}

    def setUp(self):
        super().setUp()
        self.hook.PLACE_TIMEOUT_SECONDS = 0.2

    async def ask(self, data=None, call_type="acompletion", model="gpt-4-turbo"):
        return await self.hook.async_pre_call_hook(support.key(), None, data or support.chat(model=model), call_type)

    async def stream(self, data, parts, then_wait=True):
        """The parts that a client receives, as LiteLLM's proxy reads them through the hook."""
        async def response():
            for part in parts:
                yield part
            if then_wait:
                await asyncio.sleep(60)

        return [part async for part in self.hook.async_post_call_streaming_iterator_hook(user_api_key_dict=support.key(), response=response(), request_data=data)]

    async def hang_up(self, data, parts=()):
        """Cancels the stream as LiteLLM does when its client disconnects."""
        reading = asyncio.ensure_future(self.stream(data, parts))
        await asyncio.sleep(0.05)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        self.assertTrue(reading.cancelled())

    async def report(self, data, **payload):
        await self.hook.async_log_success_event(support.log_event(data, **payload), None, None, None)

    def counts(self, number=1):
        return sorted((event["prompt_tokens"], event["completion_tokens"]) for event in self.delivered(number))

    def nothing_else_is_counted(self, number):
        time.sleep(0.2)
        self.assertEqual(number, len(self.control_plane.counted))
        self.assertEqual({}, dict(self.hook._running))


class HangUpTest(RunningCallsTest):
    prompt = "x" * 3_000

    def chat(self, **more):
        return support.chat(self.prompt, model="gpt-4-turbo", **more)

    def test_a_hang_up_before_the_first_part_counts_the_prompt_at_once(self):
        async def run():
            data = await self.ask(self.chat())
            await self.hang_up(data)
            return data

        data = asyncio.run(run())
        event = self.delivered()[0]
        estimate = self.control_plane.requests[0]["estimated_tokens"] - 100
        self.assertGreater(estimate, 1_000)
        self.assertEqual((data["metadata"]["budget_note"]["id"] + ":prompt", estimate, 0, RESERVATION, "gpt-4-turbo", "user-7"), tuple(
            event[name] for name in ("id", "prompt_tokens", "completion_tokens", "reservation_id", "model", "user")))
        self.nothing_else_is_counted(1)

    def test_a_hang_up_after_the_first_part_is_counted_as_litellm_reports_it(self):
        async def run():
            data = await self.ask(self.chat())
            await self.hang_up(data, ["part"])
            await self.report(data, prompt_tokens=900, completion_tokens=1)

        asyncio.run(run())
        self.assertEqual([(900, 1)], self.counts())
        self.nothing_else_is_counted(1)

    def test_a_success_that_is_reported_after_all_counts_what_the_estimate_lacked(self):
        for prompt, rest in ((900, 0), (5_000, 5_000 - 1_007)):
            with self.subTest(prompt=prompt):
                self.control_plane.counted.clear()

                async def run():
                    data = await self.ask(self.chat())
                    await self.hang_up(data)
                    for _ in range(2):
                        await self.report(data, prompt_tokens=prompt, completion_tokens=4, metadata={"usage_object": {"prompt_tokens_details": {"cached_tokens": 800}}})

                asyncio.run(run())
                self.assertEqual(sorted([(1_007, 0), (rest, 4)]), self.counts(2))
                self.assertFalse(any("cached_prompt_tokens" in event for event in self.control_plane.counted.values()))
                self.nothing_else_is_counted(2)

    def test_a_failed_attempt_that_was_billed_is_counted_without_the_prompt_that_was(self):
        async def run():
            data = await self.ask(self.chat())
            await self.hang_up(data)
            payload = support.log_event(data, status="failure", prompt_tokens=900, completion_tokens=7)
            await self.hook.async_log_failure_event(payload, None, None, None)
            await self.hook.async_post_call_failure_hook(data, ValueError("no"), support.key())

        asyncio.run(run())
        self.assertEqual([(0, 7), (1_007, 0)], self.counts(2))
        self.nothing_else_is_counted(2)

    def test_a_call_whose_end_is_never_reported_counts_its_prompt_once(self):
        self.hook.MAX_SILENCE_SECONDS = 0.1

        async def run():
            await self.ask(self.chat())
            await asyncio.sleep(0.5)

        asyncio.run(run())
        self.assertEqual([(1_007, 0)], self.counts())
        self.nothing_else_is_counted(1)

    def test_a_long_answer_is_not_given_up_while_parts_arrive(self):
        self.hook.MAX_SILENCE_SECONDS = 0.2

        async def run():
            data = await self.ask(self.chat())

            async def slow():
                for part in range(8):
                    await asyncio.sleep(0.05)
                    yield part

            async for _ in self.hook.async_post_call_streaming_iterator_hook(user_api_key_dict=support.key(), response=slow(), request_data=data):
                pass
            await self.report(data)
            await asyncio.sleep(0.4)

        asyncio.run(run())
        self.assertEqual([(12, 30)], self.counts())
        self.nothing_else_is_counted(1)

    def test_what_was_not_sent_or_has_ended_costs_nothing_more(self):
        self.hook.MAX_SILENCE_SECONDS = 0.1

        async def run():
            failed = await self.ask(self.chat())
            await self.hook.async_post_call_failure_hook(failed, ValueError("no"), support.key())
            await self.report(await self.ask(self.chat()))
            self.control_plane.answer = {"allow": False, "reason": "daily_limit"}
            for data in (self.chat(), self.chat(fallbacks=["another"])):
                try:
                    await self.ask(data)
                except support.HTTPException:
                    pass
            await asyncio.sleep(0.4)

        asyncio.run(run())
        self.assertEqual([(0, 0), (12, 30)], self.counts(2))
        self.nothing_else_is_counted(2)

    def test_the_memory_is_bounded(self):
        self.hook.MAX_RUNNING_CALLS = 2

        async def run():
            calls = [await self.ask(self.chat()) for _ in range(3)]
            self.assertEqual(2, len(self.hook._running))
            for data in calls:
                await self.report(data, prompt_tokens=900)

        asyncio.run(run())
        self.assertEqual([(0, 30), (900, 30), (900, 30), (1_007, 0)], self.counts(4))

    def test_a_stream_passes_unchanged(self):
        async def run():
            data = await self.ask(self.chat())
            self.assertEqual(["a", "b"], await self.stream(data, ["a", "b"], then_wait=False))
            self.assertEqual(["a"], await self.stream({}, ["a"], then_wait=False))

        asyncio.run(run())


class FailOpenTest(RunningCallsTest):
    settings = {"BUDGET_FAIL_OPEN": "true"}

    def test_a_failed_call_without_reservation_is_not_counted_later(self):
        self.control_plane.status = 503
        self.hook.MAX_SILENCE_SECONDS = 0.1

        async def run():
            data = await self.ask()
            await self.hook.async_post_call_failure_hook(data, ValueError("no"), support.key())
            await asyncio.sleep(0.3)

        asyncio.run(run())
        self.control_plane.status = 200
        self.nothing_else_is_counted(0)


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
        for limits, limit in (({"max_tokens": None}, 500), ({"max_tokens": -1}, 500), ({"max_tokens": -1, "max_completion_tokens": 70}, 70), ({"max_tokens": 90}, 90),
                              ({"max_tokens": None, "thinking": {"budget_tokens": 20}}, 520)):
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
