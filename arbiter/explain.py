"""A decision in words, and the same as JSON-ready values."""

import math
from dataclasses import asdict
from typing import Any

from arbiter.counterfactual import best, changes
from arbiter.records import Decision, Estimate, TaskProfile

BAR = 20
"""Length of the bar of a perfect quality, in characters."""


def explain(decision: Decision) -> str:
    """Say what was seen, what was excluded and why, how the rest compared, and what would have changed the choice.

    Parameters
    ----------
    decision : any decision.

    Returns
    -------
    text : lines of plain text, at most 100 characters wide save for long names.
    """
    parts = (_verdict, _seen, _compared, _excluded, _would_change)
    return "\n".join(line for part in parts for line in part(decision))


def explanation(decision: Decision) -> dict[str, Any]:
    """Give what :func:`explain` says as JSON-ready values; what is not a number is null.

    Parameters
    ----------
    decision : any decision.

    Returns
    -------
    values : ``choice``, ``seen``, ``candidates`` (by falling utility), ``excluded``, ``would_change``.
    """
    profile = decision.profile
    heads = ("domain", "complexity", "risk", "harm", "stake", "task_type", "source")
    return {
        "choice": {
            "model": decision.model,
            "probability": None if decision.is_external else decision.propensity,
            "confidence": decision.confidence,
            "confidence_level": str(decision.confidence_level),
            "strategy": str(decision.strategy),
            "explored": best(decision) not in (None, decision.model),
            "fallbacks": list(decision.fallbacks),
            "needs_human_review": decision.needs_human_review,
            "economy": None if decision.economy is None else asdict(decision.economy),
            "assignment": None if decision.assignment is None else asdict(decision.assignment),
            "degraded": list(decision.degraded),
        },
        "seen": {**{head: str(getattr(profile, head)) for head in heads}, "evidence": list(profile.evidence)},
        "candidates": [
            {
                "model": name,
                "probability": decision.action_probs[name],
                "utility": _finite(decision.utilities.get(name)),
                "estimate": _numbers(decision.estimates.get(name)),
            }
            for name in _by_utility(decision)
        ],
        "excluded": dict(decision.excluded),
        "would_change": [
            {name: _finite(v) if isinstance(v, float) else v for name, v in asdict(change).items()}
            for change in changes(decision)
        ],
    }


def _verdict(decision: Decision) -> list[str]:
    if decision.is_external:
        return [f"{decision.model}  (chosen elsewhere, with unknown probability)"]
    lines = [
        f"{decision.model}  (probability {decision.propensity:.3f}, confidence {decision.confidence:.2f} "
        f"= {decision.confidence_level}, strategy {decision.strategy})"
    ]
    if decision.needs_human_review:
        lines.append("  needs human review: the risk is critical")
    if decision.economy is not None:
        spare = decision.economy
        lines.append(
            f"  economy: {spare.left_share:.1%} of {spare.account} left, a dollar weighs {spare.factor:.3g} times"
        )
    if decision.assignment is not None:
        place = decision.assignment
        share = f"{place.share:.1%} of the {place.unit}s get the challenger"
        lines.append(f"  experiment: {place.experiment}, {place.arm} ({share}; probabilities are over both arms)")
    lines += [f"  degraded: {what}" for what in decision.degraded]
    return lines


def _seen(decision: Decision) -> list[str]:
    profile = decision.profile
    heads = (("domain", profile.domain), ("complexity", profile.complexity), ("harm", profile.harm))
    shown = [*heads, ("stake", profile.stake)]
    parts = [f"{head} {label}{_certainty(profile, head, label)}" for head, label in shown]
    lines = [f"seen: {', '.join(parts)}; task {profile.task_type}; by {profile.source}"]
    if profile.evidence:
        lines.append(f"  evidence: {', '.join(profile.evidence[:8])}")
    return lines


def _certainty(profile: TaskProfile, head: str, label: str) -> str:
    probability = profile.probabilities.get(head, {}).get(label)
    return "" if probability is None else f" ({probability:.2f})"  # a user's own estimator may give verdicts alone


def _compared(decision: Decision) -> list[str]:
    eligible = _by_utility(decision)
    width = max(len(name) for name in ("candidate", *eligible))
    lines = [f"{'candidate':<{width}}  prob   utility  quality        cost_usd   latency_s"]
    lines += [f"{name:<{width}}  {decision.action_probs[name]:.3f}  {_expected(decision, name)}" for name in eligible]
    leader = best(decision)
    if leader not in (None, decision.model):
        lines.append(f"explored: {leader} has the greatest utility")
    if decision.fallbacks:
        lines.append(f"then: {' > '.join(decision.fallbacks)}")
    return lines


def _expected(decision: Decision, name: str) -> str:
    e, utility = decision.estimates.get(name), decision.utilities.get(name)
    if e is None or utility is None:
        return "nothing estimated"  # the router fails open: a degraded decision may rest on no estimate
    bar = "#" * round(BAR * e.quality) if math.isfinite(e.quality) else ""
    numbers = f"{e.quality:.2f} +- {e.quality_se:.2f}   {e.cost_usd:<9.3g}  {e.latency_s:<6.2g}"
    return f"{utility:+.3f}   {numbers}  {bar}".rstrip()


def _excluded(decision: Decision) -> list[str]:
    return [f"excluded: {name}: {reason}" for name, reason in decision.excluded.items()]


def _would_change(decision: Decision) -> list[str]:
    return [f"would change the choice: {change.text}" for change in changes(decision)]


def _by_utility(decision: Decision) -> list[str]:
    return sorted(decision.action_probs, key=lambda name: -decision.utilities.get(name, -math.inf))


def _numbers(estimate: Estimate | None) -> dict[str, float | None] | None:
    return None if estimate is None else {name: _finite(value) for name, value in asdict(estimate).items()}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
