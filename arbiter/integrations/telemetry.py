"""OpenTelemetry spans of requests that were carried out, with the GenAI semantic attributes; off unless asked for.

Attribute names as in opentelemetry-semantic-conventions 0.66b2 (status: development). What arbiter adds of its own is
under ``arbiter.``; cost, which the conventions lack, under litellm's ``gen_ai.usage.cost``.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arbiter.errors import MissingExtraError
from arbiter.execution import Attempt, Run
from arbiter.execution.run import Tried
from arbiter.records import Decision
from arbiter.vocabulary import FallbackReason

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

NS_PER_S = 1e9

Attributes = dict[str, str | bool | int | float | Sequence[str]]

PROVIDERS: Mapping[str, str] = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""litellm's provider to the conventions' name; the others are the same."""

PARAMS: Mapping[str, str] = {
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "n": "gen_ai.request.choice.count",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
}
"""A request's parameter to the conventions' name."""


def spans(provider: "TracerProvider | None" = None, *, content: bool = False) -> Callable[[Run], None]:
    """Give an observer that makes spans of every request, for ``ServiceOptions.observers``.

    A request is one span ``arbiter.complete``, inside the caller's; each call of a provider one span ``chat MODEL``
    inside that. They are made when the request is over, with the times at which things happened.

    Parameters
    ----------
    provider : where spans go; None takes the process's own (``opentelemetry.trace.get_tracer_provider()``).
    content : whether messages and answers are kept in the spans, as ``gen_ai.input.messages`` and
        ``gen_ai.output.messages``; by default no text of either is.

    Returns
    -------
    observer : is called with each request that is over.

    Raises
    ------
    MissingExtraError
        If opentelemetry-api is not installed.
    """
    try:
        from opentelemetry import trace
    except ImportError as error:
        raise MissingExtraError.of("opentelemetry-api", "telemetry") from error
    tracer = trace.get_tracer("arbiter", tracer_provider=provider)

    def observe(run: Run) -> None:
        lasted_s = max((a.started_s + a.latency_s for a in run.attempts), default=0.0)
        ended = time.time_ns()
        began = ended - int(lasted_s * NS_PER_S)
        root = tracer.start_span("arbiter.complete", start_time=began, attributes=_of_request(run, content))
        within = trace.set_span_in_context(root)
        for tried in run.tried:
            attempt = tried.attempt
            if attempt.reason is FallbackReason.CIRCUIT_OPEN:
                root.add_event("arbiter.left_out", {"gen_ai.request.model": attempt.model}, timestamp=began)
                continue
            start = began + int(attempt.started_s * NS_PER_S)
            call = tracer.start_span(
                f"chat {attempt.model}",
                context=within,
                kind=trace.SpanKind.CLIENT,
                start_time=start,
                attributes=call_attributes(run, tried, content),
            )
            _mark(call, trace, attempt.reason, attempt.error)
            call.end(start + int(attempt.latency_s * NS_PER_S))
        if not run.answered:
            root.set_status(trace.StatusCode.ERROR, "no answer")
        root.end(ended)

    return observe


def decision_attributes(decision: Decision) -> Attributes:
    """Give what a span says of a decision, for spans of your own around ``route``; nothing of the request's text."""
    return {
        "arbiter.decision.id": decision.id,
        "arbiter.decision.model": decision.model,
        "arbiter.decision.propensity": decision.propensity,
        "arbiter.decision.confidence": decision.confidence,
        "arbiter.decision.strategy": str(decision.strategy),
        "arbiter.decision.policy_version": decision.policy_version,
        "arbiter.decision.degraded": bool(decision.degraded),
        "arbiter.decision.needs_human_review": decision.needs_human_review,
        "arbiter.profile.complexity": str(decision.profile.complexity),
        "arbiter.profile.domain": str(decision.profile.domain),
        "arbiter.profile.risk": str(decision.profile.risk),
        **({} if decision.session_id is None else {"gen_ai.conversation.id": decision.session_id}),
    }


def _of_request(run: Run, content: bool) -> Attributes:
    asked = {"gen_ai.input.messages": _messages(run.body)} if content else {}
    return {**decision_attributes(run.decision), "arbiter.calls": len(run.attempts), **asked}


def call_attributes(run: Run, tried: Tried, content: bool) -> Attributes:
    """Give what a span says of one call of a request; of texts, only where ``content`` is asked for."""
    attempt, reply = tried.attempt, tried.reply
    found: Attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(attempt.provider, attempt.provider),
        "gen_ai.request.model": attempt.model,
        "gen_ai.request.stream": attempt.ttft_s is not None,
        **_params(run.body),
        **_usage(attempt),
    }
    if reply is None:
        return found
    found |= {
        "gen_ai.response.id": str(reply.response.id),
        "gen_ai.response.model": str(reply.response.model),
        "gen_ai.response.finish_reasons": [reply.finish_reason],
    }
    if content:
        answer = {"role": "assistant", "parts": [_text(reply.text)], "finish_reason": reply.finish_reason}
        found["gen_ai.output.messages"] = json.dumps([answer], ensure_ascii=False)
    return found


def _params(body: Mapping[str, Any]) -> Attributes:
    return {name: body[key] for key, name in PARAMS.items() if isinstance(body.get(key), int | float)}


def _usage(attempt: Attempt) -> Attributes:
    known = {
        "gen_ai.usage.input_tokens": attempt.input_tokens,
        "gen_ai.usage.output_tokens": attempt.output_tokens,
        "gen_ai.usage.cost": attempt.cost_usd,
        "gen_ai.response.time_to_first_chunk": attempt.ttft_s,
    }
    return {name: value for name, value in known.items() if value is not None}


def _messages(body: Mapping[str, Any]) -> str:
    """Give the messages in the conventions' form; parts that are no text keep their kind alone."""
    told = []
    for message in body["messages"]:
        given = message.get("content")
        parts = given if isinstance(given, list) else [] if given is None else [{"type": "text", "text": given}]
        told.append(
            {
                "role": message.get("role"),
                "parts": [_text(p["text"]) if p.get("type") == "text" else {"type": p.get("type")} for p in parts],
            }
        )
    return json.dumps(told, ensure_ascii=False)


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "content": text}


def _mark(span: "Span", trace: Any, reason: FallbackReason | None, error: str) -> None:
    if reason is None or reason is FallbackReason.NOT_NEEDED:
        return
    span.set_attribute("error.type", error or str(reason))
    span.set_attribute("arbiter.fallback_reason", str(reason))
    span.set_status(trace.StatusCode.ERROR, str(reason))
