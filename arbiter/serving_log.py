"""A ledger as a traffic table: what was served becomes what the next router is learned from and evaluated on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from arbiter.errors import LedgerError
from arbiter.judgements import FeedbackRules
from arbiter.ledger import Event, Ledger, PromptPolicy
from arbiter.records import Decision, Feedback, Outcome
from arbiter.vocabulary import AssignmentUnit

FAILED = "error"
"""Status of an attempt that failed for a reason that was not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingLog:
    """Rows of a traffic table, one per decision.

    Attributes
    ----------
    rows : column to value; absent is unknown.
    texts : how many rows have the request's own text.
    """

    rows: tuple[Mapping[str, Any], ...]
    texts: int

    def limits(self) -> str | None:
        """Say what can still be done where texts were not kept; None where all were."""
        lacking = len(self.rows) - self.texts
        if not lacking:
            return None
        return (
            f"{lacking} of {len(self.rows)} requests have no text, since the ledger did not keep it: no router can be "
            "learned from them or evaluated on them. Models, best-single and random can (arbiter evaluate), since "
            "propensities, qualities, costs and latencies are whole; where hashes were kept, repeats can be found"
        )


@dataclass(slots=True)
class _Served:
    """What came of one decision.

    Attributes
    ----------
    row : what the decision itself says.
    outcomes : the calls.
    quality, quality_source : as far as feedback tells, and the least noisy of those who gave it.
    measured : cost and latency by the last feedback that knows them.
    """

    row: dict[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)
    quality: float | None = None
    quality_source: str | None = None
    measured: dict[str, float] = field(default_factory=dict)


def serving_log(ledger: Ledger, rules: FeedbackRules | None = None, *, routed_only: bool = False) -> ServingLog:
    """Read a ledger as a traffic table.

    The row of a decision is about the model that was chosen, with the probability of that choice. Where another model
    answered in its place, the row's status is the reason, ``served_by`` and ``served_quality`` say who answered and how
    well, and the chosen model's quality is unknown: the other one has no row, as it was not chosen with any probability
    and one row without a propensity keeps a whole log from being evaluated. For the same reason calls that arbiter only
    saw (:meth:`arbiter.Arbiter.observe`) can be left out: they have no propensity, they can train and not evaluate.

    Parameters
    ----------
    ledger : whose decisions; a decision that was pruned has no row.
    rules : what feedback is taken to mean; None takes the defaults.
    routed_only : whether choices that were taken elsewhere are left out.

    Raises
    ------
    LedgerError
        If the ledger cannot be read, or a time in it is no date.
    """
    served: dict[str, _Served] = {}
    for _, event in ledger.events():
        match event.record:
            case Decision() as decision:
                if not (routed_only and decision.is_external):
                    served[decision.id] = _Served(row=_decided(event, decision))
            case Outcome() as outcome:
                if outcome.decision_id in served:
                    served[outcome.decision_id].outcomes.append(outcome)
    rules = rules or FeedbackRules()
    for judged in ledger.judged():
        one = served.get(judged.decision.id)
        if one is not None:  # else it was left out, or decided while this was read
            said = (*judged.earlier, judged.feedback)
            known = rules.known(judged.decision, said)
            one.quality = None if known is None else known.quality
            sources = [f.source for f in said if rules.quality(judged.decision, f) is not None]
            one.quality_source = None if known is None else str(max(sources, key=rules.precision.__getitem__))
            one.measured |= _measured(judged.feedback)
    rows = tuple(_row(one) for one in served.values())
    return ServingLog(rows=rows, texts=sum(row["prompt_kept"] == PromptPolicy.FULL for row in rows))


def _decided(event: Event, decision: Decision) -> dict[str, Any]:
    return {
        "request_id": decision.id,
        "timestamp": _time(event),
        **_unit(decision),
        **kept_request(event),
        "model": decision.model,
        "propensity": None if decision.is_external else decision.propensity,
        "strategy": str(decision.strategy),
        "policy_version": decision.policy_version or None,
        "bandit_share": decision.bandit_share,
        "degraded": "; ".join(decision.degraded) or None,
    }


def _time(event: Event) -> str:
    try:
        return datetime.fromtimestamp(event.timestamp, UTC).isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise LedgerError(
            f"decision {event.decision_id} was recorded at {event.timestamp:g} seconds since 1970, which is no date; "
            "does the service's clock give milliseconds?"
        ) from error


def _unit(decision: Decision) -> dict[str, Any]:
    """Give what intervals must cluster by: in an experiment whatever kept its arm, a user of many sessions included."""
    place = decision.assignment
    if place is None:
        return {"session_id": decision.session_id}
    by_user = place.unit is AssignmentUnit.USER
    return {
        "session_id": f"user {place.unit_id}" if by_user else decision.session_id,
        "experiment": place.experiment,
        "arm": str(place.arm),
        "own_propensity": place.own_propensity,
    }


def _row(one: _Served) -> dict[str, Any]:
    own = [outcome for outcome in one.outcomes if outcome.model == one.row["model"]]
    others = [outcome for outcome in one.outcomes if outcome.ok and outcome.model != one.row["model"]]
    failed = [outcome for outcome in own if not outcome.ok]
    measured = {} if others else dict(one.measured)
    answered = [outcome for outcome in own if outcome.answered]
    for outcome in answered:
        measured |= _measured(outcome)
    if len(costs := [outcome.cost_usd for outcome in answered if outcome.cost_usd is not None]) > 1:
        measured["cost_usd"] = sum(costs)  # asked more than once, as a check of its answers or in vain
    row = {
        **one.row,
        "quality": None if others else one.quality,
        "quality_source": None if others else one.quality_source,
        **measured,
        "status": str(failed[-1].fallback_reason or FAILED) if failed and not any(o.ok for o in own) else "ok",
        "served_by": others[-1].model if others else None,
        "served_quality": one.quality if others else None,
    }
    return {name: value for name, value in row.items() if value is not None}


def _measured(record: Outcome | Feedback) -> dict[str, float]:
    known: dict[str, float | None] = {"cost_usd": record.cost_usd, "latency_s": record.latency_s}
    if isinstance(record, Outcome):
        known |= {name: getattr(record, name) for name in ("ttft_s", "input_tokens", "output_tokens")}
    return {name: value for name, value in known.items() if value is not None}


def kept_request(event: Event) -> dict[str, Any]:
    """Give what is known of a decision's request; where its text was not kept, a stand-in that tells requests apart."""
    kept, decision_id = event.prompt or {}, event.decision_id
    counted = {"input_tokens": kept["input_tokens"]} if kept.get("input_tokens") else {}
    if "messages" in kept:
        return {"messages": kept["messages"], "prompt_kept": str(PromptPolicy.FULL), **counted}
    if "text" in kept:
        return {"prompt": kept["text"], "prompt_kept": str(PromptPolicy.FULL), **counted}
    if "sha256" in kept:
        return {"prompt": f"sha256:{kept['sha256']}", "prompt_kept": str(PromptPolicy.HASHED), **counted}
    return {"prompt": f"not kept: {decision_id}", "prompt_kept": str(PromptPolicy.NONE), **counted}
