"""LiteLLM callback that keeps a tenant inside its budgets, and reports every call exactly once.

Before a call it asks the control plane (POST /v1/authorize), which reserves an estimate or refuses. After the call it writes a usage event to
disk and then delivers it (POST /v1/usage), which settles the reservation. Load it as `callbacks: budget_hook.handler`; settings and guarantees
are in README.md. Standard library, and from LiteLLM's image the two names imported below.

No prompt, key or mail address is ever logged or written to the spool.
"""
from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import fcntl
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

# The platform's own bounds: longer texts and larger numbers are refused there.
MAXIMUM_TEXT = 200
MAXIMUM_TOKENS = 1_000_000_000


# --- Settings ---------------------------------------------------------------------------------------------------------------------------------

class Settings(NamedTuple):
    url: str
    key: str
    spool: str
    timeout_seconds: float
    default_max_tokens: int
    fail_open: bool


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Stops the gateway with one line for each wrong setting: it must not start without its budgets."""
    problems: list[str] = []

    def number(name: str, default: float, lowest: float, highest: float) -> float:
        text = environment.get(name, "").strip()
        try:
            value = float(text) if text else default
        except ValueError:
            value = -1
        if not lowest <= value <= highest:
            problems.append(f"{name} must be a number from {lowest:g} to {highest:g}")
        return value

    url = environment.get("CONTROLPLANE_URL", "").strip().rstrip("/")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        problems.append("CONTROLPLANE_URL must be the control plane's address, such as https://portal.example.com")

    key = environment.get("CONTROLPLANE_KEY", "").strip()
    if not key and environment.get("CONTROLPLANE_KEY_FILE"):
        try:
            with open(environment["CONTROLPLANE_KEY_FILE"], encoding="ascii") as file:
                key = file.read().strip()
        except (OSError, ValueError) as error:
            problems.append(f"CONTROLPLANE_KEY_FILE cannot be read ({type(error).__name__})")
    if not re.fullmatch(r"[!-~]+", key):
        problems.append("CONTROLPLANE_KEY, or the file named by CONTROLPLANE_KEY_FILE, must hold a tenant key (cpt_...)")

    spool = environment.get("BUDGET_SPOOL_DIR", "").strip()
    try:
        os.makedirs(spool, mode=0o700, exist_ok=True)
        if not os.access(spool, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError
    except OSError as error:
        problems.append(f"BUDGET_SPOOL_DIR must be a directory the gateway may write to, on a volume that outlives it ({type(error).__name__})")

    fail_open = environment.get("BUDGET_FAIL_OPEN", "false").strip().lower() or "false"
    if fail_open not in ("true", "false"):
        problems.append("BUDGET_FAIL_OPEN must be true or false")

    timeout = number("BUDGET_TIMEOUT_SECONDS", 5, 0.1, 60)
    default_max_tokens = number("BUDGET_DEFAULT_MAX_TOKENS", 2048, 1, 1_000_000)
    if problems:
        raise SystemExit("\n".join("budget_hook: " + problem for problem in problems))
    return Settings(url, key, spool, timeout, int(default_max_tokens), fail_open == "true")


# --- Estimate ---------------------------------------------------------------------------------------------------------------------------------

# What a model reads, in the forms of the OpenAI, Anthropic and Gemini interfaces.
PROMPT_FIELDS = ("messages", "prompt", "input", "system", "instructions", "contents", "systemInstruction", "tools", "functions", "response_format",
                 "documents", "query")
MEDIA_FIELDS = ("url", "image_url", "data", "file_data", "b64_json")
IMAGE_TOKENS = 1600
WITHOUT_COMPLETION = ("embedding", "rerank", "moderation", "transcription", "speech", "image")


def text_tokens(text: str) -> int:
    """One token for 3 ASCII characters, 2 tokens for 3 bytes of anything else: more than what tokenizers make of most prose and code."""
    ascii_bytes = len(text.encode("ascii", "ignore"))
    other_bytes = len(text.encode("utf-8", "surrogatepass")) - ascii_bytes
    return -(-ascii_bytes // 3) + -(-other_bytes * 2 // 3)


def media_tokens(text: str) -> int:
    return IMAGE_TOKENS if text.startswith(("http", "data:image")) else max(IMAGE_TOKENS, len(text) // 100)


def prompt_tokens(data: Mapping[str, Any]) -> int:
    """Every key and text the model reads. A list, not recursion: how deep a request is nested is its sender's choice."""
    tokens = 0
    open_values = [(name, data[name]) for name in PROMPT_FIELDS if data.get(name) is not None]
    while open_values:
        name, value = open_values.pop()
        if isinstance(value, str):
            tokens += media_tokens(value) if name in MEDIA_FIELDS else text_tokens(value)
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                tokens += text_tokens(str(key))
                open_values.append((key, inner))
        elif isinstance(value, (list, tuple)):
            open_values.extend((name, inner) for inner in value)
        elif value is not None:
            tokens += 1
    return tokens


def completion_tokens(data: Mapping[str, Any], call_type: str, default: int) -> int:
    if any(word in call_type for word in WITHOUT_COMPLETION):
        return 0
    generation = data.get("generationConfig")
    limits = [data.get("max_completion_tokens"), data.get("max_tokens"), data.get("max_output_tokens"),
              generation.get("maxOutputTokens") if isinstance(generation, Mapping) else None]
    return next((limit for limit in map(positive, limits) if limit), default) * max(positive(data.get("n")) or 1, positive(data.get("best_of")) or 1)


def positive(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def estimated_tokens(data: Mapping[str, Any], call_type: str, default: int) -> int:
    return min(MAXIMUM_TOKENS, prompt_tokens(data) + completion_tokens(data, call_type, default))


# --- Refusals ---------------------------------------------------------------------------------------------------------------------------------

# For each reason: what to say when waiting helps ({when}), and what to say when it does not.
REFUSALS = {
    "model_not_in_plan": (None, "The model {model} is not part of your organization's plan. Choose another model, or ask your administrator for a "
                                "larger plan."),
    "model_restricted": (None, "An invoice of your organization is overdue, so only the free local models can be used until it is paid. "
                               "Choose one of them for now."),
    "daily_limit": ("Your organization's tokens for today are used up, or held by calls that are still running. Try again {when}.",
                    "This request is larger than what your organization may use in a whole day. Send less text, or start a new chat."),
    "monthly_limit": ("Your organization's tokens for this month are used up, or held by calls that are still running. Try again {when}.",
                      "Your organization's tokens for this month do not cover this request. Ask your administrator for a larger plan."),
    "user_limit": ("You have reached the limit that your administrator set for you. Try again {when}.",
                   "Your administrator's limits for you do not allow this model, or a request this large. Choose another model, or send less text."),
    "feature_not_in_plan": (None, "{Feature} are not part of your organization's plan. Ask your administrator for a larger plan."),
    "feature_limit": ("Your organization has used up its {feature} for this month. Try again {when}.",
                      "Your organization has used up its {feature}. Ask your administrator for a larger plan."),
    "trial_expired": (None, "Your organization's trial has ended. Ask your administrator to choose a plan; your chats are kept."),
    "suspended": (None, "Your organization's account is suspended. Ask your administrator to look at its invoices in the portal."),
    "environment_not_ready": (None, "Your environment is still being set up. Try again in a few minutes."),
}
OTHER_REFUSAL = (None, "Your organization's plan does not allow this call.")
FEATURES = {"image": "images", "web_search": "web searches", "rag_file": "files"}
AWAY = "Your organization's budget cannot be checked right now, so this call was not made. Nothing was charged. Try again in a minute."
NO_RETRY = {"x-should-retry": "false"}


def refusal(answer: Mapping[str, Any], model: str, feature: Optional[str], now: datetime) -> HTTPException:
    """LiteLLM turns it into {"error": {"message": …}} of this status, whatever the route and streamed or not; a chat shows the message."""
    reason = answer.get("reason")
    waiting, final = REFUSALS.get(reason, OTHER_REFUSAL) if isinstance(reason, str) else OTHER_REFUSAL
    retry_at = instant(answer.get("retry_at"))
    words = FEATURES.get(feature or "", "extras")
    helps = waiting is not None and retry_at is not None
    message = (waiting if helps else final).format(
        model=model, feature=words, Feature=words.capitalize(), when=time_words(retry_at, now) if helps else "")
    headers = dict(NO_RETRY)
    if helps:
        headers["retry-after"] = str(max(1, int((retry_at - now).total_seconds()) + 1))
    return HTTPException(status_code=429 if helps else 403, detail=message, headers=headers)


def time_words(at: datetime, now: datetime) -> str:
    at += timedelta(seconds=59)  # To the next full minute: not a moment too early.
    return f"at {at:%H:%M} UTC" + ("" if at.date() == now.date() else f" on {at.day} {at:%B}")


def instant(value: Any) -> Optional[datetime]:
    try:
        # Python 3.9 and 3.10 read neither "Z" nor seven digits of a second.
        text = re.sub(r"(\.\d{1,6})\d*", r"\1", value.strip()).replace("Z", "+00:00")
        text = re.sub(r"\.(\d+)", lambda fraction: "." + fraction.group(1).ljust(6, "0"), text)
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except (AttributeError, ValueError, OverflowError):
        return None


# --- Control plane ----------------------------------------------------------------------------------------------------------------------------

class Away(Exception):
    """No usable answer. The message names a status or a kind of error, never content."""

    def __init__(self, why: str, retry_after: float = 0):
        super().__init__(why)
        self.retry_after = retry_after


class Reply(NamedTuple):
    status: int
    value: Any
    retry_after: float


class ControlPlane:
    """Posts JSON over connections that are kept."""

    def __init__(self, settings: Settings):
        parts = urllib.parse.urlsplit(settings.url)
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._path, self._timeout = parts.hostname, parts.port, parts.path, settings.timeout_seconds
        self._headers = {"Authorization": "Bearer " + settings.key, "Content-Type": "application/json", "User-Agent": "budget-hook"}
        self._idle: collections.deque[http.client.HTTPConnection] = collections.deque()

    def post(self, path: str, value: Any) -> Reply:
        """Blocks. Whatever it posts may be posted twice: both calls of the control plane are idempotent."""
        body = json.dumps(value).encode("ascii")
        while True:
            try:
                connection, kept = self._idle.pop(), True
            except IndexError:
                connection, kept = self._connect(self._host, self._port, timeout=self._timeout), False
            try:
                connection.request("POST", self._path + path, body, self._headers)
                reply = connection.getresponse()
                text = reply.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                # A kept connection may have been closed by the other side while it was idle: that says nothing about now.
                if kept and isinstance(error, ConnectionError):
                    continue
                raise Away(type(error).__name__) from None
            if reply.will_close:
                connection.close()
            else:
                self._idle.append(connection)
            return Reply(reply.status, parse(text), seconds(reply.getheader("Retry-After")))

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def parse(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def seconds(header: Optional[str]) -> float:
    return float(header) if header and header.isascii() and header.isdigit() else 0


# --- Spool ------------------------------------------------------------------------------------------------------------------------------------

class Spool:
    """One file for each event, in a directory that the workers of a gateway share. Whoever holds its lock delivers for all of them;
    the kernel frees the lock of a killed process, and another worker or the next start takes over."""

    STALE_SECONDS = 3600

    def __init__(self, folder: str):
        self._folder = folder
        self._lock: Optional[int] = None

    def add(self, event: Mapping[str, Any]) -> None:
        """Blocks until the event would survive a power cut."""
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        partial = self._path(name + ".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(event).encode("ascii"))
            file.flush()
            os.fsync(descriptor)
        os.rename(partial, self._path(name + ".json"))
        directory = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def own(self) -> bool:
        """True when this process is the one that delivers."""
        if self._lock is None:
            descriptor = os.open(self._path("lock"), os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                return False
            self._lock = descriptor
            self._clear_partial()
        return True

    def close(self) -> None:
        """Lets another process deliver. A forked child closes its share, or the lock would outlive the process that delivers."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def waiting(self) -> list[str]:
        """Oldest first."""
        return sorted(name for name in os.listdir(self._folder) if name.endswith(".json"))

    def read(self, name: str) -> Optional[dict]:
        """None for what is no event: it is set aside, so that it holds up nothing."""
        try:
            with open(self._path(name), "rb") as file:
                event = parse(file.read(64 * 1024))
        except OSError as error:
            log.error("a file in the spool cannot be read (%s)", type(error).__name__)
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
        log.error("%s in the spool is no usage event the control plane takes: kept as %s.bad", name, name)
        try:
            os.rename(self._path(name), self._path(name + ".bad"))
        except OSError:
            log.error("%s in the spool cannot be renamed", name)

    def _clear_partial(self) -> None:
        # Left by a process that was killed while it wrote; nobody was told yet that these events are kept.
        for name in os.listdir(self._folder):
            if name.endswith(".partial") and time.time() - os.stat(self._path(name)).st_mtime > self.STALE_SECONDS:
                self.remove(name)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)


class Sender:
    """Delivers what is in the spool, in a thread of its own. A file goes only after a reply that accounts for every event sent."""

    BATCH = 500
    POLL_SECONDS = 1.0
    SHORTEST_WAIT_SECONDS = 0.5
    LONGEST_WAIT_SECONDS = 60.0
    LONGEST_RETRY_AFTER_SECONDS = 300.0

    def __init__(self, spool: Spool, plane: ControlPlane):
        self._spool, self._plane = spool, plane
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
                if self._spool.own():
                    self._deliver(self._spool.waiting())
                if failures:
                    log.warning("usage events are delivered again")
                failures = 0
                self._wake.wait(self.POLL_SECONDS)
            except Exception as error:  # Whatever it is, the events stay where they are and the thread must live.
                if failures == 0:
                    log.warning("usage events wait in the spool: %s", error if isinstance(error, Away) else type(error).__name__)
                self._stopped.wait(self._backoff(failures, getattr(error, "retry_after", 0)))
                failures += 1
        self._spool.close()

    def _backoff(self, failures: int, retry_after: float) -> float:
        longest = min(self.LONGEST_WAIT_SECONDS, self.SHORTEST_WAIT_SECONDS * 2 ** min(failures, 20))
        return max(min(retry_after, self.LONGEST_RETRY_AFTER_SECONDS), longest * random.uniform(0.5, 1))

    def _deliver(self, names: list[str]) -> None:
        for start in range(0, len(names), self.BATCH):
            if self._stopped.is_set():
                return
            read = [(name, self._spool.read(name)) for name in names[start:start + self.BATCH]]
            self._send([(name, event) for name, event in read if event is not None])

    def _send(self, batch: list[tuple[str, dict]]) -> None:
        if not batch:
            return
        reply = self._plane.post("/v1/usage", [event for _, event in batch])
        if reply.status == 200 and accounted(reply.value) == len(batch):
            if reply.value["rejected"]:
                log.warning("%d usage events were rejected and are in the control plane's quarantine", len(reply.value["rejected"]))
            for name, _ in batch:
                self._spool.remove(name)
        elif reply.status not in (400, 413, 422):
            raise Away(f"the control plane answered {reply.status}" + (" for other events" if reply.status == 200 else ""), reply.retry_after)
        elif len(batch) > 1:
            # One of them spoils it for the others.
            middle = len(batch) // 2
            self._send(batch[:middle])
            self._send(batch[middle:])
        else:
            self._spool.set_aside(batch[0][0])


def accounted(reply: Any) -> int:
    """How many events a reply of POST /v1/usage speaks for. A rejected one is kept in the control plane's quarantine, a queued one until its
    database is back."""
    try:
        return reply["accepted"] + reply["duplicates"] + len(reply["rejected"]) + reply.get("queued", 0)
    except (TypeError, KeyError):
        return -1


# --- Events -----------------------------------------------------------------------------------------------------------------------------------

# Where the note about a call travels with it, inside the metadata that LiteLLM passes from request to log event.
NOTE = "budget_note"
METADATA_FIELDS = ("metadata", "litellm_metadata")
NOBODY = "unknown"


def clean(value: Any) -> Optional[str]:
    """A text as the control plane takes it; None for what is none."""
    if not isinstance(value, str):
        return None
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", "", value)[:MAXIMUM_TEXT].strip()
    return text or None


def person(*candidates: Any) -> str:
    """The first usable one. Mail addresses are passed over: they stay out of logs and spool."""
    return next((name for name in map(clean, candidates) if name and "@" not in name), NOBODY)


def take_note(holder: Mapping[str, Any]) -> dict:
    """The note of a call, from a request's data or a log event's parameters."""
    for field in METADATA_FIELDS:
        metadata = holder.get(field)
        if isinstance(metadata, Mapping) and isinstance(metadata.get(NOTE), dict):
            return metadata[NOTE]
    return {}


def leave_note(data: dict, note: Optional[dict]) -> None:
    """Writes it where LiteLLM keeps its own, never into a metadata field that goes out to a provider; removes what a client wrote there."""
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
    """Tokens; 0 for what is no number."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    return int(min(value, MAXIMUM_TOKENS)) if usable else 0


def whole(event: Mapping[str, Any]) -> dict:
    return {name: value for name, value in event.items() if value is not None}


def usage_event(payload: Mapping[str, Any], note: Mapping[str, Any]) -> dict:
    """One call as POST /v1/usage takes it, from LiteLLM's standard logging payload."""
    metadata = payload.get("metadata") if isinstance(payload.get("metadata"), Mapping) else {}
    event = {
        "id": clean(payload.get("id")) or uuid.uuid4().hex,
        "occurred_at": event_at(payload.get("endTime")),
        "user": note.get("user") or person(payload.get("end_user"), metadata.get("user_api_key_end_user_id"), metadata.get("user_api_key_user_id")),
        "session": note.get("session") or clean(payload.get("trace_id")),
        "model": clean(payload.get("model_group")) or note.get("model") or clean(payload.get("model")) or NOBODY,
        "prompt_tokens": count(payload.get("prompt_tokens")),
        "completion_tokens": count(payload.get("completion_tokens")),
        "reservation_id": note.get("reservation_id"),
    }
    if "image" in str(payload.get("call_type")):
        event.update(feature="image", quantity=note.get("quantity") or 1)
    return event


# --- Hook -------------------------------------------------------------------------------------------------------------------------------------

class BudgetHook(CustomLogger):
    REMEMBERED = 10_000

    def __init__(self, settings: Settings):
        super().__init__()
        self._settings = settings
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._plane = ControlPlane(self._settings)
        self._spool = Spool(self._settings.spool)
        os.register_at_fork(after_in_child=self._spool.close)
        # Threads of our own: a control plane that hangs must neither use up LiteLLM's nor hold up the disk.
        self._askers = concurrent.futures.ThreadPoolExecutor(32, "budget-ask")
        self._writers = concurrent.futures.ThreadPoolExecutor(2, "budget-write")
        self._sender = Sender(self._spool, self._plane)
        self._counted: collections.OrderedDict[str, None] = collections.OrderedDict()

    def close(self) -> None:
        """Stops delivering. What is in the spool stays there."""
        self._sender.stop()
        self._askers.shutdown()
        self._writers.shutdown()
        self._plane.close()

    # LiteLLM looks for this in the class itself. Whatever names a model is asked for, of any call type; what names none costs no tokens.
    async def async_pre_call_hook(self, user_api_key_dict: Any, cache: Any, data: dict, call_type: str) -> dict:
        model = clean(data.get("model"))
        if model is None:
            leave_note(data, None)
            return data

        headers = (data.get("proxy_server_request") or {}).get("headers") or {}
        image = "image" in call_type
        note = {
            "user": person(headers.get("x-openwebui-user-id"), *(getattr(user_api_key_dict, name, None) for name in ("end_user_id", "user_id"))),
            "session": clean(headers.get("x-openwebui-chat-id")),
            "model": model,
            "quantity": (positive(data.get("n")) or 1) if image else None,
        }
        try:
            answer = await self._answer(data, call_type, note)
        except (Away, asyncio.TimeoutError) as error:
            log.warning("no answer to authorize: %s", error if isinstance(error, Away) else "timeout")
            if not self._settings.fail_open:
                raise HTTPException(status_code=503, detail=AWAY, headers=dict(NO_RETRY)) from None
            answer = {"allow": True}
        if answer.get("allow") is not True:
            leave_note(data, None)
            raise refusal(answer, model, "image" if image else None, datetime.now(timezone.utc))

        leave_note(data, {**note, "reservation_id": clean(answer.get("reservation_id"))})
        return data

    async def async_log_success_event(self, kwargs: dict, response_obj: Any, start_time: Any, end_time: Any) -> None:
        payload = kwargs.get("standard_logging_object")
        note = take_note(kwargs.get("litellm_params") or {})
        if not isinstance(payload, Mapping):
            log.error("a call ended without LiteLLM's standard logging payload: its tokens are unknown")
            return
        event = usage_event(payload, note)
        # An answer without an id of its own goes by the call's, which a client may choose, even twice.
        if event["reservation_id"] and payload.get("id") == kwargs.get("litellm_call_id"):
            event["id"] = event["reservation_id"]
        self._remember(event["reservation_id"])
        await self._record(event)

    # One attempt failed. LiteLLM may try again or fall back, so the reservation is held; what the attempt used is counted.
    async def async_log_failure_event(self, kwargs: dict, response_obj: Any, start_time: Any, end_time: Any) -> None:
        payload = kwargs.get("standard_logging_object")
        if not isinstance(payload, Mapping):
            return
        note = take_note(kwargs.get("litellm_params") or {})
        used = count(payload.get("prompt_tokens")) + count(payload.get("completion_tokens"))
        if used > 0 and note.get("reservation_id") not in self._counted:
            event = usage_event(payload, {**note, "reservation_id": None})
            await self._record({**event, "id": uuid.uuid4().hex})

    # The whole call failed, whoever refused it: one event of no tokens gives the reservation back.
    async def async_post_call_failure_hook(
            self, request_data: dict, original_exception: Exception, user_api_key_dict: Any, traceback_str: Optional[str] = None) -> None:
        note = take_note(request_data)
        reservation = note.get("reservation_id")
        if reservation and reservation not in self._counted:
            self._remember(reservation)
            await self._record(usage_event({"id": reservation}, note))

    async def _answer(self, data: dict, call_type: str, note: dict) -> Mapping[str, Any]:
        self._survive_fork()
        asked = self._askers.submit(self._ask, data, call_type, note)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(asked), self._settings.timeout_seconds)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            # Nobody waits for it any more. What it may yet reserve is given back, not held until it expires.
            asked.add_done_callback(lambda late: self._give_back(late, note))
            raise

    def _give_back(self, late: concurrent.futures.Future, note: dict) -> None:
        reservation = late.result().get("reservation_id") if not late.cancelled() and late.exception() is None else None
        if reservation:
            self._spool.add(whole(usage_event({"id": reservation}, {**note, "reservation_id": reservation})))
            self._sender.wake()

    def _ask(self, data: Mapping[str, Any], call_type: str, note: Mapping[str, Any]) -> Mapping[str, Any]:
        question = {
            # Our own and not LiteLLM's call id: a client may choose that by a header, and the same id gets the same answer.
            "request_id": uuid.uuid4().hex,
            "user": note["user"],
            "model": note["model"],
            "estimated_tokens": estimated_tokens(data, call_type, self._settings.default_max_tokens),
        }
        if note["quantity"]:
            question.update(feature="image", quantity=note["quantity"])
        reply = self._plane.post("/v1/authorize", question)
        if reply.status == 200 and isinstance(reply.value, dict) and isinstance(reply.value.get("allow"), bool):
            return reply.value
        if reply.status in (400, 401, 403, 404, 422):
            log.error("the control plane refuses to answer authorize (%d): check CONTROLPLANE_URL and CONTROLPLANE_KEY", reply.status)
            raise HTTPException(status_code=503, detail=AWAY, headers=dict(NO_RETRY))
        raise Away(f"the control plane answered {reply.status}", reply.retry_after)

    async def _record(self, event: Mapping[str, Any]) -> None:
        self._survive_fork()
        event = whole(event)
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writers, self._spool.add, event)
            self._sender.wake()
        except OSError as error:
            log.error("the spool cannot be written (%s): sending without it", type(error).__name__)
            try:
                reply = await loop.run_in_executor(self._askers, self._plane.post, "/v1/usage", [event])
                if reply.status != 200:
                    raise Away(f"the control plane answered {reply.status}")
            except Away as away:
                log.error("usage event %s is lost: %s", event["id"], away)

    def _survive_fork(self) -> None:
        # A forked worker has none of its parent's threads, and must not use its connections and locks.
        if self._process != os.getpid():
            self._start()

    def _remember(self, reservation: Optional[str]) -> None:
        if reservation:
            self._counted[reservation] = None
            if len(self._counted) > self.REMEMBERED:
                self._counted.popitem(last=False)


handler = BudgetHook(read_settings(os.environ))
