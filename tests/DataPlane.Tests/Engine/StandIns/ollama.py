#!/usr/bin/python3
"""In place of Ollama: answers every chat, asks for no credentials, and needs its folders as the real one does."""
import json
import os
import pathlib
import sys
import urllib.request

import web

models = pathlib.Path(os.environ.get("OLLAMA_MODELS") or os.environ["HOME"] + "/.ollama/models")


def start():
    # Its key, beside the models unless they are elsewhere.
    home = pathlib.Path(os.environ["HOME"]) / ".ollama"
    home.mkdir(parents=True, exist_ok=True)
    (home / "id_ed25519").touch()
    for folder in (models / "blobs", models / "manifests"):
        folder.mkdir(parents=True, exist_ok=True)


def respond(request):
    if request.path == "/":
        return "Ollama is running"
    if request.path == "/api/tags":
        return {"models": [{"name": path.name} for path in sorted((models / "manifests").iterdir())]}
    if request.path == "/api/chat":
        words = sum(len(message["content"].split()) for message in request.json["messages"])
        return {"model": request.json["model"], "message": {"role": "assistant", "content": "Good morning."}, "done": True, "prompt_eval_count": words, "eval_count": 3}
    raise web.Refused(404, {"error": "not found"})


if sys.argv[1:] == ["serve"]:
    start()
    web.serve(11434, respond)
elif sys.argv[1:] == ["list"]:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open("http://127.0.0.1:11434/api/tags", timeout=5) as response:
        print("\n".join(model["name"] for model in json.load(response)["models"]))
else:
    sys.exit("usage: ollama serve | list")
