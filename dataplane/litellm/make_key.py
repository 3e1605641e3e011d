"""Run inside a tenant's gateway: makes the virtual key that Open WebUI calls it with, unless it is there.

The key's value was chosen beforehand, so repeating this changes nothing. Standard library only.
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
    """The status of the answer. A GET without a body, a POST with one."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://localhost:4000" + path, data=data, headers=HEADERS)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


if call("/key/info?" + urllib.parse.urlencode({"key": KEY})) == 200:
    sys.exit(0)
status = call("/key/generate", {"key": KEY, "key_alias": "open-webui"})
if status != 200:
    sys.exit("the gateway answered %d to /key/generate" % status)
