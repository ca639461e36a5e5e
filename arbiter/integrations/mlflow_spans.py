"""A decision and what came of it as MLflow's trace: one span for the choice, in it one for each call.

The ids follow from the decision's, so that what comes later, such as a call or a judgement, finds its trace from any
process, and writing something twice changes nothing.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from arbiter.integrations.mlflow_stories import Call, Story
from arbiter.integrations.telemetry import decision_attributes
from arbiter.ledger import PromptPolicy
from arbiter.records import Decision, Outcome
from arbiter.serving_log import kept_request
from arbiter.vocabulary import FallbackReason

NS_PER_MS = 1_000_000
NAME = "arbiter.route"

CALL, BESIDE = "CHAT_MODEL", "TASK"
"""Types of spans: calls that tell of the choice, which are the chosen model's and the one that gave the answer; and the
others, of which a log must not make requests of their own."""

PREVIEW = 1_000
"""Letters of request and answer in MLflow's table of traces."""

NO_FAILURE = (None, FallbackReason.NOT_NEEDED, FallbackReason.CANCELLED)


def trace_id(decision_id: str) -> str:
    """Give MLflow's id of a decision's trace."""
    return f"tr-{_id(decision_id, 16).hex()}"


def trace_fields(story: Story) -> dict[str, Any]:
    """Give the fields of ``mlflow.entities.TraceInfo`` but place and state, which are entities of MLflow's own."""
    decision, known = story.decision, [call.outcome for call in story.calls.values()]
    tokens = {name: sum(getattr(o, name) or 0 for o in known) for name in ("input_tokens", "output_tokens")}
    cost = sum(outcome.cost_usd or 0.0 for outcome in known)
    metadata = {
        "mlflow.trace_schema.version": "3",
        "mlflow.trace.session": decision.session_id,
        "mlflow.trace.user": decision.user,
        "mlflow.trace.tokenUsage": json.dumps({**tokens, "total_tokens": sum(tokens.values())}) if known else None,
        "mlflow.trace.cost": json.dumps({"total_cost": cost}) if known else None,
    }
    return {
        "trace_id": trace_id(decision.id),
        "client_request_id": decision.id,
        "request_time": story.start_ns // NS_PER_MS,
        "execution_duration": (story.end_ns - story.start_ns) // NS_PER_MS,
        "request_preview": _asked(story)[:PREVIEW],
        "response_preview": _answered(story)[:PREVIEW],
        "trace_metadata": {name: value for name, value in metadata.items() if value is not None},
        "tags": {"mlflow.traceName": NAME, **_tags(decision)},
    }


def span_dicts(story: Story) -> list[dict[str, Any]]:
    """Give the spans as ``mlflow.entities.Span.from_dict`` takes them: the choice first, then the calls."""
    calls = sorted(story.calls.items())
    return [_choice(story), *(_call(story, number, call) for number, call in calls)]


def _choice(story: Story) -> dict[str, Any]:
    decision = story.decision
    outputs = {
        "model": decision.model,
        "propensity": None if decision.is_external else decision.propensity,
        "action_probs": dict(decision.action_probs),
        "fallbacks": list(decision.fallbacks),
        "excluded": dict(decision.excluded),
        "estimates": {
            name: {"quality": e.quality, "cost_usd": e.cost_usd, "latency_s": e.latency_s}
            for name, e in decision.estimates.items()
        },
    }
    attributes = {
        "mlflow.spanType": "CHAIN",
        "mlflow.spanInputs": _request(story),
        "mlflow.spanOutputs": outputs,
        **decision_attributes(decision),
    }
    times = {"start_time_unix_nano": story.start_ns, "end_time_unix_nano": story.end_ns}
    return {"name": NAME, **times, **_span(story, None, attributes, "no answer" if story.failed else "")}


def _call(story: Story, number: int, call: Call) -> dict[str, Any]:
    outcome, decision = call.outcome, story.decision
    own = outcome.model == decision.model
    told = own or outcome.ok
    failed = not outcome.ok if told else outcome.fallback_reason not in NO_FAILURE
    attributes = {
        **call.attributes,
        "mlflow.spanType": CALL if told else BESIDE,
        "mlflow.spanInputs": {"model": outcome.model, **_request(story)},
        "mlflow.spanOutputs": _output(call),
        "mlflow.message.format": "openai",
        "mlflow.llm.model": outcome.model,
        "mlflow.llm.provider": call.provider or None,
        "arbiter.prompt_kept": _kept(story),
        **_measured(call),
        **(_chosen(decision) if told else {}),
    }
    times = {"start_time_unix_nano": call.start_ns, "end_time_unix_nano": call.end_ns}
    failure = str(outcome.fallback_reason or "no answer") if failed else ""
    return {"name": f"chat {outcome.model}", **times, **_span(story, number, attributes, failure)}


def _measured(call: Call) -> dict[str, Any]:
    outcome = call.outcome
    cost = outcome.cost_usd if outcome.answered else None
    return {
        "mlflow.chat.tokenUsage": _usage(outcome),
        "mlflow.llm.cost": None if cost is None else {"total_cost": cost},
        "gen_ai.response.time_to_first_chunk": outcome.ttft_s,
        "arbiter.deployment": outcome.deployment or None,
        "arbiter.score": outcome.score,
        "arbiter.fallback_reason": None if outcome.fallback_reason is None else str(outcome.fallback_reason),
        "error.type": call.error or None,
    }


def _span(story: Story, number: int | None, attributes: Mapping[str, Any], failure: str) -> dict[str, Any]:
    """Give what all spans have: ids, status and attributes, written as MLflow keeps them; without name and times."""
    key, trace = story.decision.id, _id(story.decision.id, 16)
    told = {"mlflow.traceRequestId": f"tr-{trace.hex()}", **attributes}
    return {
        "trace_id": _base64(trace),
        "span_id": _base64(_id(key if number is None else f"{key} {number}", 8)),
        "parent_span_id": None if number is None else _base64(_id(key, 8)),
        "events": [],
        "status": {"code": "STATUS_CODE_ERROR" if failure else "STATUS_CODE_OK", "message": failure},
        "attributes": {
            each: json.dumps(value, ensure_ascii=False) for each, value in told.items() if value is not None
        },
    }


def _chosen(decision: Decision) -> dict[str, Any]:
    """Give what an import reads of the choice: where no policy made it, there is no propensity.

    Another model's call has it too: it was made in the place of the chosen one's.
    """
    return {
        "arbiter.decision_id": decision.id,
        "arbiter.model": decision.model,
        "arbiter.propensity": None if decision.is_external else decision.propensity,
        "arbiter.policy_version": decision.policy_version or None,
    }


def _tags(decision: Decision) -> dict[str, str]:
    """Give what MLflow's table of traces can be searched by."""
    profile = decision.profile
    tags = {
        **_chosen(decision),
        "arbiter.strategy": decision.strategy,
        "arbiter.domain": profile.domain,
        "arbiter.complexity": profile.complexity,
        "arbiter.risk": profile.risk,
        "arbiter.degraded": "; ".join(decision.degraded) or None,
        "arbiter.arm": None if decision.assignment is None else decision.assignment.arm,
    }
    return {name: str(value) for name, value in tags.items() if value is not None}


def _request(story: Story) -> dict[str, Any]:
    kept = kept_request(story.decided)
    if "messages" in kept:
        return {"messages": kept["messages"]}
    if kept["prompt_kept"] == PromptPolicy.FULL:
        return {"messages": [{"role": "user", "content": kept["prompt"]}]}
    return {"prompt": kept["prompt"]}


def _kept(story: Story) -> str:
    return str(kept_request(story.decided)["prompt_kept"])


def _asked(story: Story) -> str:
    request = _request(story)
    last = request["messages"][-1]["content"] if "messages" in request else request["prompt"]
    return last if isinstance(last, str) else json.dumps(last, ensure_ascii=False)


def _answered(story: Story) -> str:
    """Give the beginning of the answer, or who was to give it."""
    final = next((call for call in story.calls.values() if call.outcome.ok), None)
    if final is None:
        return f"no answer of {story.decision.model}" if story.failed else f"routed to {story.decision.model}"
    return str(final.answer.get("text") or f"answered by {final.outcome.model}")


def _output(call: Call) -> dict[str, Any] | None:
    """Give the answer in OpenAI's form as far as it is kept; None where there is none."""
    if not call.outcome.answered:
        return None
    found: dict[str, Any] = {"id": call.outcome.response_id} if call.outcome.response_id else {}
    if "text" in call.answer:
        found["choices"] = [{"index": 0, "message": {"role": "assistant", "content": call.answer["text"]}}]
    elif "sha256" in call.answer:
        found["sha256"] = call.answer["sha256"]
    return found


def _usage(outcome: Outcome) -> dict[str, int] | None:
    if outcome.input_tokens is None and outcome.output_tokens is None:
        return None
    taken, given = outcome.input_tokens or 0, outcome.output_tokens or 0
    return {"input_tokens": taken, "output_tokens": given, "total_tokens": taken + given}


def _id(key: str, size: int) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:size]


def _base64(found: bytes) -> str:
    return base64.b64encode(found).decode("ascii")
