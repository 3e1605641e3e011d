"""Runs in a tenant's gateway container: creates the virtual key that Open WebUI uses, unless it exists.

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


def call(path, body=None):
    """Sends a GET, or a POST if there is a body. Returns the status code."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://localhost:4000" + path, data=data, headers=HEADERS)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


if call("/key/info?" + urllib.parse.urlencode({"key": KEY})) == 200:
    sys.exit(0)
status = call("/key/generate", {"key": KEY, "key_alias": "open-webui"})
if status != 200:
    sys.exit("LiteLLM returned status %d for /key/generate" % status)
