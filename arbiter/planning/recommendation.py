"""Which model serves a use case, who follows it, how sure that is, and what had to be given up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from arbiter.catalog import Catalog
from arbiter.ope.distributions import normal_quantile
from arbiter.planning.availability import chain_availability
from arbiter.planning.eligibility import Standing, weights_of
from arbiter.planning.fallbacks import choose_fallbacks
from arbiter.planning.gaps import Gap, find_gaps
from arbiter.planning.history import CaseHistory
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.relaxing import Relaxed, explain_relaxed, least_relaxed
from arbiter.planning.use_case import PlanSpec, UseCase
from arbiter.planning.workloads import STRATEGY_ROWS, other_vendor_first, strategy_of, wanted_availability
from arbiter.vocabulary import ConfidenceLevel, Strategy

SHOWN_SURE = normal_quantile(0.9)

MUCH_CHEAPER = 0.8
"""Part of the primary's cost below which a model that is not known to be worse is worth naming."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRow:
    """One model on one use case, as `arbiter plan compare` shows it.

    Attributes
    ----------
    model, vendor : of the catalog.
    quality, quality_se, judged : expected mean, its standard error, answers behind it.
    cost_usd, costs_known : mean of a request, and on how many it was measured; None where it is not known.
    latency_median_s, latency_s : half of the answers, and the use case's quantile of them, stay below.
    utility : quality less the price of money and time; None where the model cannot serve.
    missed : limits it does not keep, in words; the reason alone where it cannot serve at all.
    """

    model: str
    vendor: str
    quality: float
    quality_se: float
    judged: int
    cost_usd: float | None
    costs_known: int
    latency_median_s: float
    latency_s: float
    utility: float | None
    missed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """What a use case should be served by.

    Attributes
    ----------
    use_case, strategy : its name, and what it is served by.
    primary, fallbacks : models, in the order in which they are asked.
    policy : the routing policy that beats every single model on the traffic; None where none is known to.
    confidence : probability that the primary keeps the floor and is of greater utility than its best rival, given the
        errors of the estimates.
    availability, wanted_availability : of the chain, and what the use case asks for.
    gaps, relaxed : what is missing, and the limits that were given up.
    cheaper : the cheapest model that keeps every limit, is not known to be worse than the primary and costs at least
        a fifth less; None where there is none.
    rationale : sentences.
    candidates : all models, those that may serve first.
    """

    use_case: str
    strategy: Strategy
    primary: str
    fallbacks: tuple[str, ...]
    policy: str | None
    confidence: float
    availability: float
    wanted_availability: float
    gaps: tuple[Gap, ...]
    relaxed: tuple[Relaxed, ...]
    rationale: tuple[str, ...]
    candidates: tuple[CandidateRow, ...]
    cheaper: CandidateRow | None = None

    @property
    def chain(self) -> tuple[str, ...]:
        """Primary and fallbacks."""
        return (self.primary, *self.fallbacks)

    @property
    def cheaper_by(self) -> float:
        """Share of the primary's cost that the cheaper model would save; 0 where there is none."""
        usd = self.row(self.primary).cost_usd
        if self.cheaper is None or self.cheaper.cost_usd is None or not usd:
            return 0.0
        return 1.0 - self.cheaper.cost_usd / usd

    def row(self, model: str) -> CandidateRow:
        """Give what is expected of a model."""
        return next(row for row in self.candidates if row.model == model)

    @property
    def confidence_level(self) -> ConfidenceLevel:
        """The confidence in words."""
        return ConfidenceLevel.of(self.confidence)


def recommend(
    case: UseCase, found: Standing, expected: Sequence[ModelOutlook], history: CaseHistory, spec: PlanSpec
) -> Recommendation:
    """Choose primary and fallbacks of one use case.

    Parameters
    ----------
    case : a use case that at least one model can serve.
    found : what stands between the models and it.
    expected : outlooks in the catalog's order.
    history : what the traffic says of it.
    spec : carries assumptions and declared fallbacks.
    """
    given_up = () if found.eligible else least_relaxed(found)
    fit = found.keeping(given_up)
    by_name = {outlook.candidate.name: outlook for outlook in expected}
    catalog = Catalog(outlook.candidate for outlook in expected)
    primary = fit[0]
    fallbacks, short = choose_fallbacks(case, primary, fit, catalog, spec)
    chain = [catalog[name] for name in (primary, *fallbacks)]
    relaxed = (*explain_relaxed(case, found, by_name, primary, given_up), *short)
    policy = _policy(history, fit)
    draft = Recommendation(
        use_case=case.name,
        strategy=strategy_of(case),
        primary=primary,
        fallbacks=fallbacks,
        policy=policy,
        confidence=_confidence(case, by_name, fit),
        availability=chain_availability(chain, spec.assumptions.common_cause),
        wanted_availability=wanted_availability(case),
        gaps=find_gaps(case, chain),
        relaxed=relaxed,
        rationale=(),
        candidates=_rows(found, expected),
    )
    draft = replace(draft, cheaper=_cheaper(draft))
    return replace(draft, rationale=_rationale(case, draft, by_name, history))


def _policy(history: CaseHistory, fit: Sequence[str]) -> str | None:
    """Name the router that was tried, where it beats every single model and sends requests to eligible models only."""
    trial = history.routing
    return trial.policy if trial is not None and trial.beats_all and set(trial.share) <= set(fit) else None


def _confidence(case: UseCase, by_name: dict[str, ModelOutlook], fit: Sequence[str]) -> float:
    """Give P(quality of the primary >= floor) x P(utility of the primary > that of the second), normal and apart."""
    first, floor = by_name[fit[0]], case.limits.quality_floor
    sure = 1.0 if floor is None else _above((first.quality - floor) / first.quality_se)
    if len(fit) == 1:
        return sure
    weights, second = weights_of(case), by_name[fit[1]]
    gap, variance = 0.0, 0.0
    for sign, outlook in ((1.0, first), (-1.0, second)):
        assert outlook.cost is not None, "a model without a cost is barred"
        spent = weights.quality_per_usd * outlook.cost.mean_usd
        gap += sign * (outlook.quality - spent - weights.quality_per_s * outlook.latency_median_s)
        variance += outlook.quality_se**2 + (spent * outlook.cost.log_sd) ** 2
    return sure * _above(gap / math.sqrt(variance))


def _above(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _rows(found: Standing, expected: Sequence[ModelOutlook]) -> tuple[CandidateRow, ...]:
    rows = []
    for outlook in expected:
        name = outlook.candidate.name
        barred = found.barred.get(name)
        rows.append(
            CandidateRow(
                model=name,
                vendor=outlook.candidate.provider,
                quality=outlook.quality,
                quality_se=outlook.quality_se,
                judged=outlook.judged,
                cost_usd=None if outlook.cost is None else outlook.cost.mean_usd,
                costs_known=0 if outlook.cost is None else outlook.cost.known,
                latency_median_s=outlook.latency_median_s,
                latency_s=outlook.latency_s,
                utility=found.utility.get(name),
                missed=tuple(found.missed[name].values()) if barred is None else (barred,),
            )
        )
    return tuple(sorted(rows, key=lambda r: (r.utility is None, bool(r.missed), -(r.utility or 0.0), r.model)))


def _rationale(
    case: UseCase, made: Recommendation, by_name: dict[str, ModelOutlook], history: CaseHistory
) -> tuple[str, ...]:
    first = by_name[made.primary]
    fit = sum(not row.missed for row in made.candidates)
    evidence = f"{first.judged} judged answers" if first.judged else "the catalog's rating, not measured"
    asked = "as asked for" if case.strategy else f"criticality {case.criticality}, workload {case.workload}"
    lead = f"of {fit} models that keep every limit, {made.primary} is of the greatest utility"
    if not fit:
        lead = f"no model keeps every limit; {made.primary} misses them by the least"
    said = [
        f"{made.strategy} ({asked}): {lead}",
        f"quality {first.quality:.2f} +- {SHOWN_SURE * first.quality_se:.2f} (80 %) from {evidence}",
        _chain_sentence(case, made),
        *_misfits(made),
        *_tie_sentence(made),
    ]
    if history.weighed:
        said.append("the models answered different requests: means are weighed by the logged propensities")
    elif history.models and not history.comparable:
        said.append("the models answered different requests, and no propensities tell which: means may mislead")
    return (*said, *_routing_sentence(made, history))


def _chain_sentence(case: UseCase, made: Recommendation) -> str:
    kept, order = STRATEGY_ROWS[made.strategy], "another vendor first" if other_vendor_first(case) else "by utility"
    if len(made.fallbacks) < kept:
        return f"{len(made.fallbacks)} of the {kept} fallbacks that the strategy keeps: no other model keeps the limits"
    return f"fallbacks: {len(made.fallbacks)}, {order}"


def _misfits(made: Recommendation) -> list[str]:
    """Name the fallbacks that do not keep every limit: declared ones may not."""
    missed = {row.model: row.missed for row in made.candidates}
    if missed[made.primary]:
        return []
    return [
        f"the fallback {model} does not keep every limit: {'; '.join(missed[model])}"
        for model in made.fallbacks
        if missed[model]
    ]


def _cheaper(made: Recommendation) -> CandidateRow | None:
    first = made.row(made.primary)
    near = []
    for row in made.candidates:
        error = math.hypot(first.quality_se, row.quality_se)
        if not row.missed and row.cost_usd is not None and first.quality - row.quality < SHOWN_SURE * error:
            near.append((row.cost_usd, row.model, row))
    least = min(near, default=None, key=lambda each: each[:2])
    return None if least is None or least[0] >= MUCH_CHEAPER * (first.cost_usd or 0.0) else least[2]


def _tie_sentence(made: Recommendation) -> list[str]:
    if made.cheaper is None:
        return []
    return [
        f"{made.cheaper.model} keeps every limit too, is not known to be worse and costs {made.cheaper_by:.0%} less: "
        "judge answers of both"
    ]


def _routing_sentence(made: Recommendation, history: CaseHistory) -> list[str]:
    trial = history.routing
    if trial is None:
        return []
    if made.policy is not None:
        return [f"routing by {trial.policy} beats every single model on {trial.requests} requests"]
    worst = min(trial.utility_gain, key=lambda model: trial.utility_gain[model])
    if trial.utility_gain[worst] <= 0.0:
        return [f"routing by {trial.policy} is not shown to beat {worst} on {trial.requests} requests"]
    return [f"routing by {trial.policy} sends requests to models that may not serve this use case"]
