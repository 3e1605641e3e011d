"""What the tests need of LiteLLM and of the control plane: two stand-ins, and a small server that misbehaves on demand."""
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
KEY = "cpt_of-the-tests"

# The hook's warnings are expected here; assertLogs still sees them.
logging.getLogger("budget_hook").addHandler(logging.NullHandler())


class CustomLogger:
    """litellm.integrations.custom_logger.CustomLogger as far as the hook uses it."""

    def __init__(self, message_logging=True, **kwargs):
        self.message_logging = message_logging


class HTTPException(Exception):
    """fastapi.HTTPException."""

    def __init__(self, status_code, detail=None, headers=None):
        super().__init__(f"{status_code}: {detail}")
        self.status_code, self.detail, self.headers = status_code, detail, headers


def install_stand_ins():
    for name in ("litellm", "litellm.integrations", "litellm.integrations.custom_logger", "fastapi"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["litellm.integrations.custom_logger"].CustomLogger = CustomLogger
    sys.modules["fastapi"].HTTPException = HTTPException


def load_hook(**environment):
    """Loads the file as LiteLLM does: by its path, without entering it in sys.modules."""
    install_stand_ins()
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        specification = importlib.util.spec_from_file_location("budget_hook", HOOK)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module
    finally:
        os.environ.clear()
        os.environ.update(before)


class Plane:
    """A control plane whose answers a test chooses. It counts events by id, as the real one does."""

    def __init__(self):
        self.asked, self.counted, self.deliveries, self.keys = [], {}, [], set()
        self.answer = {"allow": True, "reservation_id": "0199b000-0000-7000-8000-000000000001", "remaining": 100}
        self.status, self.headers, self.delay, self.usage_reply = 200, {}, 0, None
        self.refuses = lambda event: False
        plane = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                plane.keys.add(self.headers["Authorization"])
                time.sleep(plane.delay)
                status, reply = plane.reply_to(self.path, body)
                text = json.dumps(reply).encode()
                self.send_response(status)
                for name, value in plane.headers.items():
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
                pass  # A client that hung up or was killed.

        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def reply_to(self, path, body):
        with self._lock:
            if path == "/v1/authorize":
                self.asked.append(body)
            if self.status != 200:
                return self.status, {"title": "no"}
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
    """A hook with a spool of its own in front of a plane of its own."""

    settings = {}

    def setUp(self):
        self.plane = Plane()
        self.addCleanup(self.plane.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.spool = folder.name
        self.module = self.load()
        self.hook = self.module.handler
        self.addCleanup(lambda: self.hook.close())

    def load(self, **more):
        return load_hook(**{"CONTROLPLANE_URL": self.plane.url, "CONTROLPLANE_KEY": KEY, "BUDGET_SPOOL_DIR": self.spool, "BUDGET_TIMEOUT_SECONDS": "2",
                            **self.settings, **more})

    def ask(self, data=None, call_type="acompletion", user=None):
        """The request as it goes on to the model."""
        return asyncio.run(self.hook.async_pre_call_hook(user or key(), None, chat() if data is None else data, call_type))

    def refused(self, data=None, call_type="acompletion"):
        with self.assertRaises(HTTPException) as caught:
            self.ask(data, call_type)
        return caught.exception

    def succeed(self, data, **more):
        asyncio.run(self.hook.async_log_success_event(log_event(data, **more), None, None, None))

    def fail_attempt(self, data, **more):
        asyncio.run(self.hook.async_log_failure_event(log_event(data, status="failure", **{"prompt_tokens": 0, "completion_tokens": 0, **more}), None, None, None))

    def fail_call(self, data):
        asyncio.run(self.hook.async_post_call_failure_hook(data, ValueError("no"), key()))

    def eventually(self, condition, seconds=10):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "did not happen in time")
            time.sleep(0.02)

    def delivered(self, number=1):
        self.eventually(lambda: len(self.plane.counted) >= number and not self.files(".json"))
        return list(self.plane.counted.values())

    def files(self, ending):
        return sorted(name for name in os.listdir(self.spool) if name.endswith(ending))


def key(user_id="default_user_id", end_user_id=None):
    """LiteLLM's UserAPIKeyAuth as far as the hook reads it."""
    return types.SimpleNamespace(user_id=user_id, end_user_id=end_user_id)


def chat(content="Good morning", **more):
    """A request's data as LiteLLM hands it to the hook."""
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
    """The keyword arguments of a log event: LiteLLM passes a copy of the request's metadata on."""
    return {
        "litellm_call_id": data["litellm_call_id"],
        "litellm_params": {field: dict(data[field]) for field in ("metadata", "litellm_metadata") if field in data},
        "standard_logging_object": {
            "id": "chatcmpl-1", "call_type": "acompletion", "status": "success", "model": "ollama_chat/mistral:7b-instruct",
            "model_group": data["model"], "prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42, "startTime": 1795000000.0,
            "endTime": 1795000001.25, "end_user": "someone@example.com", "trace_id": "trace-1", "messages": data.get("messages"),
            "metadata": {"user_api_key_user_id": "default_user_id"}, **payload,
        },
    }
