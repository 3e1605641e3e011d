import asyncio
import time

import support

LOCAL = "mistral:7b-instruct"


class RunningCallsTest(support.HookTest):
    """Calls on one event loop, as in LiteLLM's proxy."""

    settings = {"BUDGET_LOCAL_MODELS": LOCAL, "BUDGET_LOCAL_CALLS": "1", "BUDGET_LOCAL_MAX_TOKENS": "800", "BUDGET_DEFAULT_MAX_TOKENS": "500"}

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

        through_hook = self.hook.async_post_call_streaming_iterator_hook(user_api_key_dict=support.key(), response=response(), request_data=data)
        return [part async for part in through_hook]

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
