"""Compares litellm_names.py and the hook's use of LiteLLM with the LiteLLM that is installed. Run it with the Python of the image, with this folder mounted as
/tests, before its version is changed: python3 /tests/compare_litellm.py

Exits with 1 and one line per difference.
"""
import inspect
import sys

import litellm_names


def differences():
    from litellm.integrations.custom_logger import CustomLogger
    from litellm.types.utils import CallTypes, StandardCallbackDynamicParams, CustomPricingLiteLLMParams, all_litellm_params

    values = {call_type.value for call_type in CallTypes}
    yield from (f"new call type, refused until it is sold: {name}" for name in sorted(values - set(litellm_names.CALL_TYPES)))
    yield from (f"call type no longer exists: {name}" for name in sorted(set(litellm_names.CALL_TYPES) - values))
    checked_elsewhere = set(StandardCallbackDynamicParams.__annotations__) | set(CustomPricingLiteLLMParams.model_fields)
    unknown = set(all_litellm_params) - set(litellm_names.PARAMETERS) - checked_elsewhere
    yield from (f"new request field: decide whether budget_hook.py refuses it: {name}" for name in sorted(unknown))
    for method, parameters in {
        "async_pre_call_hook": ["user_api_key_dict", "cache", "data", "call_type"],
        "async_log_success_event": ["kwargs", "response_obj", "start_time", "end_time"],
        "async_log_failure_event": ["kwargs", "response_obj", "start_time", "end_time"],
        "async_post_call_failure_hook": ["request_data", "original_exception", "user_api_key_dict", "traceback_str"],
        "async_post_call_streaming_iterator_hook": ["user_api_key_dict", "response", "request_data"],
    }.items():
        found = [name for name in inspect.signature(getattr(CustomLogger, method)).parameters if name != "self"]
        if found != parameters:
            yield f"CustomLogger.{method} has the parameters {', '.join(found)}"


if __name__ == "__main__":
    found = list(differences())
    sys.exit("\n".join(found) if found else None)
