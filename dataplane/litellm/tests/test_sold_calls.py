import importlib
import pathlib
import re
import sys
import types
import unittest

import litellm_names
import support

SOLD = {"acompletion", "completion", "atext_completion", "text_completion", "aembedding", "embedding", "embeddings", "aimage_generation", "image_generation"}

# Fields of LiteLLM that a client may send: what they change costs nothing, or LiteLLM overwrites, counts or removes them itself.
HARMLESS = set("""
    _agentic_loop_depth _agentic_loop_fingerprints _agentic_loop_api_surface _code_interpreter_interception_active _code_interpreter_interception_sandbox_key
    _code_interpreter_interception_session_scoped _code_interpreter_interception_converted_stream _websearch_interception_emit_native_blocks
    _websearch_interception_converted_stream litellm_trusted_callback_vars metadata litellm_metadata keepalive_seconds allow_client_keepalive_override
    litellm_trace_id guardrails tags acompletion aimg_generation atext_completion text_completion disable_add_transform_inline_image_block litellm_logging_obj
    litellm_call_id _litellm_strip_stream_usage use_client id roles final_prompt_value bos_token eos_token self client rpm tpm itpm otpm max_parallel_requests
    hf_model_name proxy_server_request secret_fields ttl cache enable_prompt_caching supports_system_message user_continue_message weight
    ensure_alternating_roles assistant_continue_message fallback_depth max_fallbacks attempted_targets max_budget budget_duration use_in_pass_through
    merge_reasoning_content_in_choices litellm_session_id use_chat_completions_api rust shared_session order enable_tag_filtering
    output_vector_size
""".split())


class SoldCallsTest(support.HookTest):
    def refused(self, data, call_type="acompletion", status=403):
        refusal = self.denied(data, call_type)
        self.assertEqual(status, refusal.status_code, (call_type, data))
        self.assertRegex(refusal.detail, r"^[A-Z].* The request was not sent\. Nothing was charged\.$")
        self.assertEqual("false", refusal.headers["x-should-retry"])
        self.assertEqual([], self.control_plane.requests, "refused without asking")

    def test_every_call_type_of_litellm_that_is_not_sold_is_refused_also_with_a_model_that_is_allowed(self):
        for call_type in {*litellm_names.CALL_TYPES, *litellm_names.OTHER_CALL_TYPES, "a_call_type_of_a_later_release"} - SOLD:
            self.refused(support.chat(), call_type)

    def test_calls_that_plans_sell_are_authorized(self):
        self.assertEqual(SOLD, set(self.module.SOLD_CALL_TYPES))
        for call_type in SOLD:
            self.authorize(call_type=call_type)
        self.assertEqual(len(SOLD), len(self.control_plane.requests))

    def test_a_pass_through_request_is_refused_whatever_its_body_names(self):
        for body in ({"contents": [{"parts": [{"text": "hello"}]}]}, {"model": "mistral:7b-instruct", "contents": []}, [], None, "text"):
            self.refused(body, "pass_through_endpoint")

    def test_a_batch_is_refused(self):
        self.refused({"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}, "acreate_batch")
        self.refused({"input_file_id": "file-1", "model": "mistral:7b-instruct"}, "acreate_batch")

    def test_a_request_without_one_model_is_refused(self):
        for model in (None, "", " ", 7, ["mistral:7b-instruct"], {"name": "mistral:7b-instruct"}, "mistral:7b-instruct,gpt-4-turbo", "m" * 201,
                      "mistral:7b-instruct\x00", " mistral:7b-instruct"):
            self.refused(support.chat(model=model), status=400)

    def test_a_model_in_the_body_does_not_open_a_path_that_names_another_one(self):
        for path in ("/gemini/v1beta/models/gemini-pro:generateContent", "/models/gemini-pro:generateContent", "/openai/deployments/gpt-4-turbo/chat/completions",
                     "/engines/gpt-4-turbo/chat/completions", "/openai/v1/chat/completions", "/v1/chat/completions/../../gemini/v1beta/models", "/v1/responses"):
            self.refused(support.chat(proxy_server_request={"url": "http://litellm:4000" + path, "headers": {}}))

    def test_the_paths_that_open_webui_calls_are_authorized(self):
        for path in ("/v1/chat/completions", "/v1/embeddings", "/v1/images/generations", "/chat/completions?timeout=5"):
            self.authorize(support.chat(proxy_server_request={"url": "http://litellm:4000" + path, "headers": {}}))
        self.assertEqual(4, len(self.control_plane.requests))

    def test_a_request_cannot_name_a_second_model_provider_or_server(self):
        for field, value in {
            "fallbacks": ["gpt-4-turbo"], "context_window_fallbacks": [{"mistral:7b-instruct": ["gpt-4-turbo"]}], "content_policy_fallbacks": [{}],
            "extra_body": {"model": "gpt-4-turbo"}, "user_config": {"model_list": []}, "model_list": [], "router_settings_override": {"fallbacks": []},
            "api_base": "http://ollama:11434", "base_url": "http://ollama:11434", "api_key": "sk-other", "custom_llm_provider": "openai", "deployment_id": "gpt-4-turbo",
            "litellm_credential_name": "shared", "extra_headers": {"OpenAI-Organization": "org"}, "organization": "org", "prompt_id": "p1", "models": ["gpt-4-turbo"],
            "fastest_response": True, "vertex_project": "p", "aws_role_name": "r", "auto_router_default_model": "gpt-4-turbo", "use_litellm_proxy": True,
        }.items():
            self.refused(support.chat(**{field: value}))

    def test_a_request_cannot_keep_its_call_from_being_counted(self):
        for field, value in {
            "no-log": True, "litellm_disabled_callbacks": ["budget_hook"], "callbacks": [], "success_callback": ["langfuse"], "mock_response": "free",
            "mock_testing_fallbacks": True, "preset_cache_key": "of-another-chat", "input_cost_per_token": 0, "base_model": "cheap",
        }.items():
            self.refused(support.chat(**{field: value}))

    def test_a_request_cannot_drop_the_limit_that_was_reserved(self):
        self.refused(support.chat(additional_drop_params=["max_tokens", "stream_options"]))
        for field in ("num_predict", "generationConfig", "generation_config", "max_new_tokens", "max_length", "max_tokens_to_sample", "maxTokens", "candidate_count"):
            self.refused(support.chat(**{field: 100_000}))
        # LiteLLM would send it to Gemini in place of max_tokens.
        self.assertNotIn("max_output_tokens", self.authorize(support.chat(max_output_tokens=100_000)))
        self.control_plane.requests.clear()
        for field in ("n", "best_of", "max_tokens", "max_completion_tokens"):
            for value in ("1", 1.5, True, [1], float("nan")):
                self.refused(support.chat(**{field: value}), status=400)

    def test_a_request_cannot_order_what_providers_bill_beside_tokens(self):
        for field, value in {
            "web_search_options": {}, "search_parameters": {"mode": "on"}, "plugins": [{"id": "web"}], "mcp_servers": [{"url": "https://example.com"}], "enable_search": True,
            "container": "c1", "vector_store_ids": ["v1"], "background": True, "service_tier": "priority", "speed": "fast", "inference_geo": "us",
            "modalities": ["text", "image"],
        }.items():
            self.refused(support.chat(**{field: value}))
        for tools in (
            [{"type": "web_search"}], [{"type": "web_search_20250305", "name": "web_search"}], [{"googleSearch": {}}], [{"code_execution": {}}],
            [{"type": "mcp", "server_url": "litellm_proxy"}], [{"type": "function", "function": {"name": "f"}, "googleSearch": {}}], ["web_search"], {"googleSearch": {}},
            [{"type": "function", "function": {"name": "f"}}, {"type": "code_interpreter"}], [{"type": ["function"]}], [{"type": "image_generation"}],
        ):
            self.refused(support.chat(tools=tools))
            self.refused(support.chat(functions=tools))

    def test_functions_that_the_client_runs_are_sold(self):
        function = {"name": "web_search", "description": "Searches.", "parameters": {"type": "object", "properties": {"url": {"type": "string"}}}}
        for more in ({"tools": [{"type": "function", "function": function}]}, {"tools": [{"function": function}]}, {"functions": [function]}, {"tools": []},
                     {"tools": [{"type": "custom", "custom": {"name": "f"}}]}, {"service_tier": "default"}, {"modalities": ["text", "audio"]}, {"max_tokens": 5.0}):
            self.authorize(support.chat(**more))
        self.assertEqual(8, len(self.control_plane.requests))

    def test_a_request_cannot_change_how_a_shared_model_is_loaded(self):
        for field, value in {"keep_alive": -1, "options": {"num_ctx": 131_072}}.items():
            self.refused(support.chat(**{field: value}))
            self.refused({"model": "nomic-embed-text", "input": "text", field: value}, "aembedding")
        data = self.authorize(support.chat(num_ctx=131_072, num_gpu=0, num_thread=1, use_mmap=False, temperature=0.5))
        self.assertEqual({*support.chat(), "temperature"}, set(data))

    def test_media_of_a_message_are_inline(self):
        data = "data:image/png;base64,AAAA"
        for url in ("https://example.com/cat.png", "http://169.254.169.254/latest/meta-data", "HTTP://ollama:11434/api/tags", " https://example.com", "//example.com",
                    "gs://bucket/file", "file:///etc/passwd", "files/abc", "AAAA", ""):
            for part in (
                {"type": "image_url", "image_url": {"url": url}}, {"type": "image_url", "image_url": url}, {"type": "file", "file": {"file_id": url}},
                {"type": "file", "file": {"file_data": url}}, {"type": "video_url", "video_url": {"url": url}}, {"type": "image", "source": {"type": "url", "url": url}},
                {"type": "tool_result", "content": [{"type": "image_url", "image_url": {"url": url}}]},
            ):
                self.refused({**support.chat(), "messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, part]}]}, status=400)
            self.refused({**support.chat(), "messages": [{"role": "user", "content": "What is it?", "images": [url]}]}, status=400)
        self.authorize({**support.chat(), "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": data}},
                                                                                  {"type": "text", "text": "Compare it with https://example.com/cat.png."}]}]})

    def test_text_may_name_urls(self):
        for message in (
            {"role": "user", "content": "https://example.com"}, {"role": "assistant", "content": None, "tool_calls": [{"function": {"arguments": "{\"url\": \"https://x\"}"}}]},
            {"role": "user", "content": ["https://example.com"]}, {"role": "tool", "content": "{\"url\": \"https://x\"}"},
            {"role": "assistant", "content": [{"type": "text", "text": "See", "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x"}}]}]},
            {"role": "assistant", "content": [{"type": "tool_use", "name": "fetch", "input": {"url": "https://x"}}]},
        ):
            self.authorize({**support.chat(), "messages": [message]})
        for messages in (None, "text", 7, [None, "text"]):
            self.authorize({**support.chat(), "messages": messages})

    def test_embeddings_take_text(self):
        # LiteLLM counts no tokens of an embedding with media, not even those of the text beside it.
        for texts in ("data:image/png;base64,AAAA", ["a long text", "data:image/png;base64,AAAA"], [["a", "gs://bucket/file"]], ["files/abc"], [{"image": "data:image/png;base64,AAAA"}]):
            self.refused({"model": "text-embedding-3-small", "input": texts}, "aembedding", status=400)
        for texts in ("text", ["https://example.com is a page", "data: none"], [[1, 2], [3]], [7], None):
            self.authorize({"model": "text-embedding-3-small", "input": texts}, "aembedding")

    def test_a_client_cannot_end_or_repeat_the_providers_work(self):
        data = self.authorize(support.chat(timeout=0.1, stream_timeout=0.1, num_retries=50, max_retries=50, request_timeout=1,
                                           provider_specific_header={"extra_headers": {"anthropic-beta": "context-1m-2025-08-07"}}))
        self.assertEqual(set(support.chat()), set(data))

    def test_a_client_cannot_keep_a_provider_from_sending_its_usage(self):
        data = self.authorize(support.chat(stream=True, stream_options={"include_usage": False, "include_obfuscation": False}))
        self.assertEqual({"include_usage": True, "include_obfuscation": False}, data["stream_options"])
        for stream in ("true", 1, 1.0, [True], "false", 0):
            self.assertEqual(400, self.denied(support.chat(stream=stream)).status_code)
        for options in ({}, {"include_usage": None}, {"include_usage": 0}, {"include_usage": "false"}, [], "none"):
            self.assertEqual({"include_usage": True}, self.authorize(support.chat(stream=True, stream_options=options))["stream_options"])
        for more in ({"stream": True}, {"stream": True, "stream_options": None}, {"stream_options": {"include_usage": False}}):
            self.assertEqual(support.chat(**more).get("stream_options"), self.authorize(support.chat(**more)).get("stream_options"))

    def test_each_field_that_litellm_takes_for_itself_is_refused_or_ignored_or_harmless(self):
        for field in litellm_names.PARAMETERS:
            refused = field in self.module.REFUSED_FIELDS or bool(self.module.REFUSED_FIELD_NAMES.fullmatch(field))
            self.assertEqual(1, refused + (field in self.module.IGNORED_FIELDS) + (field in HARMLESS), field)
        self.assertEqual(set(), HARMLESS - set(litellm_names.PARAMETERS))

    def test_a_field_without_a_value_is_no_reason_to_refuse(self):
        self.authorize(support.chat(fallbacks=None, service_tier=None, tools=None, n=None))
        self.assertEqual(1, len(self.control_plane.requests))

    def test_a_refused_request_releases_no_reservation_that_its_client_names(self):
        data = {"contents": [], "metadata": {"budget_note": {"id": "1", "reservation_id": "0199b000-0000-7000-8000-000000000009"}}}
        self.refused(data, "pass_through_endpoint")
        self.fail_call(data)
        self.assertEqual([], self.files(".json"))


class FailOpenTest(support.HookTest):
    settings = {"BUDGET_FAIL_OPEN": "true"}

    def test_calls_that_are_not_sold_are_refused_also_when_the_hook_fails_open(self):
        self.control_plane.status = 503
        self.assertEqual(403, self.denied({"contents": []}, "pass_through_endpoint").status_code)
        self.assertEqual(400, self.denied(support.chat(model="mistral:7b-instruct,gpt-4-turbo")).status_code)


class PinnedNamesTest(unittest.TestCase):
    def test_the_readme_says_what_becomes_of_each_call_type(self):
        # Also from the output folder of tests/Journeys, to which only the Python files are copied.
        readme = next(folder / "dataplane/litellm/README.md" for folder in pathlib.Path(support.HOOK).parents if (folder / "dataplane/litellm/README.md").exists())
        section = readme.read_text(encoding="utf-8").split("\n## Call types\n")[1].split("\n## ")[0]
        listed = [name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
        self.assertEqual(sorted(listed), sorted(set(listed)), "each once")
        self.assertEqual(set(litellm_names.CALL_TYPES), set(listed))

    def test_the_comparison_with_an_installed_litellm_finds_what_is_new(self):
        async def with_other_parameters(self, data, call_type):
            pass

        async def log_event(self, kwargs, response_obj, start_time, end_time):
            pass

        async def failure(self, request_data, original_exception, user_api_key_dict, traceback_str=None):
            pass

        async def stream(self, user_api_key_dict, response, request_data):
            pass

        call_types = [types.SimpleNamespace(value=name) for name in litellm_names.CALL_TYPES[1:] + ["aspend"]]
        logger = type("CustomLogger", (), {"async_pre_call_hook": with_other_parameters, "async_log_success_event": log_event, "async_log_failure_event": log_event,
                                           "async_post_call_failure_hook": failure, "async_post_call_streaming_iterator_hook": stream})
        saved = dict(sys.modules)
        self.addCleanup(lambda: (sys.modules.clear(), sys.modules.update(saved)))
        support.install_stubs()
        sys.modules["litellm.integrations.custom_logger"].CustomLogger = logger
        sys.modules["litellm.types"], sys.modules["litellm.types.utils"] = types.ModuleType("litellm.types"), types.ModuleType("litellm.types.utils")
        for name, value in {"CallTypes": call_types, "all_litellm_params": litellm_names.PARAMETERS + ["spend_more", "dd_site"],
                            "StandardCallbackDynamicParams": types.SimpleNamespace(__annotations__={"dd_site": str}),
                            "CustomPricingLiteLLMParams": types.SimpleNamespace(model_fields={})}.items():
            setattr(sys.modules["litellm.types.utils"], name, value)
        self.assertEqual([
            "new call type, refused until it is sold: aspend", "call type no longer exists: embedding",
            "new request field: decide whether budget_hook.py refuses it: spend_more", "CustomLogger.async_pre_call_hook has the parameters data, call_type",
        ], list(importlib.import_module("compare_litellm").differences()))
