"""Fakes of LiteLLM and of the control plane: two stub classes and a small HTTP server with configurable failures."""
import asyncio
import http.server
import importlib.util
import json
import logging
import os
import sys
import tempfile
import threading
import time
import types
import unittest

HOOK = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "budget_hook.py")
KEY = "cpt_test"

# Suppresses the hook's expected warnings. assertLogs still captures them.
logging.getLogger("budget_hook").addHandler(logging.NullHandler())


class CustomLogger:
    """The part of litellm.integrations.custom_logger.CustomLogger that the hook uses."""

    def __init__(self, message_logging=True, **kwargs):
        self.message_logging = message_logging


class HTTPException(Exception):
    """The part of fastapi.HTTPException that the hook uses."""

    def __init__(self, status_code, detail=None, headers=None):
        super().__init__(f"{status_code}: {detail}")
        self.status_code, self.detail, self.headers = status_code, detail, headers


def install_stubs():
    for name in ("litellm", "litellm.integrations", "litellm.integrations.custom_logger", "fastapi"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["litellm.integrations.custom_logger"].CustomLogger = CustomLogger
    sys.modules["fastapi"].HTTPException = HTTPException


def load_hook(**environment):
    """Loads the file like LiteLLM: by path, without registering it in sys.modules."""
    install_stubs()
    saved = dict(os.environ)
    os.environ.update(environment)
    try:
        specification = importlib.util.spec_from_file_location("budget_hook", HOOK)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module
    finally:
        os.environ.clear()
        os.environ.update(saved)


class ControlPlane:
    """A fake control plane with configurable responses. It counts events by id, like the real one."""

    def __init__(self):
        self.requests, self.counted, self.deliveries, self.keys = [], {}, [], set()
        self.answer = {"allow": True, "reservation_id": "0199b000-0000-7000-8000-000000000001", "remaining": 100}
        self.status, self.headers, self.delay, self.usage_reply = 200, {}, 0, None
        control_plane = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                control_plane.keys.add(self.headers["Authorization"])
                time.sleep(control_plane.delay)
                status, reply = control_plane.reply_to(self.path, body)
                text = json.dumps(reply).encode()
                self.send_response(status)
                for name, value in control_plane.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass  # The client disconnected or was killed.

        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def reply_to(self, path, body):
        with self._lock:
            if path == "/v1/authorize":
                self.requests.append(body)
            if self.status != 200:
                return self.status, {"title": "error"}
            return 200, self.answer if path == "/v1/authorize" else self.count(body)

    def count(self, events):
        self.deliveries.append([event["id"] for event in events])
        if self.usage_reply is not None:
            return self.usage_reply
        accepted = duplicates = 0
        rejected = []
        for index, event in enumerate(events):
            if self.counted.setdefault(event["id"], event) is event:
                accepted += 1
            elif self.counted[event["id"]] == event:
                duplicates += 1
            else:
                rejected.append({"index": index, "id": event["id"], "code": "conflict", "detail": ""})
        return {"accepted": accepted, "duplicates": duplicates, "rejected": rejected}

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class HookTest(unittest.TestCase):
    """Each test has its own hook, spool and fake control plane."""

    settings = {}

    def setUp(self):
        self.control_plane = ControlPlane()
        self.addCleanup(self.control_plane.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.spool = folder.name
        self.module = self.load()
        self.hook = self.module.handler
        self.addCleanup(lambda: self.hook.close())

    def load(self, **more):
        return load_hook(**{"CONTROLPLANE_URL": self.control_plane.url, "CONTROLPLANE_KEY": KEY, "BUDGET_SPOOL_DIR": self.spool, "BUDGET_TIMEOUT_SECONDS": "2",
                            **self.settings, **more})

    def authorize(self, data=None, call_type="acompletion", user=None):
        """Returns the request as passed on to the model."""
        return asyncio.run(self.hook.async_pre_call_hook(user or key(), None, chat() if data is None else data, call_type))

    def denied(self, data=None, call_type="acompletion"):
        with self.assertRaises(HTTPException) as caught:
            self.authorize(data, call_type)
        return caught.exception

    def succeed(self, data, response=None, **more):
        asyncio.run(self.hook.async_log_success_event(log_event(data, **more), response, None, None))

    def fail_attempt(self, data, **more):
        asyncio.run(self.hook.async_log_failure_event(log_event(data, status="failure", **{"prompt_tokens": 0, "completion_tokens": 0, **more}), None, None, None))

    def fail_call(self, data):
        asyncio.run(self.hook.async_post_call_failure_hook(data, ValueError("no"), key()))

    def eventually(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "timed out")
            time.sleep(0.02)

    def delivered(self, number=1):
        self.eventually(lambda: len(self.control_plane.counted) >= number and not self.files(".json"))
        return list(self.control_plane.counted.values())

    def files(self, extension):
        return sorted(name for name in os.listdir(self.spool) if name.endswith(extension))


def key(user_id="default_user_id", end_user_id=None):
    """The part of LiteLLM's UserAPIKeyAuth that the hook reads."""
    return types.SimpleNamespace(user_id=user_id, end_user_id=end_user_id)


def chat(content="Good morning", **more):
    """Request data as LiteLLM passes it to the hook."""
    return {
        "model": "mistral:7b-instruct",
        "messages": [{"role": "user", "content": content}],
        "max_tokens": 100,
        "metadata": {"user_api_key_hash": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"},
        "litellm_call_id": "call-1",
        "proxy_server_request": {"headers": {"x-openwebui-user-id": "user-7", "x-openwebui-chat-id": "chat-3"}},
        **more,
    }


def log_event(data, **payload):
    """Keyword arguments of a log event, with a copy of the request's metadata as in LiteLLM. The total is that of the two counts unless it is given."""
    payload = {"prompt_tokens": 12, "completion_tokens": 30, **payload}
    return {
        "litellm_call_id": data["litellm_call_id"],
        "litellm_params": {field: dict(data[field]) for field in ("metadata", "litellm_metadata") if field in data},
        "standard_logging_object": {
            "id": "chatcmpl-1", "call_type": "acompletion", "status": "success", "model": "ollama_chat/mistral:7b-instruct",
            "model_group": data["model"], "total_tokens": (payload["prompt_tokens"] or 0) + (payload["completion_tokens"] or 0), "response_cost": 0.0,
            "cache_hit": None, "startTime": 1795000000.0, "endTime": 1795000001.25, "end_user": "someone@example.com", "trace_id": "trace-1",
            "messages": data.get("messages"), "metadata": {"user_api_key_user_id": "default_user_id"}, **payload,
        },
    }
