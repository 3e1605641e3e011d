"""In place of LiteLLM: loads the rendered configuration and the real hook, checks virtual keys, and calls the hook before and after each call as LiteLLM does."""
import argparse
import asyncio
import importlib.util
import json
import os
import pathlib
import sys
import threading
import time
import types
import urllib.request
import uuid

import support
import web
import yaml

options = argparse.ArgumentParser()
options.add_argument("--config")
options.add_argument("--port", type=int)
options = options.parse_args()


def resolve(value):
    """Replaces os.environ/NAME with the variable, as LiteLLM does."""
    if isinstance(value, dict):
        return {name: resolve(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner) for inner in value]
    return os.environ[value.removeprefix("os.environ/")] if isinstance(value, str) and value.startswith("os.environ/") else value


config = resolve(yaml.safe_load(pathlib.Path(options.config).read_text(encoding="utf-8")))
models = {model["model_name"]: model["litellm_params"] for model in config["model_list"]}
redis = config["litellm_settings"]["cache_params"]


def load_callback():
    module, attribute = config["litellm_settings"]["callbacks"][0].split(".")
    support.install_stubs()
    path = pathlib.Path(options.config).parent / (module + ".py")
    specification = importlib.util.spec_from_file_location(module, path)
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return getattr(loaded, attribute)


hook = load_callback()
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()


def run(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=90)


def start():
    pathlib.Path(os.environ["LITELLM_MIGRATION_DIR"]).mkdir(parents=True, exist_ok=True)
    web.query("create table if not exists litellm.virtual_key (key text primary key, stored jsonb not null);")
    web.ping_redis(redis["host"], int(redis["port"]), redis["password"])


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def find_key(key):
    stored = web.query(f"select stored from litellm.virtual_key where key = {quoted(key)};")
    return json.loads(stored) if stored else None


def manage_keys(request):
    if request.bearer != config["general_settings"]["master_key"]:
        raise web.Refused(401, error("Authentication Error", 401))
    if request.path == "/key/info":
        found = find_key(request.query["key"])
        if found is None:
            raise web.Refused(404, error("Key not found", 404))
        return {"key": "hashed", "info": found}
    key = request.json["key"]
    stored = {**(find_key(key) or {}), **{name: value for name, value in request.json.items() if name != "key"}}
    web.query(f"insert into litellm.virtual_key values ({quoted(key)}, {quoted(json.dumps(stored))}) on conflict (key) do update set stored = excluded.stored;")
    return {"key": key}


def error(message, code):
    return {"error": {"message": message, "type": "None", "param": "None", "code": str(code)}}


def generate(model, body):
    """What the model answers, with its token counts."""
    parameters = models[model]
    provider, name = parameters["model"].split("/", 1)
    if "api_base" in parameters:
        # Ollama is reached without a proxy, as by the library that LiteLLM uses for it.
        request = urllib.request.Request(
            parameters["api_base"] + "/api/chat", data=json.dumps({"model": name, "messages": body["messages"]}).encode(), headers={"Content-Type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
            answer = json.load(response)
        return answer["message"]["content"], answer["prompt_eval_count"], answer["eval_count"]
    raise ConnectionError(f"no provider {provider} here")


def chat(request):
    master = request.bearer == config["general_settings"]["master_key"]
    key = {"allowed_routes": [request.path], "models": list(models)} if master else find_key(request.bearer)
    if key is None:
        raise web.Refused(401, error("Authentication Error, Invalid proxy server token passed", 401))
    if request.path not in key["allowed_routes"]:
        raise web.Refused(403, error("Virtual key is not allowed to call this route", 403))
    if request.path.endswith("/models"):
        return {"data": [{"id": model, "object": "model"} for model in models]}
    data = {
        **request.json, "metadata": {}, "litellm_call_id": str(uuid.uuid4()),
        "proxy_server_request": {"url": "http://litellm:4000" + request.path, "headers": request.headers, "body": request.json},
    }
    user = types.SimpleNamespace(user_id="default_user_id", end_user_id=None)
    if data.get("model") not in key["models"]:
        raise web.Refused(403, error("Key not allowed to access model", 403))
    try:
        data = run(hook.async_pre_call_hook(user, None, data, "acompletion"))
    except support.HTTPException as denial:
        raise web.Refused(denial.status_code, error(denial.detail, denial.status_code)) from None
    started = time.time()
    try:
        text, prompt_tokens, completion_tokens = generate(data["model"], data)
    except OSError as failure:
        run(hook.async_log_failure_event(support.log_event(data, status="failure", prompt_tokens=0, completion_tokens=0), None, None, None))
        run(hook.async_post_call_failure_hook(data, failure, user))
        raise web.Refused(500, error(f"{type(failure).__name__}: {failure}", 500)) from None
    response = {
        "id": "chatcmpl-" + data["litellm_call_id"], "model": data["model"], "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": prompt_tokens + completion_tokens},
    }
    run(hook.async_log_success_event(support.log_event(
        data, id=response["id"], model=models[data["model"]]["model"], prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, startTime=started, endTime=time.time()),
        response, None, None))
    return response


def respond(request):
    if request.path == "/health/readiness":
        web.ping_redis(redis["host"], int(redis["port"]), redis["password"])
        return {"status": "connected" if web.query("select 1;") == "1" else "disconnected"}
    return manage_keys(request) if request.path.startswith("/key/") else chat(request)


start()
print("LiteLLM stand-in is listening", file=sys.stderr, flush=True)
web.serve(options.port, respond)
