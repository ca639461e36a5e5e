"""A few good records of each format, to be mutated; authored, in the shapes that other tests take from libraries."""

import json
from typing import Any

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a fjord?"}]
IDS = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1"}
TIMES = {"startTimeUnixNano": "1800000000000000000", "endTimeUnixNano": "1800000001500000000"}


def _listed(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": str(value)}} for key, value in attributes.items()]


LITELLM: dict[str, Any] = {
    "id": "chatcmpl-1", "litellm_call_id": "c-1", "trace_id": "t-1", "session_id": "s-1", "call_type": "acompletion",
    "status": "success", "model": "gpt-4o", "model_group": "smart", "startTime": 1.8e9, "endTime": 1.8e9 + 2,
    "completionStartTime": 1.8e9 + 1, "stream": True, "response_cost": 0.01, "prompt_tokens": 5, "completion_tokens": 9,
    "messages": MESSAGES, "hidden_params": {}, "cache_hit": False, "cost_breakdown": {"total_cost": 0.01},
    "error_information": {"error_class": "RateLimitError", "error_code": "429"},
    "metadata": {"spend_logs_metadata": {"arbiter": {"propensity": 0.5, "decision_id": "d"}}, "turn_type": "main"},
}  # fmt: skip
SPEND = {
    "request_id": "chatcmpl-1", "api_key": "hash", "spend": 0.01, "startTime": "2027-01-15 08:00:00.000000",
    "endTime": "2027-01-15 08:00:02.000000", "model": "gpt-4o", "messages": json.dumps(MESSAGES), "status": "success",
    "metadata": json.dumps({"attempted_retries": 1}), "session_id": "s-1", "prompt_tokens": 5, "completion_tokens": 9,
    "cache_hit": "False", "proxy_server_request": "{}",
}  # fmt: skip
CALL_SPAN = {
    "trace_id": "AAAAAAAAAAAAAAAAAAAAAQ==", "span_id": "AAAAAAAAAAE=", "parent_span_id": None, "name": "chat",
    "start_time_unix_nano": 1_800_000_000_000_000_000, "end_time_unix_nano": 1_800_000_001_000_000_000, "events": [],
    "status": {"code": "STATUS_CODE_OK", "message": ""}, "attributes": {
        "mlflow.spanType": '"CHAT_MODEL"', "mlflow.llm.model": '"gpt-4o"',
        "mlflow.spanInputs": json.dumps({"messages": MESSAGES}), "mlflow.chat.tokenUsage": '{"input_tokens": 5}'},
}  # fmt: skip
MLFLOW = {
    "info": {"trace_id": "tr-1", "state": "OK", "tags": {"arbiter.propensity": "0.5"},
             "trace_metadata": {"mlflow.trace.session": "s-1"}, "assessments": [
                 {"assessment_name": "helpful", "source": {"source_type": "HUMAN"}, "feedback": {"value": True},
                  "create_time": "2027-01-15T08:00:05Z", "valid": True}]},
    "data": {"spans": [CALL_SPAN, CALL_SPAN | {"span_id": "AAAAAAAAAAI=", "parent_span_id": "AAAAAAAAAAE="}]},
}  # fmt: skip
GEN_AI = {
    "gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-4o", "gen_ai.input.messages": json.dumps(MESSAGES),
    "gen_ai.usage.input_tokens": 5, "gen_ai.response.id": "a-1", "gen_ai.system_instructions": '[{"content": "x"}]',
}  # fmt: skip
OTEL = {"resourceSpans": [{"scopeSpans": [{"spans": [
    {**IDS, **TIMES, "name": "chat", "attributes": _listed(GEN_AI), "status": {}, "events": [
        {"name": "gen_ai.evaluation.result", "attributes": _listed({"gen_ai.evaluation.score.value": 0.5})},
    ]}]}]}]}  # fmt: skip
PRINTED = {"name": "chat", "context": {"trace_id": "0x" + "1" * 32, "span_id": "0x" + "2" * 16}, "attributes": GEN_AI,
           "parent_id": None, "start_time": "2027-01-15T08:00:00Z", "status": {"status_code": "ERROR"}}  # fmt: skip
INFERENCE = {
    "openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.token_count.prompt": 5, "session.id": "s-1",
    "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "What is a fjord?",
    "metadata": '{"arbiter.propensity": 0.5}', "evaluation.score": 0.5,
}  # fmt: skip
LANGFUSE = {
    "id": "o-1", "traceId": "t-1", "type": "GENERATION", "model": "gpt-4o", "input": MESSAGES, "name": "answer",
    "startTime": "2027-01-15T08:00:00Z", "endTime": "2027-01-15T08:00:02Z", "usageDetails": {"input": 5, "output": 9},
    "totalCost": 0.01, "parentObservationId": None, "metadata": {"arbiter": {"propensity": 0.5}}, "latency": 2.0,
}  # fmt: skip
SCORE = {"id": "x", "traceId": "t-1", "name": "helpful", "value": 1, "dataType": "BOOLEAN", "source": "ANNOTATION"}
INSIDE = {"id": "t-1", "sessionId": "s", "observations": [{k: v for k, v in LANGFUSE.items() if k != "traceId"}],
          "scores": [SCORE]}  # fmt: skip
BATCH_IN = {"custom_id": "c-1", "url": "/v1/chat/completions", "body": {"model": "gpt-4o", "messages": MESSAGES}}
BATCH_OUT = {"id": "b-1", "custom_id": "c-1", "error": None, "response": {"status_code": 200, "body": {
    "id": "a-1", "model": "gpt-4o", "created": 1_800_000_000, "usage": {"prompt_tokens": 5}}}}  # fmt: skip
STORED = {"id": "a-2", "created": 1_800_000_000, "model": "gpt-4o", "messages": MESSAGES, "choices": [],
          "usage": {"prompt_tokens": 5, "completion_tokens": 9}, "metadata": {"session_id": "s"}}  # fmt: skip
TENSOR = {"id": "i-1", "variant_name": "v", "episode_id": "e", "input": json.dumps({"messages": MESSAGES}),
          "processing_time_ms": 1500, "timestamp": "2027-01-15 08:00:00",
          "tags": {"arbiter.propensity": "0.5"}}  # fmt: skip
FLAT: dict[str, Any] = {
    "request_id": "r-1", "timestamp": "2027-01-15T08:00:00Z", "session_id": "s", "messages": MESSAGES,
    "model": "gpt-4o",
    "propensity": 0.5, "quality": 0.5, "cost_usd": 0.01, "latency_s": 1.5, "status": "ok", "domain": "math", "team": 3,
}  # fmt: skip

SAMPLES: dict[str, list[dict[str, Any]]] = {
    "litellm": [LITELLM, LITELLM | {"litellm_call_id": "c-2", "status": "failure"}],
    "litellm-spend": [SPEND],
    "mlflow": [MLFLOW, {"trace_id": "tr-1", "trace": json.dumps(MLFLOW)}],
    "otel": [OTEL, PRINTED],
    "openinference": [{**IDS, **TIMES, "name": "llm", "attributes": INFERENCE}],
    "langfuse": [LANGFUSE, SCORE, INSIDE],
    "openai": [BATCH_IN, BATCH_OUT, STORED],
    "tensorzero": [TENSOR, {"metric_name": "solved", "inference_id": "i-1", "value": True}],
    "matrix": [
        {
            "query": "2 + 2?",
            "records": {"a": 1.0, "b": 0.0},
            "usages": {"a": {"cost": 0.1}},
            "dataset": "m",
            "index": 7,
        },
        {"prompt": "2 + 2?", "arms": {"a": {"reward": 1.0, "cost": 0.1}, "b": {"reward": 0.0}}},
        {"sample_id": "7", "prompt": "2 + 2?", "a": 1.0, "a|model_response": "4", "a|total_cost": 0.1, "b_score": 0.0},
    ],
    "routellm": [{"prompt": "2 + 2?", "mixtral-8x7b": "False", "gpt-4-1106": "True"}],
    "columns": [FLAT, FLAT | {"model": "m", "prompt": "What is a fjord?", "messages": None}],
}
"""Format to records."""
