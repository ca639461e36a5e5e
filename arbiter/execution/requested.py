"""What a request asks of its call: messages, time, and the form of the answer."""

import json
from collections.abc import Mapping
from typing import Any

from arbiter.execution.calls import Reply
from arbiter.execution.options import ExecutionOptions
from arbiter.records import Decision, Query


def messages_of(query: Query) -> list[Mapping[str, Any]]:
    """Give a request as OpenAI messages: its own, or made of its texts."""
    if query.messages:
        return list(query.messages)
    system: list[Mapping[str, Any]] = [{"role": "system", "content": query.system}] if query.system else []
    text = f"{query.context}\n\n{query.text}" if query.context else query.text
    return [*system, {"role": "user", "content": text}]


def time_limit_s(query: Query, decision: Decision, params: Mapping[str, Any], options: ExecutionOptions) -> float:
    """Give how long a request may take: the caller's ``timeout``, else its limit or the usual one by its complexity."""
    given = params.get("timeout")
    if given is not None:
        return float(given)
    own = query.requirements.max_latency_s
    return (options.time_limit_s if own is None else own) * options.timeouts[decision.profile.complexity]


def no_json(body: Mapping[str, Any], reply: Reply) -> str:
    """Say why an answer is not the JSON that was asked for; empty where it is, or none was."""
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind not in ("json_object", "json_schema") or reply.finish_reason == "tool_calls":
        return ""
    try:
        json.loads(reply.text)
    except ValueError:
        return "no JSON"
    return ""
