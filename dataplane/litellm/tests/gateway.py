"""A fake LiteLLM worker process with the real hook. Reads commands as JSON lines from standard input and writes one line per response.

    {"do": "ask", "data": {…}, "call_type"?: "acompletion"}   -> {"call": 0, "allowed": true} or {"allowed": false, "status": 429, "message": "…"}
    {"do": "succeed", "call": 0, "payload": {…}}              -> {"recorded": true}
    {"do": "fail", "call": 0}                                 -> {"recorded": true}
    {"do": "stream", "call": 0, "parts": ["text"]}            -> {"parts": 1}
    {"do": "waiting"}                                         -> {"waiting": 3}
"""
import asyncio
import json
import os
import sys

import support

hook = support.load_hook().handler
calls = []


async def execute(command):
    if command["do"] == "ask":
        data = {**support.chat(litellm_call_id=f"call-{len(calls)}"), **command.get("data", {})}
        try:
            calls.append(await hook.async_pre_call_hook(support.key(), None, data, command.get("call_type", "acompletion")))
        except support.HTTPException as denial:
            return {"allowed": False, "status": denial.status_code, "message": denial.detail}
        return {"call": len(calls) - 1, "allowed": True}
    if command["do"] == "succeed":
        await hook.async_log_success_event(support.log_event(calls[command["call"]], **command["payload"]), None, None, None)
        return {"recorded": True}
    if command["do"] == "fail":
        data = calls[command["call"]]
        await hook.async_log_failure_event(support.log_event(data, status="failure", prompt_tokens=0, completion_tokens=0), None, None, None)
        await hook.async_post_call_failure_hook(data, ValueError("the model is unavailable"), support.key())
        return {"recorded": True}
    if command["do"] == "stream":
        async def response():
            for text in command["parts"]:
                yield {"choices": [{"delta": {"content": text}}]}

        through_hook = hook.async_post_call_streaming_iterator_hook(support.key(), response(), calls[command["call"]])
        return {"parts": len([part async for part in through_hook])}
    return {"waiting": sum(name.endswith(".json") for name in os.listdir(os.environ["BUDGET_SPOOL_DIR"]))}


for line in sys.stdin:
    print(json.dumps(asyncio.run(execute(json.loads(line)))), flush=True)
