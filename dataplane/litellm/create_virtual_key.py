"""Runs in a tenant's gateway container: creates the virtual key that Open WebUI uses, or restricts one that exists to the routes and models that are sold.

The value of the key is chosen beforehand, so running this again changes nothing. Standard library only.
"""
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

KEY = os.environ["LITELLM_VIRTUAL_KEY"]
HEADERS = {"Authorization": "Bearer " + os.environ["LITELLM_MASTER_KEY"], "Content-Type": "application/json"}

# Without a list LiteLLM lets a key call every route, also those that pass requests through to providers with the operator's keys, and /key/generate.
# LiteLLM allows what begins with an entry and a slash, too. So /models is missing: /models/{model}:generateContent would be allowed with it.
ALLOWED_ROUTES = [
    "/v1/chat/completions", "/chat/completions", "/v1/completions", "/completions", "/v1/embeddings", "/embeddings",
    "/v1/images/generations", "/images/generations", "/v1/models",
]


def call(path, body=None):
    """Sends a GET, or a POST if there is a body. Returns the status code and the response."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://localhost:4000" + path, data=data, headers=HEADERS)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, None


def find_key():
    """What LiteLLM stored for the key, or None if it does not exist."""
    status, found = call("/key/info?" + urllib.parse.urlencode({"key": KEY}))
    return found["info"] if status == 200 else None


def configured_models():
    """Names of the models in the gateway's configuration, which are those of the plan."""
    status, listed = call("/v1/models")
    if status != 200:
        sys.exit("LiteLLM returned status %d for /v1/models" % status)
    # LiteLLM takes an empty list for all models, and this name for none.
    return sorted({model["id"] for model in listed["data"]}) or ["no-default-models"]


RESTRICTIONS = {"allowed_routes": ALLOWED_ROUTES, "models": configured_models()}


def is_restricted(key):
    return all(sorted(key.get(field) or []) == sorted(allowed) for field, allowed in RESTRICTIONS.items())


found = find_key()
if found is None or not is_restricted(found):
    path, body = ("/key/generate", {"key_alias": "open-webui"}) if found is None else ("/key/update", {})
    status, _ = call(path, {**body, "key": KEY, **RESTRICTIONS})
    if status != 200:
        sys.exit("LiteLLM returned status %d for %s" % (status, path))
    # A release that ignored a field would leave every route or model open.
    stored = find_key()
    if stored is None or not is_restricted(stored):
        sys.exit("LiteLLM did not restrict the virtual key to the routes and models that are sold")
