import asyncio
import types

import support

TOOL = {"type": "function", "function": {"name": "f"}}


class Refusals(support.HookTest):
    """Requests whose fields would change what LiteLLM reports, or what a provider bills beside it."""

    def refused(self, data, call_type="acompletion"):
        self.assertEqual(403, self.denied(data, call_type).status_code, data)
        self.assertEqual([], self.control_plane.requests, "refused without asking")

    def test_a_request_cannot_name_details_of_its_call(self):
        # LiteLLM adds fields that it does not know to its own details of the call (Logging.update_environment_variables), unless the provider is OpenAI.
        for field, value in {
            "async_complete_streaming_response": True, "complete_streaming_response": {}, "complete_response": True, "call_type": "aget_responses",
            "combined_usage_object": {"total_tokens": 1}, "cache_hit": True, "completion_start_time": "never", "start_time": 0, "end_time": 0,
            "standard_logging_object": {}, "standard_callback_dynamic_params": {}, "response_cost": 0, "has_dispatched_final_stream_success": True,
            "log_event_type": "none", "original_response": "", "additional_args": {}, "httpx_response": {}, "hidden_params": {},
        }.items():
            self.refused(support.chat(**{field: value}))
            self.refused({"model": "nomic-embed-text", "input": "text", field: value}, "aembedding")

    def test_a_request_cannot_have_its_answer_refused_by_a_schema(self):
        schema = {"type": "object", "required": ["never"]}
        self.refused(support.chat(enable_json_schema_validation=True, response_format={"type": "json_schema", "json_schema": {"schema": schema}}))
        self.refused(support.chat(response_format={"type": "json_object", "response_schema": schema, "enforce_validation": True}))
        self.authorize(support.chat(response_format={"type": "json_object", "response_schema": schema}))

    def test_a_request_cannot_keep_a_providers_cache_longer_or_name_one(self):
        for field in ("cached_content", "cachedContent", "cache_control_injection_points"):
            self.refused(support.chat(**{field: "cachedContents/1"}))
        long, short = {"type": "ephemeral", "ttl": "31536000s"}, {"type": "ephemeral"}
        data = self.authorize({**support.chat(cache_control=dict(long)), "messages": [
            {"role": "system", "content": [{"type": "text", "text": "a", "cache_control": dict(long)}]},
            {"role": "user", "content": "b", "cache_control": dict(long)},
            {"role": "tool", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "c", "cache_control": dict(long)}]}]},
            {"role": "user", "content": [{"type": "text", "text": "d", "cache_control": "none"}]},
        ], "tools": [{**TOOL, "cache_control": dict(long)}, {"type": "function", "function": {"name": "g", "cache_control": dict(long)}}]})
        system, user, result, other = data["messages"]
        found = [data, system["content"][0], user, result["content"][0]["content"][0], *data["tools"][:1], data["tools"][1]["function"]]
        self.assertEqual([short] * 6, [holder["cache_control"] for holder in found])
        self.assertEqual("none", other["content"][0]["cache_control"])

    def test_betas_of_anthropic_are_removed(self):
        self.assertEqual(set(support.chat()), set(self.authorize(support.chat(anthropic_beta=["context-1m-2025-08-07"], betas=["context-1m-2025-08-07"]))))

    def test_images_are_not_streamed(self):
        for more in ({"stream": True}, {"partial_images": 3}):
            self.refused({"model": "gpt-image-1", "prompt": "a cat", "litellm_call_id": "c", **more}, "aimage_generation")
        self.authorize({"model": "gpt-image-1", "prompt": "a cat", "litellm_call_id": "c", "stream": False}, "aimage_generation")


class Reports(support.HookTest):
    """What LiteLLM reports after all, should a field of a client get into it."""

    def test_what_the_hook_authorized_is_counted_whatever_its_type_is_said_to_be(self):
        for call_type in ("aget_responses", "aretrieve_batch", "acancel_responses"):
            self.control_plane.counted.clear()
            self.succeed(self.authorize(), call_type=call_type)
            self.assertEqual([(12, 30)], [(event["prompt_tokens"], event["completion_tokens"]) for event in self.delivered()])

    def test_images_count_as_those_that_were_requested_whatever_their_type_is_said_to_be(self):
        data = self.authorize({"model": "gpt-image-1", "prompt": "a cat", "n": 3, "litellm_call_id": "c"}, "aimage_generation")
        self.succeed(data, call_type="acompletion")
        self.assertEqual(("image", 3), (self.delivered()[0]["feature"], self.delivered()[0]["quantity"]))
        self.control_plane.counted.clear()
        self.succeed(self.authorize(), call_type="aimage_generation")
        self.assertNotIn("feature", self.delivered()[0])

    def test_the_usage_of_the_response_counts_if_the_payload_says_less_or_is_missing(self):
        usage = {"prompt_tokens": 900, "completion_tokens": 70, "total_tokens": 1_000}
        for response in ({"id": "r", "usage": usage}, types.SimpleNamespace(id="r", usage=types.SimpleNamespace(**usage))):
            self.control_plane.counted.clear()
            self.succeed(self.authorize(), response=response, prompt_tokens=0, completion_tokens=1)
            data = self.authorize()
            with self.assertLogs("budget_hook", "ERROR"):
                asyncio.run(self.hook.async_log_success_event({"litellm_params": {"metadata": data["metadata"]}}, response, None, None))
            self.assertEqual([(900, 100)] * 2, [(event["prompt_tokens"], event["completion_tokens"]) for event in self.delivered(2)])
            self.assertTrue(all(event["reservation_id"] and event["model"] == data["model"] for event in self.control_plane.counted.values()))

    def test_without_payload_and_usage_the_whole_reservation_counts(self):
        async def run():
            data = await self.hook.async_pre_call_hook(support.key(), None, support.chat(), "acompletion")
            for _ in range(2):
                await self.hook.async_log_success_event({"standard_logging_object": None, "litellm_params": {"metadata": data["metadata"]}}, None, None, None)

        with self.assertLogs("budget_hook", "ERROR"):
            asyncio.run(run())
        event = self.delivered()[0]
        self.assertEqual(self.control_plane.requests[0]["estimated_tokens"], event["prompt_tokens"] + event["completion_tokens"])
        self.assertEqual((100, 1), (event["completion_tokens"], len(self.control_plane.counted)))

    def test_an_error_that_carries_the_answer_counts_the_whole_reservation(self):
        async def run():
            data = await self.hook.async_pre_call_hook(support.key(), None, support.chat(), "acompletion")
            error = ValueError("returned an invalid response")
            error.raw_response = "the answer"
            await self.hook.async_log_failure_event(support.log_event(data, status="failure", prompt_tokens=9, completion_tokens=0), None, None, None)
            await self.hook.async_post_call_failure_hook(data, error, support.key())

        asyncio.run(run())
        self.assertEqual([100], [event["completion_tokens"] for event in self.delivered()])
