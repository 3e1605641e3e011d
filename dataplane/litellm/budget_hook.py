"""LiteLLM callback that enforces a tenant's budgets and reports every call exactly once.

Before a call it requests authorization from the control plane (POST /v1/authorize), which reserves an estimate or denies the call. After the call
it writes a usage event to disk and then delivers it (POST /v1/usage), which settles the reservation. Load it as `callbacks: budget_hook.handler`.
Settings and guarantees are in README.md. One file, because LiteLLM loads a callback from a file beside its configuration, and it is embedded in the
control plane and mounted into each gateway as one. Uses the standard library and, from LiteLLM's image, the two names imported below.

Prompts, keys and email addresses are never logged or written to the spool.
"""
from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import fcntl
import hashlib
import http.client
import json
import logging
import os
import random
import re
import threading
import time
import urllib.parse
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, NamedTuple, Optional

from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger

log = logging.getLogger("budget_hook")

# Limits of the control plane, which rejects longer texts and larger numbers.
MAXIMUM_TEXT = 200
# Characters of a longer id that the control plane keeps readable.
READABLE_TEXT = 128
MAXIMUM_TOKENS = 10_000_000


# --- Settings ---------------------------------------------------------------------------------------------------------------------------------

class Settings(NamedTuple):
    url: str
    key: str
    spool: str
    timeout_seconds: float
    default_max_tokens: int
    fail_open: bool
    requests_per_minute: Optional[int]
    tokens_per_minute: Optional[int]
    local_models: frozenset[str]
    local_max_tokens: int
    local_calls: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Exits with one line per invalid setting: the gateway must not start without enforcing budgets."""
    problems: list[str] = []

    def number(name: str, default: float, minimum: float, maximum: float) -> float:
        text = environment.get(name, "").strip()
        try:
            value = float(text) if text else default
        except ValueError:
            value = -1
        if not minimum <= value <= maximum:
            problems.append(f"{name} must be a number from {minimum:g} to {maximum:g}")
        return value

    url = environment.get("CONTROLPLANE_URL", "").strip().rstrip("/")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        problems.append("CONTROLPLANE_URL must be the URL of the control plane, such as https://portal.example.com")

    key = environment.get("CONTROLPLANE_KEY", "").strip()
    if not key and environment.get("CONTROLPLANE_KEY_FILE"):
        try:
            with open(environment["CONTROLPLANE_KEY_FILE"], encoding="ascii") as file:
                key = file.read().strip()
        except (OSError, ValueError) as error:
            problems.append(f"CONTROLPLANE_KEY_FILE cannot be read ({type(error).__name__})")
    if not re.fullmatch(r"[!-~]+", key):
        problems.append("CONTROLPLANE_KEY or the file CONTROLPLANE_KEY_FILE must contain a tenant key (cpt_...)")

    spool = environment.get("BUDGET_SPOOL_DIR", "").strip()
    try:
        os.makedirs(spool, mode=0o700, exist_ok=True)
        if not os.access(spool, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError
    except OSError as error:
        problems.append(f"BUDGET_SPOOL_DIR must be a writable directory on a persistent volume ({type(error).__name__})")

    fail_open = environment.get("BUDGET_FAIL_OPEN", "false").strip().lower() or "false"
    if fail_open not in ("true", "false"):
        problems.append("BUDGET_FAIL_OPEN must be true or false")

    timeout = number("BUDGET_TIMEOUT_SECONDS", 5, 0.1, 60)
    default_max_tokens = number("BUDGET_DEFAULT_MAX_TOKENS", 2048, 1, 1_000_000)
    local_calls = number("BUDGET_LOCAL_CALLS", 2, 1, 1000)
    local_max_tokens = number("BUDGET_LOCAL_MAX_TOKENS", 1_000_000, 1, 1_000_000)
    requests, tokens = (number(f"BUDGET_{name}_PER_MINUTE", 1, 1, 1_000_000_000) if environment.get(f"BUDGET_{name}_PER_MINUTE", "").strip() else None
                        for name in ("REQUESTS", "TOKENS"))
    local_models = [name.strip() for name in environment.get("BUDGET_LOCAL_MODELS", "").split(",") if name.strip()]
    if not all(clean(name) == name and len(name) <= MAXIMUM_TEXT for name in local_models):
        problems.append(f"BUDGET_LOCAL_MODELS must be names of models of at most {MAXIMUM_TEXT} characters, separated by commas")
    if problems:
        raise SystemExit("\n".join("budget_hook: " + problem for problem in problems))
    return Settings(url, key, spool, timeout, int(default_max_tokens), fail_open == "true", requests and int(requests), tokens and int(tokens),
                    frozenset(local_models), int(local_max_tokens), int(local_calls))


# --- Estimate ---------------------------------------------------------------------------------------------------------------------------------

# The fields that a model reads.
PROMPT_FIELDS = ("messages", "prompt", "input", "system", "instructions", "tools", "functions", "response_format")
MEDIA_FIELDS = ("url", "image_url", "data", "file_data", "b64_json")
IMAGE_TOKENS = 1600
COMPLETION_LIMITS = ("max_completion_tokens", "max_tokens")
WITHOUT_COMPLETION = ("embedding", "image")


def text_tokens(text: str) -> int:
    """One token per 3 ASCII characters and 2 tokens per 3 other bytes, which is more than tokenizers count for most prose and code."""
    ascii_bytes = len(text.encode("ascii", "ignore"))
    other_bytes = len(text.encode("utf-8", "surrogatepass")) - ascii_bytes
    return -(-ascii_bytes // 3) + -(-other_bytes * 2 // 3)


def media_tokens(text: str) -> int:
    return IMAGE_TOKENS if text.startswith(("http", "data:image")) else max(IMAGE_TOKENS, len(text) // 100)


def prompt_tokens(data: Mapping[str, Any]) -> int:
    """Counts every key and text that the model reads. Iterative, because the client controls the nesting depth."""
    tokens = 0
    pending = [(name, data[name]) for name in PROMPT_FIELDS if data.get(name) is not None]
    while pending:
        name, value = pending.pop()
        if isinstance(value, str):
            tokens += media_tokens(value) if name in MEDIA_FIELDS else text_tokens(value)
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                tokens += text_tokens(str(key))
                pending.append((key, inner))
        elif isinstance(value, (list, tuple)):
            pending.extend((name, inner) for inner in value)
        elif value is not None:
            tokens += 1
    return tokens


def completion_tokens(data: Mapping[str, Any], call_type: str, default: int) -> int:
    if not has_completion(call_type):
        return 0
    choices = max(positive(data.get("n")) or 1, positive(data.get("best_of")) or 1)
    return completion_limit(data, default) * choices * number_of_prompts(data.get("prompt"))


def answer_tokens(part: Any) -> int:
    """An estimate of the text in a part of a streamed answer. The first part often has none."""
    tokens, choices = 0, attribute(part, "choices")
    if not isinstance(choices, (list, tuple)):
        return 1
    for choice in choices:
        delta = attribute(choice, "delta") or choice
        tools = [attribute(attribute(call, "function"), "arguments") for call in attribute(delta, "tool_calls") or ()]
        texts = [attribute(delta, name) for name in ("content", "reasoning_content", "text")] + tools
        tokens += sum(text_tokens(text) for text in texts if isinstance(text, str))
    return tokens


def has_completion(call_type: str) -> bool:
    return not any(word in call_type for word in WITHOUT_COMPLETION)


def completion_limit(data: Mapping[str, Any], default: int) -> int:
    """The highest, because it depends on the provider which of several limits counts. Without one, a budget for thinking comes on top of the answer."""
    limit = max(positive(data.get(name)) or 0 for name in COMPLETION_LIMITS)
    return limit or default + (positive(mapping(data.get("thinking")).get("budget_tokens")) or 0)


def number_of_prompts(prompt: Any) -> int:
    """A completion answers each text or list of token ids of a list, but a list of token ids is one prompt."""
    return sum(not isinstance(item, int) for item in prompt) or 1 if isinstance(prompt, list) else 1


def positive(value: Any) -> Optional[int]:
    """A whole number of at least 1, also one written as 5.0, or None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def estimated_tokens(prompt: int, data: Mapping[str, Any], call_type: str, default: int) -> int:
    return min(MAXIMUM_TOKENS, prompt + completion_tokens(data, call_type, default))


# --- What is sold -----------------------------------------------------------------------------------------------------------------------------

# LiteLLM's names of the calls that plans sell. Any other call is refused, also one that a new release of LiteLLM adds: pass-through routes, batches, files,
# fine-tuning, assistants, responses, audio and realtime spend the operator's provider keys without a model that could be authorized.
SOLD_CALL_TYPES = frozenset((
    "completion", "acompletion", "text_completion", "atext_completion", "embedding", "embeddings", "aembedding", "image_generation", "aimage_generation",
))
# Where clients request them. create_virtual_key.py restricts the key to the same paths.
SOLD_PATHS = re.compile(r"/(v1/)?(chat/completions|completions|embeddings|images/generations)")

REFUSED_FIELDS = frozenset((
    # Another model, provider, server or account than that of the authorized model. LiteLLM merges extra_body and extra_headers into what it sends.
    "allowed_model_region", "api_base", "api_key", "azure", "base_url", "client_id", "client_secret", "configurable_clientside_auth_params",
    "content_policy_fallbacks", "context_window_fallback_dict", "context_window_fallbacks", "custom_llm_provider", "deployment_id", "extra_body",
    "extra_headers", "extra_query", "fallbacks", "fastest_response", "headers", "litellm_credential_name", "litellm_params", "model_config",
    "model_file_id_mapping", "model_info", "model_list", "models", "optional_params", "organization", "prompt_id", "prompt_label", "prompt_variables",
    "prompt_version", "provider", "region_name", "route", "router_settings_override", "routing_strategy", "specific_deployment", "tenant_id",
    "use_litellm_proxy", "use_xai_oauth", "user_config",
    # What LiteLLM reports of the call, or whether it reports it at all. For providers other than OpenAI it takes fields that it does not know for details of the
    # call, such as the usage or the sign that a stream was reported.
    "additional_args", "additional_drop_params", "allowed_openai_params", "api_call_start_time", "base_model", "cache_hit", "cache_key", "caching",
    "caching_groups", "call_type", "callbacks", "combined_usage_object", "completion_start_time", "drop_params", "end_time", "failure_callback",
    "hidden_params", "httpx_response", "input_callback", "litellm_disabled_callbacks", "litellm_request_debug", "log_event_type", "logger_fn", "modify_params",
    "no-log", "options", "original_response", "preset_cache_key", "service_callback", "start_time", "success_callback", "tiered_pricing",
    "turn_off_message_logging", "verbose",
    # LiteLLM compares the answer with the schema of the client and reports a failed call if it does not match. The error message has the answer.
    "enable_json_schema_validation",
    # Providers' own names for the length, number and kind of answers, which count instead of those that the estimate knows.
    "candidateCount", "candidate_count", "generationConfig", "generation_config", "maxOutputTokens", "maxTokens", "max_gen_len", "max_length",
    "max_new_tokens", "max_tokens_to_sample", "num_predict", "responseModalities", "response_modalities",
    # What providers do, and bill, beside the answer of the model.
    "background", "cache_control_injection_points", "cachedContent", "cached_content", "container", "enable_search", "inference_geo",
    "litellm_system_prompt", "max_agentic_loops", "mcp_servers", "plugins", "search_parameters", "search_tool_name", "skills", "speed", "vector_store_ids",
    "web_search", "web_search_options",
    # How long a model occupies an Ollama that tenants share.
    "keep_alive",
))
# Simulated answers, details of the call as above, prices, rules that choose a model, and credentials of a provider.
REFUSED_FIELD_NAMES = re.compile(
    r"mock_.*|(async_)?complete_.*|standard_.*|has_.*|.*_cost(_.*)?|regional_.*|(auto|complexity|adaptive|quality)_router_.*|"
    r"(aws|azure|bedrock|oci|s3|sagemaker|vertex|watsonx)_.*")
IGNORED_FIELDS = (
    # A client must not end a call whose answer the provider bills, nor have it repeated. LiteLLM takes these from headers and the query, too.
    "api_version", "client_side_timeout", "cooldown_time", "force_timeout", "max_retries", "num_retries", "provider_specific_header", "request_timeout",
    "retry_policy", "retry_strategy", "stream_timeout", "timeout",
    # For other values than the last ones, a shared Ollama loads the model again, and the calls of all tenants wait. Open WebUI lets users set them.
    "low_vram", "main_gpu", "num_batch", "num_ctx", "num_gpu", "num_thread", "numa", "use_mlock", "use_mmap",
    # A limit of the responses API, which is not sold. LiteLLM sends it to Gemini in place of max_tokens, and other providers refuse it.
    "max_output_tokens",
    # Longer prompts, for which Anthropic has another price.
    "anthropic_beta", "betas",
)
# OpenAI would answer with a stream, which LiteLLM does not take for an image: it would report a failed call.
REFUSED_IMAGE_FIELDS = ("stream", "partial_images")
NUMBER_FIELDS = ("n", "best_of", "max_tokens", "max_completion_tokens")
# Other service tiers cost more than the prices of the catalog.
SERVICE_TIERS = ("auto", "default", "flex", "standard_only")
# Fields of tools that the client runs. Providers run, and bill, tools of other types, such as web_search, and of other fields, such as googleSearch.
TOOL_FIELDS = frozenset(("type", "function", "custom", "name", "description", "parameters", "input_schema", "strict", "cache_control"))

NOT_SOLD = "This gateway offers chat, completions, embeddings and images only."
WITHOUT_MODEL = "Name the model in the field \"model\" of the request."
UNSUPPORTED_FIELD = "Remove the field \"{field}\" from the request: this gateway does not support it."
NOT_A_NUMBER = "The field \"{field}\" of the request must be a whole number."
NOT_A_BOOLEAN = "The field \"{field}\" of the request must be true or false."
NOT_SENT = " The request was not sent. Nothing was charged."
UNSUPPORTED_TIER = "This gateway does not support the service tier of the request. Use \"default\"."
IMAGES_IN_CHAT = "Chats answer with text or audio. Request images at /v1/images/generations."
PROVIDER_TOOL = "This gateway supports tools of the type \"function\" only. The model's provider would run other tools, which no plan includes."
REMOTE_MEDIA = "Send images and files of a message as a data: URL. This gateway does not fetch other URLs."
MEDIA_TO_EMBED = "Embeddings are offered for text only."


def refusal(data: Any, call_type: str) -> Optional[HTTPException]:
    """The reason why a request is not even authorized, or None."""
    if call_type not in SOLD_CALL_TYPES or not isinstance(data, dict) or not is_sold_path(data):
        return refused(403, NOT_SOLD)
    # LiteLLM calls each model of a list that is separated by commas.
    model = data.get("model")
    if not isinstance(model, str) or clean(model) != model or len(model) > MAXIMUM_TEXT or "," in model:
        return refused(400, WITHOUT_MODEL)
    for field, value in data.items():
        if value is not None and (field in REFUSED_FIELDS or REFUSED_FIELD_NAMES.fullmatch(field)):
            return refused(403, UNSUPPORTED_FIELD.format(field=field[:50]))
    if mapping(data.get("response_format")).get("enforce_validation"):
        return refused(403, UNSUPPORTED_FIELD.format(field="response_format.enforce_validation"))
    # LiteLLM takes other values for true when it sends the request, and for false when it reports the call.
    if not isinstance(data.get("stream"), (bool, type(None))):
        return refused(400, NOT_A_BOOLEAN.format(field="stream"))
    field = next((field for field in REFUSED_IMAGE_FIELDS if data.get(field)), None) if "image" in call_type else None
    if field:
        return refused(403, UNSUPPORTED_FIELD.format(field=field))
    field = next((field for field in NUMBER_FIELDS if not is_number(data.get(field))), None)
    if field:
        return refused(400, NOT_A_NUMBER.format(field=field))
    if data.get("service_tier") not in (None, *SERVICE_TIERS):
        return refused(403, UNSUPPORTED_TIER)
    if data.get("modalities") and "image" in str(data["modalities"]).lower():
        return refused(403, IMAGES_IN_CHAT)
    if not all(run_by_client(data.get(field)) for field in ("tools", "functions")):
        return refused(403, PROVIDER_TOOL)
    if "embedding" in call_type and not is_text(data.get("input")):
        return refused(400, MEDIA_TO_EMBED)
    return refused(400, REMOTE_MEDIA) if names_remote_media(data.get("messages")) else None


def refused(status: int, reason: str) -> HTTPException:
    return HTTPException(status_code=status, detail=reason + NOT_SENT, headers=dict(NO_RETRY))


def is_sold_path(data: Mapping[str, Any]) -> bool:
    """On some routes the path names a model, which then counts instead of the one in the body."""
    url = (data.get("proxy_server_request") or {}).get("url")
    return url is None or SOLD_PATHS.fullmatch(urllib.parse.urlsplit(str(url)).path) is not None


def is_number(value: Any) -> bool:
    return value is None or isinstance(value, int) and not isinstance(value, bool) or isinstance(value, float) and value.is_integer()


def run_by_client(tools: Any) -> bool:
    return not tools or isinstance(tools, list) and all(
        isinstance(tool, Mapping) and TOOL_FIELDS.issuperset(tool) and (tool.get("type") or "function") in ("function", "custom") for tool in tools)


def is_text(texts: Any) -> bool:
    """False if there are media, which some providers take as texts in the form of a URL. LiteLLM counts no tokens of such an embedding, not even of its text."""
    pending = [texts]
    while pending:
        value = pending.pop()
        if isinstance(value, (list, tuple)):
            pending.extend(value)
        elif isinstance(value, str) and re.match(r"data:[^,]*;base64,|gs://|files/", value) or isinstance(value, Mapping):
            return False
    return True


def shorten_caches(data: Mapping[str, Any]) -> None:
    """Removes how long a provider keeps the prompt in its cache, which it bills by time or above the price of the catalog."""
    pending = [data, data.get("messages"), data.get("tools"), data.get("system")]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            if isinstance(value.get("cache_control"), dict):
                value["cache_control"].pop("ttl", None)
            pending.extend(value.get(field) for field in ("content", "function"))
        elif isinstance(value, (list, tuple)):
            pending.extend(value)


# Where parts of a message name media, in the formats of all APIs that LiteLLM accepts; and what only looks like it.
REMOTE_FIELDS = frozenset(("url", "image_url", "video_url", "audio_url", "file_url", "file_id", "file_uri", "fileUri", "file_data", "image", "images"))
OTHER_URLS = frozenset(("annotations", "citations", "input"))


def names_remote_media(messages: Any) -> bool:
    """Whether LiteLLM would fetch media from the gateway's network, or a provider would read a file of the operator's account. Only data: URLs are neither."""
    pending = [(field, message.get(field)) for message in messages if isinstance(message, Mapping) for field in ("content", "images")] \
        if isinstance(messages, list) else []
    while pending:
        field, value = pending.pop()
        if isinstance(value, str):
            if field in REMOTE_FIELDS and not value.startswith("data:"):
                return True
        elif isinstance(value, Mapping):
            pending.extend((key, inner) for key, inner in value.items() if key not in OTHER_URLS)
        elif isinstance(value, (list, tuple)):
            pending.extend((field, inner) for inner in value)
    return False


# --- Denials ----------------------------------------------------------------------------------------------------------------------------------

# For each reason: the message if the call can be retried later ({when}), and the message otherwise.
DENIALS = {
    "model_not_in_plan": (None, "Your organization's plan does not include the model {model}. Choose another model, or ask your administrator for a "
                                "larger plan."),
    "model_restricted": (None, "Your organization has an overdue invoice. Until it is paid, only the free local models are available. "
                               "Choose one of them."),
    "daily_limit": ("Your organization has reached its daily token limit, including tokens reserved by running calls. Try again {when}.",
                    "This request exceeds your organization's daily token limit. Send less text, or start a new chat."),
    "monthly_limit": ("Your organization has reached its monthly token limit, including tokens reserved by running calls. Try again {when}.",
                      "This request exceeds your organization's remaining tokens for this month. Ask your administrator for a larger plan."),
    "user_limit": ("You have reached the limit that your administrator set for you. Try again {when}.",
                   "The limits set by your administrator do not allow this model or a request of this size. Choose another model, or send less text."),
    "feature_not_in_plan": (None, "Your organization's plan does not include {feature}. Ask your administrator for a larger plan."),
    "feature_limit": ("Your organization has used up its {feature} for this month. Try again {when}.",
                      "Your organization has used up its {feature}. Ask your administrator for a larger plan."),
    "reservation_limit": ("Your organization has too many calls running at the same time. Try again {when}.",
                          "Your organization has too many calls running at the same time. Try again in a few minutes."),
    "local_busy": ("The free local models are busy with calls of other organizations, so this request was not sent. Nothing was charged. Try again in a minute.",
                   "The free local models are busy with calls of other organizations. Try again in a minute."),
    "trial_expired": (None, "Your organization's trial has ended. Ask your administrator to choose a plan. Your chats are kept."),
    "suspended": (None, "Your organization's account is suspended. Ask your administrator to check the invoices in the portal."),
    "environment_not_ready": (None, "Your environment is still being set up. Try again in a few minutes."),
}
OTHER_DENIAL = (None, "Your organization's plan does not allow this call.")
FEATURES = {"image": "images", "web_search": "web searches", "rag_file": "files"}
UNAVAILABLE = "Your organization's budget cannot be checked right now, so the request was not sent. Nothing was charged. Try again in a minute."
TOO_MANY_REQUESTS = "Your organization is sending too many requests, so this one was not sent. Nothing was charged. Try again in a minute."
LOCAL_MODELS_BUSY = ("The local models are busy with other calls of your organization, so this request was not sent. Nothing was charged. "
                     "Try again in a minute, or choose another model.")
TOO_MANY_IN_A_MINUTE = ("Your organization sends more requests within a minute than its plan allows, so this one was not sent. Nothing was charged. "
                        "Try again in {seconds} seconds.")
TOO_MANY_TOKENS_IN_A_MINUTE = ("Your organization uses more tokens within a minute than its plan allows, including those reserved by running calls, so this "
                               "request was not sent. Nothing was charged. Try again in {seconds} seconds.")
NOT_REPORTED = (
    "Your organization's usage cannot be reported right now, so the request was not sent. Nothing was charged. Try again in a minute; "
    "if that does not help, ask your administrator.")
NO_RETRY = {"x-should-retry": "false"}


def denial(answer: Mapping[str, Any], model: str, feature: Optional[str], now: datetime) -> HTTPException:
    """LiteLLM returns it as {"error": {"message": …}} with this status on every route, streamed or not. Chats show the message."""
    reason = answer.get("reason")
    temporary, permanent = DENIALS.get(reason, OTHER_DENIAL) if isinstance(reason, str) else OTHER_DENIAL
    retry_at = parse_instant(answer.get("retry_at"))
    feature_name = FEATURES.get(feature or "", "extra features")
    can_retry = temporary is not None and retry_at is not None
    message = (temporary if can_retry else permanent).format(
        model=model, feature=feature_name, when=format_time(retry_at, now) if can_retry else "")
    headers = dict(NO_RETRY)
    if can_retry:
        headers["retry-after"] = str(max(1, int((retry_at - now).total_seconds()) + 1))
    return HTTPException(status_code=429 if can_retry else 403, detail=message, headers=headers)


def format_time(at: datetime, now: datetime) -> str:
    at += timedelta(seconds=59)  # Rounds up to a full minute, so that it is never too early.
    return f"at {at:%H:%M} UTC" + ("" if at.date() == now.date() else f" on {at.day} {at:%B}")


def parse_instant(value: Any) -> Optional[datetime]:
    try:
        # Python 3.9 and 3.10 parse neither "Z" nor seven fractional digits.
        text = re.sub(r"(\.\d{1,6})\d*", r"\1", value.strip()).replace("Z", "+00:00")
        text = re.sub(r"\.(\d+)", lambda fraction: "." + fraction.group(1).ljust(6, "0"), text)
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except (AttributeError, ValueError, OverflowError):
        return None


# --- Control plane ----------------------------------------------------------------------------------------------------------------------------

class ControlPlaneUnavailable(Exception):
    """No valid response. The message contains a status or an exception type, never content."""

    def __init__(self, reason: str, retry_after: float = 0):
        super().__init__(reason)
        self.retry_after = retry_after


class Reply(NamedTuple):
    status: int
    value: Any
    retry_after: float


class ControlPlane:
    """Posts JSON over persistent connections."""

    def __init__(self, settings: Settings):
        parts = urllib.parse.urlsplit(settings.url)
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._path, self._timeout = parts.hostname, parts.port, parts.path, settings.timeout_seconds
        self._headers = {"Authorization": "Bearer " + settings.key, "Content-Type": "application/json", "User-Agent": "budget-hook"}
        self._idle: collections.deque[http.client.HTTPConnection] = collections.deque()

    def post(self, path: str, value: Any) -> Reply:
        """Blocks. A request may be sent twice; both endpoints are idempotent."""
        body = json.dumps(value).encode("ascii")
        while True:
            try:
                connection, reused = self._idle.pop(), True
            except IndexError:
                connection, reused = self._connect(self._host, self._port, timeout=self._timeout), False
            try:
                connection.request("POST", self._path + path, body, self._headers)
                reply = connection.getresponse()
                text = reply.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # The server may have closed an idle connection. Retry on another one.
                if reused and isinstance(error, ConnectionError):
                    continue
                raise ControlPlaneUnavailable(type(error).__name__) from None
            if reply.will_close:
                connection.close()
            else:
                self._idle.append(connection)
            return Reply(reply.status, parse_json(text), parse_seconds(reply.getheader("Retry-After")))

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def parse_json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def parse_seconds(header: Optional[str]) -> float:
    return float(header) if header and header.isascii() and header.isdigit() else 0


# --- Spool ------------------------------------------------------------------------------------------------------------------------------------

class Spool:
    """One file per event in a directory shared by the workers of a gateway. The worker that holds the lock delivers for all of them.
    The kernel releases the lock of a killed process, so that another worker or the next start can take over."""

    STALE_SECONDS = 3600
    AGE_SECONDS = 5.0

    def __init__(self, folder: str):
        self.folder = folder
        self._lock: Optional[int] = None
        self._checked = -self.AGE_SECONDS

    def add(self, event: Mapping[str, Any]) -> None:
        """Blocks until the event is durable."""
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        partial = self._path(name + ".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(event).encode("ascii"))
            file.flush()
            os.fsync(descriptor)
        os.rename(partial, self._path(name + ".json"))
        directory = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def acquire(self) -> bool:
        """True if this process holds the lock and therefore delivers."""
        if self._lock is None:
            descriptor = os.open(self._path("lock"), os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            self._lock = descriptor
            self._remove_stale_partial_files()
        return True

    def close(self) -> None:
        """Releases the lock. A forked child must close its copy of the descriptor, or the lock would outlive the parent."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def pending(self) -> list[str]:
        """File names, oldest first."""
        return sorted(name for name in os.listdir(self.folder) if name.endswith(".json"))

    def has_older_than(self, seconds: float) -> bool:
        """Whether an event has waited for delivery for longer. Notices it up to AGE_SECONDS late."""
        if time.monotonic() - self._checked < self.AGE_SECONDS:
            return False
        names = self.pending()
        if names and time.time() - int(names[0].split("-")[0]) / 1e9 > seconds:
            return True
        self._checked = time.monotonic()
        return False

    def read(self, name: str) -> Optional[dict]:
        """Returns None for an invalid file, which is set aside so that it does not block the others."""
        try:
            with open(self._path(name), "rb") as file:
                event = parse_json(file.read(64 * 1024))
        except OSError as error:
            log.error("Could not read a spool file: %s", type(error).__name__)
            event = None
        if isinstance(event, dict) and isinstance(event.get("id"), str):
            return event
        self.set_aside(name)
        return None

    def remove(self, name: str) -> None:
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            pass

    def set_aside(self, name: str) -> None:
        log.error("Invalid usage event in the spool, renamed to %s.bad", name)
        try:
            os.rename(self._path(name), self._path(name + ".bad"))
        except OSError:
            log.error("Could not rename spool file %s", name)

    def _remove_stale_partial_files(self) -> None:
        # Left by processes killed while writing. These events had not been acknowledged.
        for name in os.listdir(self.folder):
            if name.endswith(".partial") and time.time() - os.stat(self._path(name)).st_mtime > self.STALE_SECONDS:
                self.remove(name)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)


class Journal:
    """The calls that run in this worker: one file each, with the event that counts if the worker is killed. The files are not synced to disk: a killed process
    loses none, and a tenant that can use up the gateway's memory cannot stop its host."""

    PREFIX = "running-"

    def __init__(self, spool: str):
        name = uuid.uuid4().hex
        self._folder = os.path.join(spool, self.PREFIX + name)
        self._lock: Optional[int] = None
        # Renamed once it is locked: a folder without a lock is that of a killed worker.
        new = os.path.join(spool, "new-" + name)
        try:
            os.mkdir(new, 0o700)
            self._lock = os.open(os.path.join(new, "lock"), os.O_WRONLY | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            os.rename(new, self._folder)
        except OSError as error:
            log.error("Running calls cannot be written down: %s", type(error).__name__)

    def write(self, name: str, event: Mapping[str, Any]) -> None:
        path = os.path.join(self._folder, name)
        try:
            with os.fdopen(os.open(path + ".partial", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(json.dumps(without_nulls(event)).encode("ascii"))
            os.rename(path + ".partial", path + ".json")
        except OSError as error:
            log.error("Could not write down a running call: %s", type(error).__name__)

    def remove(self, name: str) -> None:
        try:
            os.unlink(os.path.join(self._folder, name + ".json"))
        except OSError:
            pass

    def close(self) -> None:
        """In a forked child: the lock stays with the parent."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @classmethod
    def take_over(cls, spool: str) -> None:
        """Moves what killed workers have left to the events that are delivered."""
        for folder in (os.path.join(spool, name) for name in os.listdir(spool) if name.startswith(cls.PREFIX)):
            lock = None
            try:
                lock = os.open(os.path.join(folder, "lock"), os.O_WRONLY | os.O_CREAT, 0o600)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for name in os.listdir(folder):
                    path = os.path.join(folder, name)
                    if name.endswith(".json"):
                        os.rename(path, os.path.join(spool, name))
                    else:
                        os.unlink(path)
                os.rmdir(folder)
            except BlockingIOError:
                pass  # Its worker runs.
            except OSError as error:
                # Must not keep other events from being delivered.
                log.error("The calls of a killed gateway could not be taken over: %s", type(error).__name__)
            finally:
                if lock is not None:
                    os.close(lock)


class Sender:
    """Delivers spooled events on its own thread. Files are removed only after a reply that accounts for every event sent."""

    BATCH_SIZE = 500
    POLL_SECONDS = 1.0
    MIN_BACKOFF_SECONDS = 0.5
    MAX_BACKOFF_SECONDS = 60.0
    MAX_RETRY_AFTER_SECONDS = 300.0

    def __init__(self, spool: Spool, control_plane: ControlPlane):
        self._spool, self._control_plane = spool, control_plane
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="budget-sender", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                if self._spool.acquire():
                    Journal.take_over(self._spool.folder)
                    self._deliver(self._spool.pending())
                if failures:
                    log.warning("Delivery of usage events resumed")
                failures = 0
                self._wake.wait(self.POLL_SECONDS)
            except Exception as error:  # The events stay in the spool and the thread must keep running.
                if failures == 0:
                    reason = error if isinstance(error, ControlPlaneUnavailable) else type(error).__name__
                    log.warning("Delivery of usage events failed, retrying: %s", reason)
                self._stopped.wait(self._backoff(failures, getattr(error, "retry_after", 0)))
                failures += 1
        self._spool.close()

    def _backoff(self, failures: int, retry_after: float) -> float:
        backoff = min(self.MAX_BACKOFF_SECONDS, self.MIN_BACKOFF_SECONDS * 2 ** min(failures, 20))
        return max(min(retry_after, self.MAX_RETRY_AFTER_SECONDS), backoff * random.uniform(0.5, 1))

    def _deliver(self, names: list[str]) -> None:
        for start in range(0, len(names), self.BATCH_SIZE):
            if self._stopped.is_set():
                return
            read = [(name, self._spool.read(name)) for name in names[start:start + self.BATCH_SIZE]]
            self._send([(name, event) for name, event in read if event is not None])

    def _send(self, batch: list[tuple[str, dict]]) -> None:
        if not batch:
            return
        reply = self._control_plane.post("/v1/usage", [event for _, event in batch])
        if reply.status == 200 and accounted_events(reply.value) == len(batch):
            if reply.value["rejected"]:
                log.warning("%d usage events were rejected and moved to the control plane's quarantine", len(reply.value["rejected"]))
            for name, _ in batch:
                self._spool.remove(name)
        elif reply.status not in (400, 413, 422):
            detail = " with a reply that does not account for all events" if reply.status == 200 else ""
            raise ControlPlaneUnavailable(f"status {reply.status}{detail}", reply.retry_after)
        elif len(batch) > 1:
            # At least one event is invalid: bisect the batch to find it.
            middle = len(batch) // 2
            self._send(batch[:middle])
            self._send(batch[middle:])
        else:
            self._spool.set_aside(batch[0][0])


def accounted_events(reply: Any) -> int:
    """Number of events that a reply of POST /v1/usage accounts for. Rejected ones are in the control plane's quarantine; queued ones are stored until
    its database is available again."""
    try:
        return reply["accepted"] + reply["duplicates"] + len(reply["rejected"]) + reply.get("queued", 0)
    except (TypeError, KeyError):
        return -1


# --- Events -----------------------------------------------------------------------------------------------------------------------------------

# Key of our note in the metadata that LiteLLM passes from the request to the log event.
NOTE = "budget_note"
METADATA_FIELDS = ("metadata", "litellm_metadata")
UNKNOWN = "unknown"


def clean(value: Any) -> Optional[str]:
    """The text without characters that the control plane rejects, or None."""
    if not isinstance(value, str):
        return None
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "", value).strip()
    return text or None


def external_id(value: Any) -> Optional[str]:
    """An id of any length as the control plane stores it: a long one as its beginning and its hash, so that different ids stay different."""
    text = clean(value)
    if text is None or len(text) <= MAXIMUM_TEXT:
        return text
    return f"{text[:READABLE_TEXT]}~{hashlib.sha256(text.encode()).hexdigest()}"


def model_name(*candidates: Any) -> str:
    return next((name for name in map(clean, candidates) if name), UNKNOWN)[:MAXIMUM_TEXT]


def user_id(*candidates: Any) -> str:
    """The first valid candidate. Email addresses are skipped to keep them out of logs and spool."""
    return next((name for name in map(external_id, candidates) if name and "@" not in name), UNKNOWN)


def read_note(holder: Mapping[str, Any]) -> dict:
    """The note of a call, from the request data or the parameters of a log event."""
    for field in METADATA_FIELDS:
        metadata = holder.get(field)
        if isinstance(metadata, Mapping) and isinstance(metadata.get(NOTE), dict):
            return metadata[NOTE]
    return {}


def write_note(data: dict, note: Optional[dict]) -> None:
    """Writes the note beside LiteLLM's own metadata, never into a field that is sent to a provider. Removes a note set by the client."""
    present = [data[field] for field in METADATA_FIELDS if isinstance(data.get(field), dict)]
    for metadata in present:
        metadata.pop(NOTE, None)
    if note is None:
        return
    own = [metadata for metadata in present if any(str(key).startswith("user_api_key") for key in metadata)]
    if not own and isinstance(data.get("litellm_metadata"), dict):
        own = [data["litellm_metadata"]]
    if not own:
        if not isinstance(data.get("metadata"), dict):
            data["metadata"] = {}
        own = [data["metadata"]]
    for metadata in own:
        metadata[NOTE] = note


def event_at(unix_seconds: Any) -> str:
    at = unix_seconds if isinstance(unix_seconds, (int, float)) and 0 < unix_seconds < 100_000_000_000 else time.time()
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def count(value: Any) -> int:
    """Number of tokens; 0 if the value is not a positive number."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    return int(min(value, MAXIMUM_TOKENS)) if usable else 0


def without_nulls(event: Mapping[str, Any]) -> dict:
    return {name: value for name, value in event.items() if value is not None}


def usage_event(payload: Mapping[str, Any], note: Mapping[str, Any]) -> dict:
    """Converts LiteLLM's standard logging payload to an event of POST /v1/usage. An empty payload only releases the call's reservation."""
    metadata = mapping(payload.get("metadata"))
    event = {
        "id": event_id(payload, note),
        "occurred_at": event_at(payload.get("endTime")),
        "user": note.get("user") or user_id(payload.get("end_user"), metadata.get("user_api_key_end_user_id"), metadata.get("user_api_key_user_id")),
        "session": note.get("session") or external_id(payload.get("trace_id")),
        # model_group is the name in the plans; after a fallback it is another one than the client requested.
        "model": model_name(payload.get("model_group"), note.get("model"), payload.get("model")),
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "reservation_id": note.get("reservation_id"),
    }
    if payload.get("cache_hit") is True:
        # LiteLLM answered from its cache, with the usage of the earlier call: it counts like any other answer, and costs nothing.
        event["cache_hit"] = True
    event.update(token_counts(payload))
    # The note says it for a call that the hook has authorized, whatever LiteLLM reports.
    if payload and (note.get("quantity") or not note.get("id") and "image" in str(payload.get("call_type"))):
        event.update(feature="image", quantity=note.get("quantity") or 1)
    return event


def of_response(event: Mapping[str, Any], response: Any) -> dict:
    """Counts at least what the response itself says. LiteLLM's payload may lack it, or say less, because of a field of the client."""
    usage = attribute(response, "usage")
    prompt = max(event["prompt_tokens"], count(attribute(usage, "prompt_tokens")))
    completion = max(event["completion_tokens"], count(attribute(usage, "completion_tokens")), count(attribute(usage, "total_tokens")) - prompt)
    return {**event, "prompt_tokens": prompt, "completion_tokens": completion}


def attribute(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def event_id(payload: Mapping[str, Any], note: Mapping[str, Any]) -> str:
    """The same whenever LiteLLM reports a response again, and another one for each call: providers repeat ids, and clients can choose LiteLLM's call id."""
    response = clean(payload.get("id"))
    if not note.get("id"):
        return external_id(response) or uuid.uuid4().hex
    return external_id(f"{note['id']}:{response}") if response else note["id"]


def token_counts(payload: Mapping[str, Any]) -> dict:
    """All tokens that the provider counted, as prompt or completion, and which of them may have prices of their own. The control plane counts the two totals."""
    usage = mapping(mapping(payload.get("metadata")).get("usage_object"))
    prompts, completions = mapping(usage.get("prompt_tokens_details")), mapping(usage.get("completion_tokens_details"))
    cached = count(prompts.get("cached_tokens")) or count(usage.get("cache_read_input_tokens"))
    written = first_count(prompts.get("cache_write_tokens"), prompts.get("cache_creation_tokens"), usage.get("cache_creation_input_tokens"))
    reasoning = count(completions.get("reasoning_tokens"))
    audio = count(prompts.get("audio_tokens")) + count(completions.get("audio_tokens"))
    prompt = max(count(payload.get("prompt_tokens")), count(usage.get("prompt_tokens")))
    completion = max(count(payload.get("completion_tokens")), count(usage.get("completion_tokens")))
    # Some providers count these beside the prompt instead of as parts of it.
    prompt += cached + written if cached + written > prompt else 0
    # What is counted beyond both, such as the use of tools, is priced like the completion. It may be the reasoning.
    completion = max(completion, count(payload.get("total_tokens")) - prompt, count(usage.get("total_tokens")) - prompt)
    completion += reasoning if reasoning > completion else 0
    parts = {"cached_prompt_tokens": cached, "cache_write_tokens": written, "reasoning_tokens": reasoning, "audio_tokens": min(audio, prompt + completion)}
    return {"prompt_tokens": min(prompt, MAXIMUM_TOKENS), "completion_tokens": min(completion, MAXIMUM_TOKENS),
            **{name: tokens for name, tokens in parts.items() if tokens}}


def first_count(*values: Any) -> int:
    return next((tokens for tokens in map(count, values) if tokens), 0)


def searches(payload: Mapping[str, Any], event: Mapping[str, Any]) -> Optional[dict]:
    """The web searches of a model that searches by itself, which its provider bills beside the tokens: an event of their own, because an event has one feature."""
    usage = mapping(mapping(payload.get("metadata")).get("usage_object"))
    quantity = first_count(*(mapping(usage.get(name)).get("web_search_requests") for name in ("server_tool_use", "prompt_tokens_details")))
    if not quantity or event.get("cache_hit"):
        return None
    common = {name: event[name] for name in ("occurred_at", "user", "session", "model")}
    return {**common, "id": external_id(event["id"] + ":searches"), "prompt_tokens": 0, "completion_tokens": 0, "feature": "web_search", "quantity": quantity}


# Calls that read what an earlier call created. The usage that they report is that of the earlier call, also when they are repeated.
READ_CALL_TYPES = frozenset(("retrieve_batch", "aretrieve_batch", "get_responses", "aget_responses", "cancel_responses", "acancel_responses"))


def background_event(payload: Mapping[str, Any], response: Any) -> Optional[dict]:
    """The usage of a background response or a batch, which is known only when it is read after its end. All reads have the same event."""
    event = usage_event(payload, {})
    counted_before = "response" in str(payload.get("call_type")) and attribute(response, "background") is not True
    if counted_before or not attribute(response, "id") or not event["prompt_tokens"] + event["completion_tokens"]:
        return None
    return {**event, "id": external_id(f"background:{attribute(response, 'id')}"),
            "occurred_at": event_at(attribute(response, "completed_at") or attribute(response, "created_at"))}


def is_billed(payload: Mapping[str, Any]) -> bool:
    """Whether the provider answered before an attempt failed. For other attempts LiteLLM estimates the prompt, at no cost."""
    cost = payload.get("response_cost")
    return count(payload.get("completion_tokens")) > 0 or isinstance(cost, (int, float)) and cost > 0


class Finished(NamedTuple):
    """What is remembered of a call after its end: whether its response was reported, and what was counted before, as an estimate."""
    responded: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    # Also the images of the call.
    whole: bool = False


def without_counted(event: Mapping[str, Any], counted: Finished) -> dict:
    """The part of an event that was not counted before. The kinds of tokens are parts of what was."""
    parts = ("cached_prompt_tokens", "cache_write_tokens", "audio_tokens") if counted.prompt_tokens else ()
    parts += ("reasoning_tokens", "feature", "quantity") if counted.whole else ()
    rest = {name: value for name, value in event.items() if name not in parts}
    return {**rest, "prompt_tokens": max(0, event["prompt_tokens"] - counted.prompt_tokens),
            "completion_tokens": max(0, event["completion_tokens"] - counted.completion_tokens)}


# --- Running calls ----------------------------------------------------------------------------------------------------------------------------

class Places:
    """Places for calls that run at the same time. Further calls wait for one in the order of their arrival. Used on the event loop only."""

    def __init__(self, number: int):
        self._free = number
        self._waiting: collections.deque[asyncio.Future] = collections.deque()

    async def take(self, timeout_seconds: float) -> bool:
        if self._free:
            self._free -= 1
            return True
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait((place,), timeout=timeout_seconds)
        except asyncio.CancelledError:
            if place.done():
                self.give_back()
            raise
        finally:
            if not place.done():
                self._waiting.remove(place)
        return place.done()

    def give_back(self) -> None:
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1


class Use:
    """What one call uses of a rate."""

    def __init__(self, amount: int, at: float):
        self.amount, self.at, self.counts = amount, at, True


class MinuteRate:
    """What calls use within any minute, at most so much of it together. Used by several threads."""

    SECONDS = 60.0
    now = staticmethod(time.monotonic)

    def __init__(self, maximum: Optional[int]):
        """None: any amount."""
        self._maximum, self._used = maximum, 0
        self._uses: collections.deque[Use] = collections.deque()
        self._lock = threading.Lock()

    def take(self, amount: int) -> tuple[Optional[Use], float]:
        """The use, or None and the seconds until there is room. More than the maximum counts as the maximum: it takes a whole minute, and is not refused for ever."""
        if self._maximum is None:
            return None, 0
        with self._lock:
            use = Use(min(amount, self._maximum), self.now())
            while self._uses and self._uses[0].at <= use.at - self.SECONDS:
                self._uses[0].counts = False
                self._used -= self._uses.popleft().amount
            if self._used + use.amount <= self._maximum:
                self._uses.append(use)
                self._used += use.amount
                return use, 0
            excess = self._used + use.amount - self._maximum
            for former in self._uses:
                excess -= former.amount
                if excess <= 0:
                    break
            return None, former.at + self.SECONDS - use.at

    def change(self, use: Use, amount: int) -> None:
        """Replaces an estimate."""
        with self._lock:
            if use.counts:
                self._used += amount - use.amount
            use.amount = amount


class Call:
    """A call from its authorization to the report of its end."""

    def __init__(self, note: dict, places: Optional[Places], tokens: MinuteRate):
        self.note, self._places, self._tokens = note, places, tokens
        # Counted by the thread that requests the authorization.
        self.prompt_tokens = self.completion_tokens = 0
        self.use: Optional[Use] = None
        self.authorized_at = self.active_at = time.monotonic()
        self.answered = False
        # Whether a failed attempt was counted.
        self.billed = False
        # Of the answer: tokens that the client has been sent, and those of them that are in the journal.
        self.answer_tokens = self.written_tokens = 0
        self.file = f"{time.time_ns():020d}-{note['id']}"
        self.timer: Optional[asyncio.TimerHandle] = None

    def hear(self, part: Any) -> None:
        self.active_at, self.answered = time.monotonic(), True
        self.answer_tokens += answer_tokens(part)

    def estimate(self, kind: str, completion_tokens: int) -> dict:
        """An event with the prompt, which the provider has read, and a part of the answer. Its id ends in its kind."""
        return {**usage_event({}, self.note), "id": f"{self.note['id']}:{kind}",
                "prompt_tokens": self.prompt_tokens, "completion_tokens": min(completion_tokens, MAXIMUM_TOKENS)}

    def give_back_place(self) -> None:
        if self._places:
            self._places.give_back()
            self._places = None

    def end(self, tokens: int = 0) -> None:
        """The tokens that it used."""
        self.give_back_place()
        if self.use:
            self._tokens.change(self.use, tokens)
        if self.timer:
            self.timer.cancel()


def take(rate: MinuteRate, amount: int, message: str) -> Optional[Use]:
    """Raises 429 if there is no room. Without x-should-retry, because a client that waits for so long may repeat the call."""
    use, delay = rate.take(amount)
    if delay > 0:
        seconds = int(delay) + 1
        raise HTTPException(status_code=429, detail=message.format(seconds=seconds), headers={"retry-after": str(seconds)})
    return use


# --- Hook -------------------------------------------------------------------------------------------------------------------------------------

class BudgetHook(CustomLogger):
    MAX_REMEMBERED_CALLS = 10_000
    # A call ends before its reservation does: afterwards the same budget would be reserved by others.
    MAX_CALL_SECONDS = 570.0
    # As many as a tenant may have reservations.
    MAX_RUNNING_CALLS = 5_000
    # LiteLLM ends a call that is silent for 600 seconds (request_timeout) and reports that it failed.
    MAX_SILENCE_SECONDS = 660.0
    # How long the control plane keeps a reservation.
    RESERVATION_SECONDS = 600
    PLACE_TIMEOUT_SECONDS = 10.0
    PLACE_POLL_SECONDS = 1.0
    # After so many tokens of an answer the journal has them.
    JOURNAL_TOKENS = 100
    # LiteLLM reports a call to this logger also if its client asks not to log it.
    runs_on_no_log = True

    def __init__(self, settings: Settings):
        super().__init__()
        self._settings = settings
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._control_plane = ControlPlane(self._settings)
        self._spool = Spool(self._settings.spool)
        os.register_at_fork(after_in_child=self._spool.close)
        # Separate thread pools: a hanging control plane must not exhaust LiteLLM's threads or delay disk writes.
        self._authorize_pool = concurrent.futures.ThreadPoolExecutor(32, "budget-authorize")
        self._write_pool = concurrent.futures.ThreadPoolExecutor(2, "budget-write")
        self._journal = Journal(self._settings.spool)
        os.register_at_fork(after_in_child=self._journal.close)
        # One thread, so that a call is written down before it is removed.
        self._journal_pool = concurrent.futures.ThreadPoolExecutor(1, "budget-journal")
        self._sender = Sender(self._spool, self._control_plane)
        self._places = Places(self._settings.local_calls)
        self._requests, self._tokens = MinuteRate(self._settings.requests_per_minute), MinuteRate(self._settings.tokens_per_minute)
        # By the id of their note, oldest first. Finished calls need no release any more.
        self._running: collections.OrderedDict[str, Call] = collections.OrderedDict()
        self._finished: collections.OrderedDict[str, Finished] = collections.OrderedDict()

    def close(self) -> None:
        """Stops delivery. Spooled events are kept."""
        self._sender.stop()
        self._authorize_pool.shutdown()
        self._write_pool.shutdown()
        self._journal_pool.shutdown()
        self._journal.close()
        self._control_plane.close()

    # LiteLLM requires this method on the class itself.
    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: dict, call_type: str) -> dict:
        # A note set by the client would be taken for ours when LiteLLM reports a refusal as a failed call.
        if isinstance(data, dict):
            write_note(data, None)
        refused_because = refusal(data, call_type)
        if refused_because:
            raise refused_because

        for field in IGNORED_FIELDS:
            data.pop(field, None)
        shorten_caches(data)
        # Without the provider's usage LiteLLM counts the visible text, which lacks the reasoning.
        if data.get("stream") and data.get("stream_options") is not None:
            data["stream_options"] = {**mapping(data["stream_options"]), "include_usage": True}
        headers = (data.get("proxy_server_request") or {}).get("headers") or {}
        image = "image" in call_type
        note = {
            # Not LiteLLM's call id: clients can set it with a header, and requests with the same id get the same response.
            "id": uuid.uuid4().hex,
            "user": user_id(headers.get("x-openwebui-user-id"), *(getattr(user_api_key_dict, name, None) for name in ("end_user_id", "user_id"))),
            "session": external_id(headers.get("x-openwebui-chat-id")),
            "model": data["model"],
            "quantity": min(positive(data.get("n")) or 1, MAXIMUM_TOKENS) if image else None,
        }
        self._restart_after_fork()
        take(self._requests, 1, TOO_MANY_IN_A_MINUTE)
        local = note["model"] in self._settings.local_models
        if local and has_completion(call_type):
            # Without a limit, or with a negative one, Ollama generates without end.
            data["max_tokens"] = min(completion_limit(data, self._settings.default_max_tokens), self._settings.local_max_tokens)
            data.pop("max_completion_tokens", None)
        # Before the authorization, so that a waiting call holds no reservation.
        if local and not await self._places.take(self.PLACE_TIMEOUT_SECONDS):
            raise HTTPException(status_code=429, detail=LOCAL_MODELS_BUSY, headers={**NO_RETRY, "retry-after": str(max(1, int(self.PLACE_TIMEOUT_SECONDS)))})
        call = Call(note, self._places if local else None, self._tokens)
        try:
            note["reservation_id"] = await self._reserve(data, call_type, call)
        except BaseException:
            call.end()
            raise
        write_note(data, note)
        self._remember(call)
        return data

    # A client that hangs up before the first part of its answer shows here only: LiteLLM cancels the stream, and reports neither success nor failure.
    # LiteLLM requires this method on the class itself.
    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict: Any, response: Any, request_data: dict) -> Any:
        call = self._running.get(read_note(request_data).get("id"))
        try:
            async for part in response:
                if call and time.monotonic() - call.authorized_at > self.MAX_CALL_SECONDS:
                    log.warning("A streamed answer of model %s was ended after %d seconds", call.note["model"], self.MAX_CALL_SECONDS)
                    self._count_estimate(call, "part", call.answer_tokens)
                    return
                if call:
                    call.hear(part)
                    if call.answer_tokens - call.written_tokens >= self.JOURNAL_TOKENS:
                        self._write_down(call)
                yield part
        except asyncio.CancelledError:
            # After the first part, LiteLLM reports what was generated as a success.
            if call and not call.answered:
                self._count_estimate(call, "prompt", 0)
            raise
        finally:
            if call:
                call.give_back_place()

    async def async_log_success_event(self, kwargs: dict, response_obj: Any, start_time: Any, end_time: Any) -> None:
        payload = kwargs.get("standard_logging_object")
        note = read_note(kwargs.get("litellm_params") or {})
        if not isinstance(payload, Mapping):
            # LiteLLM could not write it, for which a field of the client may be the reason.
            log.error("Call completed without a standard logging payload")
            payload = {"id": attribute(response_obj, "id")}
            if not count(attribute(attribute(response_obj, "usage"), "total_tokens")):
                self._count_whole(self._running.get(note.get("id")))
                return
        # What the hook has authorized is no read, whatever LiteLLM reports.
        if not note.get("id") and payload.get("call_type") in READ_CALL_TYPES:
            await self._record(background_event(payload, response_obj))
            return
        event = of_response(usage_event(payload, note), response_obj)
        counted = self._finish(note, Finished(responded=True), event["prompt_tokens"] + event["completion_tokens"])
        await self._record(searches(payload, event))
        if not (event["prompt_tokens"] or event["completion_tokens"] or event.get("feature") or event.get("cache_hit")):
            log.error("Call of model %s completed without usage", event["model"])
            event = event if event["reservation_id"] else None
        await self._record(event and without_counted(event, counted))

    # One attempt failed. LiteLLM may retry or fall back, so the reservation is kept. What the provider billed for the attempt is counted, also if LiteLLM
    # reports it after the call as a whole; but not if the response was reported, and then blocked by another hook.
    async def async_log_failure_event(self, kwargs: dict, response_obj: Any, start_time: Any, end_time: Any) -> None:
        payload = kwargs.get("standard_logging_object")
        note = read_note(kwargs.get("litellm_params") or {})
        finished = self._finished.get(note.get("id"), Finished())
        if isinstance(payload, Mapping) and is_billed(payload) and not finished.responded:
            if note.get("id") in self._running:
                self._running[note["id"]].billed = True
            event = {**usage_event(payload, {**note, "reservation_id": None}), "id": uuid.uuid4().hex}
            await self._record(without_counted(event, finished))

    # The call as a whole failed: an event with zero tokens releases the reservation. But what the client has been sent before counts, as an estimate unless LiteLLM
    # reports it: LiteLLM fails when a model repeats itself, for example, which a client can ask it to do. So does an answer that a check of LiteLLM has refused.
    async def async_post_call_failure_hook(
            self, request_data: dict, original_exception: Exception, user_api_key_dict: Any, traceback_str: Optional[str] = None) -> None:
        note = read_note(request_data)
        call = self._running.get(note.get("id"))
        if getattr(original_exception, "raw_response", None):
            self._count_whole(call)
        elif call and call.answer_tokens and not call.billed:
            self._count_estimate(call, "part", call.answer_tokens)
        if note.get("id") and note["id"] not in self._finished:
            self._finish(note, Finished())
            await self._record(usage_event({}, note) if note.get("reservation_id") else None)

    async def _reserve(self, data: dict, call_type: str, call: Call) -> Optional[str]:
        """The id of the reservation, or None if the control plane is unavailable and the hook fails open."""
        try:
            answer = await self._authorize(data, call_type, call)
            # Until a call of another organization has ended, or the report of our own last one has arrived.
            until = time.monotonic() + self.PLACE_TIMEOUT_SECONDS
            while answer.get("reason") == "local_busy" and time.monotonic() < until:
                await asyncio.sleep(self.PLACE_POLL_SECONDS)
                answer = await self._authorize(data, call_type, call)
        except (ControlPlaneUnavailable, asyncio.TimeoutError) as error:
            log.warning("Authorization request failed: %s", error if isinstance(error, ControlPlaneUnavailable) else "timeout")
            if not self._settings.fail_open:
                raise HTTPException(status_code=503, detail=UNAVAILABLE, headers=dict(NO_RETRY)) from None
            return None
        if answer.get("allow") is not True:
            raise denial(answer, call.note["model"], "image" if "image" in call_type else None, datetime.now(timezone.utc))
        return clean(answer.get("reservation_id"))

    async def _authorize(self, data: dict, call_type: str, call: Call) -> Mapping[str, Any]:
        request = self._authorize_pool.submit(self._request_authorization, data, call_type, call)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(request), self._settings.timeout_seconds)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            # The caller no longer waits. Release a late reservation instead of holding it until it expires.
            request.add_done_callback(lambda late: self._release(late, call.note))
            raise

    def _release(self, late: concurrent.futures.Future, note: dict) -> None:
        reservation = late.result().get("reservation_id") if not late.cancelled() and late.exception() is None else None
        if reservation:
            self._write(usage_event({}, {**note, "reservation_id": reservation}))

    def _request_authorization(self, data: Mapping[str, Any], call_type: str, call: Call) -> Mapping[str, Any]:
        # Their reservations have expired: calls that are not reported would be allowed again and again.
        if not self._settings.fail_open and self._spool.has_older_than(self.RESERVATION_SECONDS):
            log.error("Usage has not been delivered for %d minutes, so calls are refused", self.RESERVATION_SECONDS // 60)
            raise HTTPException(status_code=503, detail=NOT_REPORTED, headers=dict(NO_RETRY))
        note, call.prompt_tokens = call.note, min(prompt_tokens(data), MAXIMUM_TOKENS)
        estimate = estimated_tokens(call.prompt_tokens, data, call_type, self._settings.default_max_tokens)
        call.completion_tokens = estimate - call.prompt_tokens
        body = {
            "request_id": note["id"],
            "user": note["user"],
            "model": note["model"],
            "estimated_tokens": estimate,
        }
        call.use = call.use or take(self._tokens, body["estimated_tokens"], TOO_MANY_TOKENS_IN_A_MINUTE)
        if note["quantity"]:
            body.update(feature="image", quantity=note["quantity"])
        reply = self._control_plane.post("/v1/authorize", body)
        if reply.status == 200 and isinstance(reply.value, dict) and isinstance(reply.value.get("allow"), bool):
            return reply.value
        if reply.status in (400, 401, 403, 404, 422):
            log.error("Authorization request rejected with status %d: check CONTROLPLANE_URL and CONTROLPLANE_KEY", reply.status)
            raise HTTPException(status_code=503, detail=UNAVAILABLE, headers=dict(NO_RETRY))
        if reply.status == 429:
            # The control plane is available, so BUDGET_FAIL_OPEN does not apply: too many requests must not get past the budget.
            raise HTTPException(status_code=429, detail=TOO_MANY_REQUESTS, headers={**NO_RETRY, "retry-after": str(max(1, int(reply.retry_after)))})
        raise ControlPlaneUnavailable(f"status {reply.status}", reply.retry_after)

    def _write_down(self, call: Call) -> None:
        call.written_tokens = call.answer_tokens
        self._journal_pool.submit(self._journal.write, call.file, call.estimate("killed", call.answer_tokens))

    def _remember(self, call: Call) -> None:
        self._running[call.note["id"]] = call
        self._write_down(call)
        self._expect(call, self.MAX_SILENCE_SECONDS)
        if len(self._running) > self.MAX_RUNNING_CALLS:
            self._count_estimate(next(iter(self._running.values())), "prompt", 0)

    def _expect(self, call: Call, seconds: float) -> None:
        call.timer = asyncio.get_running_loop().call_later(seconds, self._expire, call)

    def _expire(self, call: Call) -> None:
        rest = call.active_at + self.MAX_SILENCE_SECONDS - time.monotonic()
        if rest > 0:
            self._expect(call, rest)
        else:
            # It did not end in any way that the hook knows, so it may have been answered.
            self._count_whole(call)

    def _count_whole(self, call: Optional[Call]) -> None:
        """Counts all that was reserved for a call."""
        if call:
            images = {"feature": "image", "quantity": call.note["quantity"]} if call.note["quantity"] else {}
            self._count_estimate(call, "estimate", call.completion_tokens, whole=True, **images)

    def _count_estimate(self, call: Call, kind: str, completion_tokens: int, whole: bool = False, **more: Any) -> None:
        """Counts a call whose usage is not reported. If it is reported after all, the rest is counted."""
        if call.note["id"] in self._running:
            event = {**call.estimate(kind, completion_tokens), **more}
            counted = Finished(False, event["prompt_tokens"], event["completion_tokens"], whole)
            self._finish(call.note, counted, counted.prompt_tokens + counted.completion_tokens)
            self._write_pool.submit(self._write, event)

    async def _record(self, event: Optional[Mapping[str, Any]]) -> None:
        if event is not None:
            self._restart_after_fork()
            await asyncio.get_running_loop().run_in_executor(self._write_pool, self._write, event)

    def _write(self, event: Mapping[str, Any]) -> None:
        """Blocks until the event is durable."""
        event = without_nulls(event)
        try:
            self._spool.add(event)
            self._sender.wake()
        except OSError as error:
            log.error("Could not write to the spool, sending directly: %s", type(error).__name__)
            try:
                reply = self._control_plane.post("/v1/usage", [event])
                if reply.status != 200:
                    raise ControlPlaneUnavailable(f"status {reply.status}")
            except ControlPlaneUnavailable as unavailable:
                log.error("Usage event %s was lost: %s", event["id"], unavailable)

    def _restart_after_fork(self) -> None:
        # A forked worker has none of its parent's threads and must not use its connections and locks.
        if self._process != os.getpid():
            self._start()

    def _finish(self, note: Mapping[str, Any], now: Finished, tokens: int = 0) -> Finished:
        """Also what was counted before. The tokens that the call used."""
        if not note.get("id"):
            return Finished()
        call = self._running.pop(note["id"], None)
        if call:
            call.end(tokens)
            self._journal_pool.submit(self._journal.remove, call.file)
        before = self._finished.get(note["id"], now)
        finished = before._replace(responded=now.responded)
        self._finished[note["id"]] = finished
        if len(self._finished) > self.MAX_REMEMBERED_CALLS:
            self._finished.popitem(last=False)
        return finished


handler = BudgetHook(read_settings(os.environ))
