"""A decision in words."""

import math

from arbiter.records import Decision, TaskProfile

BAR = 20
"""Length of the bar of a perfect quality, in characters."""


def explain(decision: Decision) -> str:
    """Say what was seen, what was excluded and why, and how the rest compared.

    Parameters
    ----------
    decision : any decision.

    Returns
    -------
    text : lines of plain text, at most 100 characters wide save for long names.
    """
    return "\n".join([*_verdict(decision), *_seen(decision), *_compared(decision), *_excluded(decision)])


def _verdict(decision: Decision) -> list[str]:
    lines = [
        f"{decision.model}  (probability {decision.propensity:.3f}, confidence {decision.confidence:.2f} "
        f"= {decision.confidence_level}, strategy {decision.strategy})"
    ]
    if decision.needs_human_review:
        lines.append("  needs human review: the risk is critical")
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
    eligible = sorted(decision.action_probs, key=lambda name: -decision.utilities.get(name, -math.inf))
    width = max(len(name) for name in ("candidate", *eligible))
    lines = [f"{'candidate':<{width}}  prob   utility  quality        cost_usd   latency_s"]
    lines += [f"{name:<{width}}  {decision.action_probs[name]:.3f}  {_expected(decision, name)}" for name in eligible]
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
