"""Decisions, outcomes and feedback as JSON-ready values, exactly there and back.

Numbers that JSON has no sign for (NaN, infinities) are written as text and read back as numbers; None stays null.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from arbiter.errors import LedgerError
from arbiter.records import Decision, Estimate, Feedback, Outcome, TaskProfile
from arbiter.vocabulary import (
    Complexity,
    Domain,
    FallbackReason,
    FeedbackSource,
    ProfileSource,
    Risk,
    Strategy,
    TaskType,
)

Json = dict[str, Any]


def decision_to_json(decision: Decision) -> Json:
    """Give a decision as JSON-ready values, without anything of the prompt's text."""
    return {
        "id": decision.id,
        "model": decision.model,
        "propensity": _number(decision.propensity),
        "action_probs": _numbers(decision.action_probs),
        "fallbacks": list(decision.fallbacks),
        "confidence": _number(decision.confidence),
        "strategy": str(decision.strategy),
        "profile": _profile_to_json(decision.profile),
        "estimates": {name: _estimate_to_json(estimate) for name, estimate in decision.estimates.items()},
        "utilities": _numbers(decision.utilities),
        "excluded": dict(decision.excluded),
        "needs_human_review": decision.needs_human_review,
        "degraded": list(decision.degraded),
        "policy_version": decision.policy_version,
        "context_version": decision.context_version,
        "context": [_number(value) for value in decision.context],
        "session_id": decision.session_id,
        "user": decision.user,
        "quality_per_usd": _maybe_number(decision.quality_per_usd),
        "quality_per_s": _maybe_number(decision.quality_per_s),
        "input_tokens": decision.input_tokens,
        "bandit_share": _maybe_number(decision.bandit_share),
    }


def decision_from_json(values: Mapping[str, Any]) -> Decision:
    """Rebuild a decision.

    Raises
    ------
    LedgerError
        If a value is missing or not of its kind: the event was not written by this version of arbiter.
    """
    try:
        return Decision(
            id=values["id"],
            model=values["model"],
            propensity=float(values["propensity"]),
            action_probs=_floats(values["action_probs"]),
            fallbacks=tuple(values["fallbacks"]),
            confidence=float(values["confidence"]),
            strategy=Strategy(values["strategy"]),
            profile=_profile_from_json(values["profile"]),
            estimates={name: _estimate_from_json(estimate) for name, estimate in values["estimates"].items()},
            utilities=_floats(values["utilities"]),
            excluded=dict(values["excluded"]),
            needs_human_review=bool(values["needs_human_review"]),
            degraded=tuple(values["degraded"]),
            policy_version=values["policy_version"],
            context_version=values["context_version"],
            context=tuple(float(value) for value in values["context"]),
            session_id=values["session_id"],
            user=values["user"],
            quality_per_usd=_maybe_float(values.get("quality_per_usd")),
            quality_per_s=_maybe_float(values.get("quality_per_s")),
            input_tokens=int(values.get("input_tokens", 0)),
            bandit_share=_maybe_float(values.get("bandit_share")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable("decision", error) from error


def outcome_to_json(outcome: Outcome) -> Json:
    """Give an outcome as JSON-ready values."""
    return {
        "decision_id": outcome.decision_id,
        "model": outcome.model,
        "ok": outcome.ok,
        "cost_usd": _maybe_number(outcome.cost_usd),
        "latency_s": _maybe_number(outcome.latency_s),
        "fallback_reason": None if outcome.fallback_reason is None else str(outcome.fallback_reason),
        "ttft_s": _maybe_number(outcome.ttft_s),
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "attempt": outcome.attempt,
        "deployment": outcome.deployment,
        "cooldown_s": _maybe_number(outcome.cooldown_s),
        "score": _maybe_number(outcome.score),
    }


def outcome_from_json(values: Mapping[str, Any]) -> Outcome:
    """Rebuild an outcome; raises LedgerError where a value is missing or wrong."""
    try:
        reason = values["fallback_reason"]
        return Outcome(
            decision_id=values["decision_id"],
            model=values["model"],
            ok=bool(values["ok"]),
            cost_usd=_maybe_float(values["cost_usd"]),
            latency_s=_maybe_float(values["latency_s"]),
            fallback_reason=None if reason is None else FallbackReason(reason),
            ttft_s=_maybe_float(values.get("ttft_s")),  # ledgers of version 0.1.0 lack it and what follows
            input_tokens=values.get("input_tokens"),
            output_tokens=values.get("output_tokens"),
            attempt=int(values.get("attempt", 0)),
            deployment=str(values.get("deployment", "")),
            cooldown_s=_maybe_float(values.get("cooldown_s")),
            score=_maybe_float(values.get("score")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("outcome", error) from error


def feedback_to_json(feedback: Feedback) -> Json:
    """Give feedback as JSON-ready values."""
    return {
        "decision_id": feedback.decision_id,
        "quality": _maybe_number(feedback.quality),
        "cost_usd": _maybe_number(feedback.cost_usd),
        "latency_s": _maybe_number(feedback.latency_s),
        "source": str(feedback.source),
        "key": feedback.key,
    }


def feedback_from_json(values: Mapping[str, Any]) -> Feedback:
    """Rebuild feedback; raises LedgerError where a value is missing or wrong."""
    try:
        return Feedback(
            decision_id=values["decision_id"],
            quality=_maybe_float(values["quality"]),
            cost_usd=_maybe_float(values["cost_usd"]),
            latency_s=_maybe_float(values["latency_s"]),
            source=FeedbackSource(values["source"]),
            key=values["key"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("feedback", error) from error


def _profile_to_json(profile: TaskProfile) -> Json:
    verdicts = ("complexity", "risk", "domain", "task_type", "harm", "stake", "source")
    return {
        **{name: str(getattr(profile, name)) for name in verdicts},
        "probabilities": {head: _numbers(labels) for head, labels in profile.probabilities.items()},
        "confidence": _number(profile.confidence),
        "evidence": list(profile.evidence),
        "fell_back": profile.fell_back,
    }


def _profile_from_json(values: Mapping[str, Any]) -> TaskProfile:
    return TaskProfile(
        complexity=Complexity(values["complexity"]),
        risk=Risk(values["risk"]),
        domain=Domain(values["domain"]),
        task_type=TaskType(values["task_type"]),
        harm=Risk(values["harm"]),
        stake=Risk(values["stake"]),
        probabilities={head: _floats(labels) for head, labels in values["probabilities"].items()},
        source=ProfileSource(values["source"]),
        confidence=float(values["confidence"]),
        evidence=tuple(values["evidence"]),
        fell_back=str(values.get("fell_back", "")),  # ledgers of version 0.1.0 lack it
    )


def _estimate_to_json(estimate: Estimate) -> Json:
    return {name: _maybe_number(getattr(estimate, name)) for name in Estimate.__slots__}


def _estimate_from_json(values: Mapping[str, float | str | None]) -> Estimate:
    known = {name: value for name, value in values.items() if value is not None}
    return Estimate(**_floats(known))


def _number(value: float) -> float | str:
    number = float(value)  # numpy's numbers become Python's
    return number if math.isfinite(number) else repr(number)


def _maybe_number(value: float | None) -> float | str | None:
    return None if value is None else _number(value)


def _maybe_float(value: float | str | None) -> float | None:
    return None if value is None else float(value)


def _numbers(values: Mapping[Any, float]) -> Json:
    # A label may be a member of an enum; its text is what is written.
    return {str(key) if isinstance(key, StrEnum) else key: _number(value) for key, value in values.items()}


def _floats(values: Mapping[str, float | str]) -> dict[str, float]:
    return {key: float(value) for key, value in values.items()}


def _unreadable(what: str, error: Exception) -> LedgerError:
    reason = f"{type(error).__name__}: {error}"
    return LedgerError(
        f"a {what} of the ledger cannot be read ({reason}); was it written by another version of arbiter?"
    )
