"""All candidates on one request, side by side: what `arbiter compare` shows. Nothing is chosen or recorded."""

from dataclasses import dataclass

from arbiter.criteria import CriterionWeights
from arbiter.deciding import estimates_of
from arbiter.records import Estimate, Query, TaskProfile
from arbiter.router import Router
from arbiter.scoring import History, Scorecard, Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCandidate:
    """One candidate on one request.

    Attributes
    ----------
    model : its name.
    probability : with which the router would choose it; 0 where it is excluded.
    utility : quality less the price of money and time, in quality points.
    estimate : of quality, cost, latency and length.
    card : the ten criteria.
    excluded : why it may not answer; None where it may.
    """

    model: str
    probability: float
    utility: float
    estimate: Estimate
    card: Scorecard
    excluded: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All candidates on one request.

    Attributes
    ----------
    profile : what the gatekeeper says of the request.
    candidates : those that may answer by falling utility, then the others in the catalog's order.
    """

    profile: TaskProfile
    candidates: tuple[ComparedCandidate, ...]


def compare(
    router: Router, query: Query, weights: CriterionWeights | None = None, history: History | None = None
) -> Comparison:
    """Compare all candidates on one request.

    Parameters
    ----------
    router : estimates and weighs.
    query : the request.
    weights : of the criteria; None takes the defaults.
    history : what a ledger knows of the candidates; None knows nothing.
    """
    outlook = router.outlook([query])
    weighed = router.weigh(outlook, 0)
    expected, profile = weighed.expectation, outlook.profiles[0]
    probabilities = router.action_probabilities(outlook)[0]
    scorer = Scorer(
        catalog=router.catalog, settings=router.settings, weights=weights or CriterionWeights(), history=history
    )
    rows = [
        ComparedCandidate(
            model=card.model,
            probability=float(probabilities[k]),
            utility=float(expected.utility[k]),
            estimate=estimate,
            card=card,
            excluded=weighed.reasons.get(card.model),
        )
        for k, (card, estimate) in enumerate(
            zip(
                scorer.scorecards(query, profile, expected),
                estimates_of(outlook.expectation, router.catalog, [query])[0],
                strict=True,
            )
        )
    ]
    rows.sort(key=lambda row: (row.excluded is not None, 0.0 if row.excluded else -row.utility))
    return Comparison(profile=profile, candidates=tuple(rows))
