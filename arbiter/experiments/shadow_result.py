"""What a shadow's challenger would have been worth, from the live log alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.judgements import FeedbackRules
from arbiter.ledger import Ledger
from arbiter.ope import Evaluation, LoggedFeedback, evaluate_difference
from arbiter.records import Decision, Feedback, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowResult:
    """A challenger against what served.

    Attributes
    ----------
    requests : that both decided on.
    agreement : expected share on which both would choose the same.
    expected_cost_usd : mean over requests of the challenger's expected cost less that of the live choice.
    gains : outcome (``quality``, ``cost_usd``) to the challenger's value less the live one's, with its evidence; empty
        where nothing was judged.
    """

    requests: int
    agreement: float
    expected_cost_usd: float
    gains: Mapping[str, Evaluation]


def shadow_result(live: Ledger, shadow: Ledger, rules: FeedbackRules | None = None) -> ShadowResult:
    """Join a shadow's decisions with the live ones by their ids, and evaluate the challenger on the live feedback.

    The challenger's own probabilities were recorded when each request came, so nothing is routed anew and no text is
    needed. Where the live policy never explores, the verdict is that it cannot be known.

    Parameters
    ----------
    live : the service's ledger.
    shadow : the shadow's.
    rules : what feedback is taken to mean; None takes the defaults.

    Raises
    ------
    InvalidInputError
        If they have no decision in common.
    LedgerError
        If one cannot be read.
    """
    theirs = {e.record.id: e.record for _, e in shadow.events() if isinstance(e.record, Decision)}
    ours = {e.record.id: e.record for _, e in live.events() if isinstance(e.record, Decision) and e.record.id in theirs}
    if not ours:
        raise InvalidInputError("the two ledgers have no decision in common; is it the shadow of this service?")
    pairs = [(decision, theirs[name]) for name, decision in ours.items()]
    agreed = [sum(p * t.action_probs.get(name, 0.0) for name, p in o.action_probs.items()) for o, t in pairs]
    dearer = [_expected(t) - _expected(o) for o, t in pairs]
    return ShadowResult(
        requests=len(pairs),
        agreement=float(np.mean(agreed)),
        expected_cost_usd=float(np.mean(dearer)),
        gains=_gains(pairs, _outcomes(live, ours, rules or FeedbackRules())),
    )


def _expected(decision: Decision) -> float:
    known = decision.estimates
    return sum(p * known[name].cost_usd for name, p in decision.action_probs.items() if name in known)


def _outcomes(live: Ledger, ours: Mapping[str, Decision], rules: FeedbackRules) -> dict[str, dict[str, float]]:
    """Give outcome to decision to value, of the live answers."""
    found: dict[str, dict[str, float]] = {"quality": {}, "cost_usd": {}}
    said: dict[str, list[Feedback]] = {}
    for _, event in live.events():
        record = event.record
        if isinstance(record, Decision) or record.decision_id not in ours:
            continue
        name = record.decision_id
        if isinstance(record, Feedback):
            said.setdefault(name, []).append(record)
            known = rules.known(ours[name], said[name])
            if known is not None:
                found["quality"][name] = known.quality
        if record.cost_usd is not None:
            before = found["cost_usd"].get(name, 0.0) if isinstance(record, Outcome) else 0.0
            found["cost_usd"][name] = before + record.cost_usd
    return found


def _gains(
    pairs: list[tuple[Decision, Decision]], outcomes: Mapping[str, Mapping[str, float]]
) -> Mapping[str, Evaluation]:
    columns = {name: [known.get(o.id, np.nan) for o, _ in pairs] for name, known in outcomes.items() if known}
    if not columns:
        return {}
    names = list(dict.fromkeys(name for pair in pairs for decision in pair for name in decision.action_probs))
    place = {name: k for k, name in enumerate(names)}
    live, challenger = np.zeros((len(pairs), len(names))), np.zeros((len(pairs), len(names)))
    for i, pair in enumerate(pairs):
        for table, decision in zip((live, challenger), pair, strict=True):
            for name, p in decision.action_probs.items():
                table[i, place[name]] = p
    log = LoggedFeedback.from_bandit(
        [place[o.model] for o, _ in pairs],
        columns,
        [o.propensity for o, _ in pairs],
        len(names),
        [_cluster(o) for o, _ in pairs],
    )
    return evaluate_difference(log.with_support(live), challenger / challenger.sum(axis=1, keepdims=True))


def _cluster(decision: Decision) -> str:
    place = decision.assignment
    return decision.session_id or decision.id if place is None else f"{place.unit} {place.unit_id}"
