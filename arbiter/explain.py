"""A decision in words."""

from arbiter.records import Decision

BAR = 20


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
    parts = [f"{head} {label} ({profile.probabilities[head].get(label, 0.0):.2f})" for head, label in shown]
    lines = [f"seen: {', '.join(parts)}; task {profile.task_type}; by {profile.source}"]
    if profile.evidence:
        lines.append(f"  evidence: {', '.join(profile.evidence[:8])}")
    return lines


def _compared(decision: Decision) -> list[str]:
    eligible = sorted(decision.action_probs, key=lambda name: -decision.utilities[name])
    width = max(len(name) for name in eligible)
    lines = [f"{'candidate':<{width}}  prob   utility  quality        cost_usd   latency_s"]
    for name in eligible:
        e = decision.estimates[name]
        bar = "#" * round(BAR * e.quality)
        lines.append(
            f"{name:<{width}}  {decision.action_probs[name]:.3f}  {decision.utilities[name]:+.3f}   "
            f"{e.quality:.2f} +- {e.quality_se:.2f}   {e.cost_usd:<9.3g}  {e.latency_s:<6.2g}  {bar}"
        )
    if decision.fallbacks:
        lines.append(f"then: {' > '.join(decision.fallbacks)}")
    return lines


def _excluded(decision: Decision) -> list[str]:
    return [f"excluded: {name}: {reason}" for name, reason in decision.excluded.items()]
