import asyncio

import support
from running_calls import RunningCallsTest

RESERVATION = "0199b000-0000-7000-8000-000000000001"


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

    def test_an_answer_that_is_read_slowly_ends_before_its_reservation(self):
        async def run():
            data = await self.ask(self.chat())
            call = self.hook._running[data["metadata"]["budget_note"]["id"]]
            call.authorized_at -= self.hook.MAX_CALL_SECONDS - 0.3

            async def response():
                for _ in range(100):
                    yield {"choices": [{"delta": {"content": "word " * 10}}]}
                    await asyncio.sleep(0.02)

            through_hook = self.hook.async_post_call_streaming_iterator_hook(user_api_key_dict=support.key(), response=response(), request_data=data)
            return len([part async for part in through_hook])

        parts = asyncio.run(run())
        self.assertTrue(0 < parts < 100, parts)
        event = self.delivered()[0]
        self.assertEqual(RESERVATION, event["reservation_id"])
        self.assertGreater(event["completion_tokens"], 0)
        self.nothing_else_is_counted(1)

    def test_a_success_that_is_reported_after_all_counts_what_the_estimate_lacked(self):
        cached = {"usage_object": {"prompt_tokens_details": {"cached_tokens": 800}}}
        for prompt, rest in ((900, 0), (5_000, 5_000 - 1_007)):
            with self.subTest(prompt=prompt):
                self.control_plane.counted.clear()

                async def run():
                    data = await self.ask(self.chat())
                    await self.hang_up(data)
                    for _ in range(2):
                        await self.report(data, prompt_tokens=prompt, completion_tokens=4, metadata=cached)

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

    def test_a_call_whose_end_is_never_reported_counts_what_was_reserved_once(self):
        self.hook.MAX_SILENCE_SECONDS = 0.1

        async def run():
            await self.ask(self.chat())
            await self.ask({"model": "gpt-image-1", "prompt": "a cat", "n": 2, "litellm_call_id": "c"}, "aimage_generation")
            await asyncio.sleep(0.5)

        asyncio.run(run())
        self.assertEqual([(2, 0), (1_007, 100)], self.counts(2))
        self.assertEqual([None, 2], sorted((event.get("quantity") for event in self.control_plane.counted.values()), key=str, reverse=True))
        self.nothing_else_is_counted(2)

    def test_the_end_that_is_reported_after_all_counts_what_the_reservation_lacked(self):
        self.hook.MAX_SILENCE_SECONDS = 0.1
        details = {"usage_object": {"completion_tokens_details": {"reasoning_tokens": 40}}}

        async def run():
            chat = await self.ask(self.chat())
            image = await self.ask({"model": "gpt-image-1", "prompt": "a cat", "n": 2, "litellm_call_id": "c"}, "aimage_generation")
            await asyncio.sleep(0.5)
            await self.report(chat, prompt_tokens=1_207, completion_tokens=150, metadata=details)
            await self.report(image, call_type="aimage_generation", prompt_tokens=2, completion_tokens=4_160)

        asyncio.run(run())
        self.assertEqual([(0, 4_160), (2, 0), (200, 50), (1_007, 100)], self.counts(4))
        self.assertEqual(1, sum("feature" in event for event in self.control_plane.counted.values()))
        self.assertFalse(any("reasoning_tokens" in event for event in self.control_plane.counted.values()))
        self.nothing_else_is_counted(4)

    def test_a_stream_that_fails_counts_what_was_sent_before(self):
        # LiteLLM ends a stream whose model repeats itself a hundred times, and reports no usage. A client can ask for that after the answer.
        async def broken(data, parts):
            async def response():
                yield {"choices": [{"delta": {"role": "assistant", "content": ""}}]}
                for text in parts:
                    yield {"choices": [{"delta": {"content": text}}]}
                raise RuntimeError("The model is repeating the same chunk")

            try:
                async for _ in self.hook.async_post_call_streaming_iterator_hook(user_api_key_dict=support.key(), response=response(), request_data=data):
                    pass
            except RuntimeError as error:
                return error

        async def run():
            for parts, reported in ((["the answer"] + ["word "] * 100, (0, 0)), ([], (0, 0)), (["the answer"], (900, 70)), (["the answer"], (0, 0))):
                data = await self.ask(self.chat())
                error = await broken(data, parts)
                attempt = support.log_event(data, status="failure", prompt_tokens=reported[0], completion_tokens=reported[1])
                await self.hook.async_log_failure_event(attempt, None, None, None)
                await self.hook.async_post_call_failure_hook(data, error, support.key())
                await self.hook.async_post_call_failure_hook(data, error, support.key())
            await self.hook.async_log_failure_event(support.log_event(data, status="failure", prompt_tokens=900, completion_tokens=70), None, None, None)

        asyncio.run(run())
        self.assertEqual([(0, 0), (0, 0), (0, 66), (900, 70), (1_007, 4), (1_007, 204)], self.counts(6))
        self.nothing_else_is_counted(6)

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
