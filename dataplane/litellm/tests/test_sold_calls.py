import support

# Every call type of LiteLLM (CallTypes, and the route types of its request processing) that is not sold.
NOT_SOLD = """
    pass_through_endpoint allm_passthrough_route anthropic_messages aanthropic_messages agenerate_content agenerate_content_stream
    responses aresponses _aresponses_websocket aget_responses adelete_responses acancel_responses acompact_responses alist_input_items
    _arealtime acreate_realtime_client_secret arealtime_calls
    create_batch acreate_batch retrieve_batch aretrieve_batch cancel_batch acancel_batch alist_batches
    acreate_file afile_content afile_retrieve afile_delete afile_list acreate_fine_tuning_job acancel_fine_tuning_job alist_fine_tuning_jobs aretrieve_fine_tuning_job
    acreate_assistants aget_assistants adelete_assistant acreate_thread aget_thread a_add_message aget_messages arun_thread arun_thread_stream
    moderation amoderation transcription atranscription audio_transcription speech aspeech rerank arerank search asearch ocr aocr image_edit aimage_edit
    create_video avideo_generation avideo_edit avideo_remix avideo_content avideo_list
    avector_store_create avector_store_search avector_store_file_create acreate_container aupload_container_file aingest acreate_skill
    acreate_interaction asend_message call_mcp_tool mcp_call acreate_eval acreate_run acreate_agent a_call_type_of_a_later_release
""".split()


class SoldCallsTest(support.HookTest):
    def refused(self, data, call_type="acompletion", status=403):
        refusal = self.denied(data, call_type)
        self.assertEqual(status, refusal.status_code, (call_type, data))
        self.assertRegex(refusal.detail, r"^[A-Z].* The request was not sent\. Nothing was charged\.$")
        self.assertEqual("false", refusal.headers["x-should-retry"])
        self.assertEqual([], self.control_plane.requests, "refused without asking")

    def test_calls_that_plans_sell_are_authorized(self):
        for call_type in ("acompletion", "completion", "atext_completion", "text_completion", "aembedding", "embeddings", "aimage_generation", "image_generation"):
            self.authorize(call_type=call_type)
        self.assertEqual(8, len(self.control_plane.requests))

    def test_every_other_call_type_is_refused_also_with_a_model_that_is_allowed(self):
        for call_type in NOT_SOLD:
            self.refused(support.chat(), call_type)

    def test_a_pass_through_request_is_refused_whatever_its_body_names(self):
        for body in ({"contents": [{"parts": [{"text": "hello"}]}]}, {"model": "mistral:7b-instruct", "contents": []}, [], None, "text"):
            self.refused(body, "pass_through_endpoint")

    def test_a_batch_is_refused(self):
        self.refused({"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}, "acreate_batch")
        self.refused({"input_file_id": "file-1", "model": "mistral:7b-instruct"}, "acreate_batch")

    def test_a_request_without_a_model_is_refused(self):
        for model in (None, "", " ", 7, ["mistral:7b-instruct"], {"name": "mistral:7b-instruct"}):
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
            "litellm_credential_name": "shared",
        }.items():
            self.refused(support.chat(**{field: value}))

    def test_a_field_without_a_value_is_no_reason_to_refuse(self):
        self.authorize(support.chat(fallbacks=None))
        self.assertEqual(1, len(self.control_plane.requests))

    def test_a_refused_request_releases_no_reservation_that_its_client_names(self):
        data = {"contents": [], "metadata": {"budget_note": {"reservation_id": "0199b000-0000-7000-8000-000000000009"}}}
        self.refused(data, "pass_through_endpoint")
        self.fail_call(data)
        self.assertEqual([], self.files(".json"))


class FailOpenTest(support.HookTest):
    settings = {"BUDGET_FAIL_OPEN": "true"}

    def test_calls_that_are_not_sold_are_refused_also_when_the_hook_fails_open(self):
        self.control_plane.status = 503
        self.assertEqual(403, self.denied({"contents": []}, "pass_through_endpoint").status_code)
