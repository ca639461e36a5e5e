"""Evaluate policies on logged outcomes: what each would have earned and cost, how sure that is, and against what."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.ope import (
    EstimateOptions,
    LoggedFeedback,
    OffPolicyEstimate,
    doubly_robust_scores,
    evaluate,
    evaluate_difference,
    nondecreasing_hull,
    traffic_shares,
)
from arbiter_training.evaluation.evidence import EstimatedLogging, PolicyEvidence, log_evidence, sensitivities
from arbiter_training.evaluation.moves import moves_of
from arbiter_training.evaluation.ranking import ranked
from arbiter_training.evaluation.records import (
    EvaluationReport,
    Frontier,
    FrontierPoint,
    LogSummary,
    Measured,
    Move,
    PolicyFamily,
    PolicyRow,
    Segment,
)
from arbiter_training.evaluation.scoring import Scorable, scores_of
from arbiter_training.evaluation.segments import Labels, segment_rows

FloatArray = NDArray[np.float64]

PLANE = ("quality", "cost_usd")

BEST_SINGLE, RANDOM = "best-single", "random"
"""The baselines of every report, as users name them."""

GREEDY = " (greedy)"
"""Ends the name of a router's row without its exploration: a second view of one router, not one of its own."""


def best_single(model: str) -> str:
    """Give the name that the best single model's row has in a report."""
    return f"{BEST_SINGLE} ({model})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """A log, with models of its outcomes, that policies can be evaluated on.

    Attributes
    ----------
    log : logged outcomes, named ``quality``, ``cost_usd`` and, where measured, ``latency_s``.
    models : K candidates.
    q_hat : outcome to (n, K) predictions by models that did not see these rows.
    summary : the data in words.
    options : level and thresholds of the estimators.
    segments : dimension to (n,) label; the policies asked for are also judged on each part of the traffic.
    estimated : how the log's propensities were estimated; None where they were logged.
    """

    log: LoggedFeedback
    models: tuple[str, ...]
    q_hat: Mapping[str, FloatArray]
    summary: LogSummary
    options: EstimateOptions = field(default_factory=EstimateOptions)
    segments: Labels = field(default_factory=dict)
    estimated: EstimatedLogging | None = None

    def report(self, policies: Mapping[str, FloatArray], families: tuple[PolicyFamily, ...] = ()) -> EvaluationReport:
        """Evaluate policies and families, next to the best single model, every single model and uniform choice.

        Parameters
        ----------
        policies : name to (n, K) action probabilities.
        families : curves to draw.

        Returns
        -------
        report : the policies asked for come first.

        Raises
        ------
        InvalidInputError
            If a policy's array does not fit the log.
        """
        singles = self._singles()
        origin = self.models.index(_best_of(singles, self.models))
        best = self._constant(origin)
        baselines = {best_single(self.models[origin]): best, RANDOM: np.full_like(best, 1 / len(self.models))}
        together = replace(self.options, confidence=1.0 - (1.0 - self.options.confidence) / max(len(policies), 1))
        rows = tuple(self._row(name, p, best, together) for name, p in {**policies, **baselines}.items())
        told = {row.name: policies[row.name] for row in rows if row.name in policies and row.outcomes["quality"]}
        drawn = [self._frontier(family) for family in families]
        known = {
            name: (values["cost_usd"], values["quality"])
            for name, values in singles.items()
            if {"cost_usd", "quality"} <= set(values)
        }
        q_hat = self.q_hat.get("quality")
        return EvaluationReport(
            log=self.summary,
            baseline=best_single(self.models[origin]),
            rows=rows,
            fixed_models=known,
            hull=_corners(known),
            frontiers=tuple(frontier for frontier, _ in drawn),
            scores=scores_of(self._scorable(singles, told, tuple(family for _, family in drawn))),
            segments=self._segments(policies, best),
            evidence=log_evidence(self.log, self.models, self.estimated),
            ranking=ranked(self.log, {**policies, **baselines}, q_hat, self.options),
            moves=self._moves(told, origin),
            sensitivity=sensitivities(self.log, told, q_hat),
        )

    def best_model(self) -> str:
        """Give the constant model of the highest quality, as far as the log can tell; the first where it cannot."""
        return _best_of(self._singles(), self.models)

    def _singles(self) -> dict[str, dict[str, float]]:
        return {name: self._values(self._constant(a)) for a, name in enumerate(self.models)}

    def _scores(self) -> dict[str, FloatArray]:
        """Give (n, K) doubly robust scores of quality and cost, as far as they were logged."""
        none = np.zeros((self.log.n, len(self.models)))
        present = [name for name in PLANE if name in self.log.outcomes]
        return {name: doubly_robust_scores(self.log, name, self.q_hat.get(name, none)) for name in present}

    def _scorable(
        self,
        singles: Mapping[str, Mapping[str, float]],
        told: Mapping[str, FloatArray],
        families: tuple[PolicyFamily, ...],
    ) -> Scorable:
        tables = self._scores()
        wanted = set(tables)
        known = [a for a, name in enumerate(self.models) if wanted <= set(singles[name])]
        happened = self.log.matrix("quality")
        seen_all = not np.isnan(happened).any() and bool((self.log.inclusion == 1.0).all())
        return Scorable(
            models=self.models,
            quality=tables["quality"],
            cost_usd=tables.get("cost_usd"),
            known=np.array(known, dtype=np.int64),
            hindsight=happened.max(axis=1) if seen_all else None,
            policies=told,
            families=families,
            clusters=self.log.cluster_index,
        )

    def _moves(self, told: Mapping[str, FloatArray], origin: int) -> tuple[Move, ...]:
        tables = self._scores()
        index = self.log.cluster_index
        parts = [moves_of(name, p, origin, self.models, tables, index) for name, p in told.items() if _own(name)]
        return tuple(move for part in parts for move in part)

    def _segments(self, policies: Mapping[str, FloatArray], best: FloatArray) -> tuple[Segment, ...]:
        parts = [
            segment_rows(name, self.log, (probs, best), self.q_hat, self.segments, self.models)
            for name, probs in policies.items()
            if _own(name)
        ]
        return tuple(segment for part in parts for segment in part)

    def _row(self, name: str, probs: FloatArray, baseline: FloatArray, together: EstimateOptions) -> PolicyRow:
        if probs.shape != (self.log.n, len(self.models)):
            raise InvalidInputError(f"policy {name!r} gives {probs.shape}, the log is {(self.log.n, len(self.models))}")
        found = evaluate(self.log, probs, self.q_hat, self.options)
        paired = evaluate_difference(self.log, probs, baseline, self.q_hat, together)
        lead = found["quality"].judgement
        return PolicyRow(
            name=name,
            verdict=str(lead.verdict),
            reasons=(*lead.reasons, *lead.notes),
            outcomes={outcome: _leading(e.best) for outcome, e in found.items()},
            estimators={o: {n: Measured.of(x) for n, x in e.estimates.items()} for o, e in found.items()},
            differences={outcome: _leading(e.best) for outcome, e in paired.items()},
            shares=dict(zip(self.models, traffic_shares(probs).tolist(), strict=True)),
            evidence=PolicyEvidence.of(found["quality"].diagnostics[0]),
        )

    def _constant(self, action: int) -> FloatArray:
        return np.tile(np.eye(len(self.models))[action], (self.log.n, 1))

    def _values(self, probs: FloatArray) -> dict[str, float]:
        """Give what can be told of a policy, by outcome."""
        found = evaluate(self.log, probs, self.q_hat, self.options)
        return {outcome: each.best.value for outcome, each in found.items() if each.best is not None}

    def _frontier(self, family: PolicyFamily) -> tuple[Frontier, PolicyFamily]:
        """Give the curve, and the family reduced to the settings that the log can tell."""
        points: list[FrontierPoint] = []
        told: list[int] = []
        # Without "cost_usd" neither costs nor token counts were logged, and there is no plane to draw on.
        settings = family.quality_per_usd.tolist() if "cost_usd" in self.log.outcomes else []
        for i, setting in enumerate(settings):
            found = evaluate(self.log, family.action_probs[i], self.q_hat, self.options)
            cost, quality = found["cost_usd"].best, found["quality"].best
            if cost is None or quality is None:
                continue
            low, high = quality.interval or (None, None)
            told.append(i)
            points.append(
                FrontierPoint(
                    quality_per_usd=setting,
                    cost_usd=cost.value,
                    quality=quality.value,
                    quality_low=low,
                    quality_high=high,
                )
            )
        kept = replace(family, quality_per_usd=family.quality_per_usd[told], action_probs=family.action_probs[told])
        return Frontier(name=family.name, points=tuple(sorted(points, key=lambda p: p.cost_usd))), kept


def _own(name: str) -> bool:
    return not name.endswith(GREEDY)


def _corners(known: Mapping[str, tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    if not known:
        return ()
    hull = nondecreasing_hull(*np.array(list(known.values())).T)
    return tuple(zip(hull.cost.tolist(), hull.quality.tolist(), strict=True))


def _best_of(found: Mapping[str, Mapping[str, float]], models: tuple[str, ...]) -> str:
    judged = {name: values["quality"] for name, values in found.items() if "quality" in values}
    return max(judged, key=judged.__getitem__) if judged else models[0]


def _leading(estimate: OffPolicyEstimate | None) -> Measured | None:
    return None if estimate is None else Measured.of(estimate)
