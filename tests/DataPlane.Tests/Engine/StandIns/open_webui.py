"""In place of Open WebUI: what the environment needs of it. Signs the administrator in, sends chats to the gateway with the user's headers, and keeps a folder and a database."""
import json
import os
import pathlib
import secrets
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid

import web

environment = os.environ
redis = urllib.parse.urlsplit(environment["REDIS_URL"])
sessions = {}


def start():
    # As the real one at each start: its tables, its data and copies of its static files.
    web.query("create table if not exists open_webui.started (at timestamptz); insert into open_webui.started values (now());")
    web.ping_redis(redis.hostname, redis.port, redis.password)
    for folder in ("/app/backend/data/uploads", environment["STATIC_DIR"], environment["HOME"] + "/.cache"):
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    with open("/app/backend/data/uploads/log", "a", encoding="ascii") as file:
        file.write("started\n")


def sign_in(request):
    form = request.json
    if (form.get("email"), form.get("password")) != (environment["WEBUI_ADMIN_EMAIL"], environment["WEBUI_ADMIN_PASSWORD"]):
        raise web.Refused(400, {"detail": "The email or password provided is incorrect."})
    token = secrets.token_hex(16)
    sessions[token] = {"id": str(uuid.uuid5(uuid.NAMESPACE_DNS, form["email"])), "name": environment["WEBUI_ADMIN_NAME"], "email": form["email"], "role": "admin"}
    return {"token": token, **sessions[token]}


def ask_gateway(path, user, body=None):
    headers = {"Authorization": "Bearer " + environment["OPENAI_API_KEYS"], "Content-Type": "application/json"}
    if environment["ENABLE_FORWARD_USER_INFO_HEADERS"] == "True":
        headers.update({f"X-OpenWebUI-User-{name.capitalize()}": value for name, value in user.items()})
        headers["X-OpenWebUI-Chat-Id"] = str(uuid.uuid4())
    request = urllib.request.Request(environment["OPENAI_API_BASE_URLS"] + path, data=body and json.dumps(body).encode(), headers=headers)
    try:
        # With the proxies of the environment, as the real one.
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise web.Refused(error.code, json.load(error)) from None


def respond(request):
    if request.path in ("/health", "/ready"):
        web.ping_redis(redis.hostname, redis.port, redis.password)
        return {"status": True}
    if request.path == "/api/v1/auths/signin":
        return sign_in(request)
    user = sessions.get(request.bearer)
    if user is None:
        raise web.Refused(401, {"detail": "Not authenticated"})
    if request.path == "/api/models":
        return ask_gateway("/models", user)
    if request.path == "/api/chat/completions":
        return ask_gateway("/chat/completions", user, request.json)
    raise web.Refused(404, {"detail": "Not Found"})


start()
print("Open WebUI stand-in is listening", file=sys.stderr, flush=True)
web.serve(8080, respond)
