import io
import json
import os
import re
import runpy
import unittest
import unittest.mock
import urllib.error

import support

SCRIPT = os.path.join(os.path.dirname(support.HOOK), "create_virtual_key.py")
KEY = "sk-virtual"


class FakeLiteLLM:
    """The part of LiteLLM's key management that the script uses."""

    def __init__(self, keys=None, ignores=(), models=("mistral:7b-instruct", "gpt-5")):
        self.keys, self.ignores, self.models, self.writes = keys or {}, ignores, models, []

    def urlopen(self, request, timeout):
        if request.get_header("Authorization") != "Bearer sk-master":
            raise AssertionError("only the master key manages keys")
        path = request.full_url.removeprefix("http://localhost:4000")
        if path == "/key/info?key=" + KEY:
            if KEY not in self.keys:
                raise urllib.error.HTTPError(request.full_url, 404, "not found", {}, None)
            return Response({"key": KEY, "info": self.keys[KEY]})
        if path == "/v1/models":
            return Response({"data": [{"id": model, "object": "model"} for model in self.models]})
        body = json.loads(request.data)
        self.writes.append((path, body))
        self.keys.setdefault(KEY, {}).update({field: body[field] for field in ("allowed_routes", "models") if field not in self.ignores})
        return Response(body)


class Response(io.BytesIO):
    status = 200

    def __init__(self, value):
        super().__init__(json.dumps(value).encode())


class VirtualKeyTest(unittest.TestCase):
    def run_script(self, litellm):
        """Returns the script's names, or the message it exits with."""
        with unittest.mock.patch.dict(os.environ, {"LITELLM_VIRTUAL_KEY": KEY, "LITELLM_MASTER_KEY": "sk-master"}), \
                unittest.mock.patch("urllib.request.urlopen", litellm.urlopen):
            try:
                return runpy.run_path(SCRIPT)
            except SystemExit as exit:
                return exit.code

    def test_a_new_key_may_call_the_routes_and_models_that_are_sold_and_no_other(self):
        litellm = FakeLiteLLM()
        self.run_script(litellm)
        self.assertEqual([("/key/generate", {"key": KEY, "key_alias": "open-webui", "allowed_routes": [
            "/v1/chat/completions", "/chat/completions", "/v1/completions", "/completions", "/v1/embeddings", "/embeddings",
            "/v1/images/generations", "/images/generations", "/v1/models"], "models": ["gpt-5", "mistral:7b-instruct"]})], litellm.writes)

    def test_a_key_of_an_earlier_release_is_restricted(self):
        routes = self.run_script(FakeLiteLLM())["ALLOWED_ROUTES"]
        for stored in ({}, {"allowed_routes": None}, {"allowed_routes": []}, {"allowed_routes": ["llm_api_routes"], "models": ["gpt-5", "mistral:7b-instruct"]},
                       {"allowed_routes": routes}, {"allowed_routes": routes, "models": []}, {"allowed_routes": routes, "models": ["gpt-5"]}):
            litellm = FakeLiteLLM({KEY: stored})
            self.run_script(litellm)
            self.assertEqual(["/key/update"], [path for path, _ in litellm.writes])
            self.assertEqual({"key", "allowed_routes", "models"}, set(litellm.writes[0][1]))

    def test_a_restricted_key_is_left_alone(self):
        litellm = FakeLiteLLM()
        self.run_script(litellm)
        litellm.writes.clear()
        self.run_script(litellm)
        self.assertEqual([], litellm.writes)

    def test_a_gateway_that_ignores_the_restriction_does_not_pass_as_started(self):
        for ignored in ("allowed_routes", "models"):
            self.assertIn("did not restrict", self.run_script(FakeLiteLLM(ignores=[ignored])))
            self.assertIn("did not restrict", self.run_script(FakeLiteLLM({KEY: {}}, ignores=[ignored])))

    def test_a_key_follows_the_models_of_the_plan(self):
        litellm = FakeLiteLLM()
        self.run_script(litellm)
        litellm.models = ("mistral:7b-instruct",)
        self.run_script(litellm)
        self.assertEqual(["mistral:7b-instruct"], litellm.keys[KEY]["models"])

    def test_a_gateway_without_models_has_a_key_for_none(self):
        litellm = FakeLiteLLM(models=())
        self.run_script(litellm)
        self.assertEqual(["no-default-models"], litellm.keys[KEY]["models"])

    # LiteLLM's rule: a route is allowed if it equals an entry or begins with the entry and a slash.
    def test_no_entry_allows_a_route_to_a_providers_api_or_to_the_keys(self):
        routes = self.run_script(FakeLiteLLM())["ALLOWED_ROUTES"]
        allowed = lambda route: any(route == entry or route.startswith(entry + "/") for entry in routes)
        self.assertTrue(allowed("/v1/chat/completions"))
        for route in ("/gemini/v1beta/models/gemini-pro:generateContent", "/openai/v1/chat/completions", "/anthropic/v1/messages", "/vertex_ai/v1/projects", "/vllm/v1/chat/completions",
                      "/models/gemini-pro:generateContent", "/v1beta/models/gemini-pro:generateContent", "/v1/messages", "/v1/responses", "/v1/batches", "/v1/files",
                      "/v1/audio/speech", "/v1/realtime", "/v1/fine_tuning/jobs", "/v1/threads", "/key/generate", "/key/update", "/model/new", "/engines/x/chat/completions"):
            self.assertFalse(allowed(route), route)

    def test_the_hook_authorizes_the_same_paths_as_the_key(self):
        with open(support.HOOK, encoding="utf-8") as file:
            hook = file.read()
        paths = re.compile(re.search(r'SOLD_PATHS = re\.compile\(r"(.+)"\)', hook).group(1))
        routes = self.run_script(FakeLiteLLM())["ALLOWED_ROUTES"]
        self.assertEqual(["/v1/models"], [route for route in routes if not paths.fullmatch(route)])
