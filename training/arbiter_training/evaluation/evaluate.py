"""Evaluate policies on logged outcomes: what each would have earned and cost, how sure that is, and against what."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.ope import (
    EstimateOptions,
    LoggedFeedback,
    OffPolicyEstimate,
    aiq,
    evaluate,
    evaluate_difference,
    nondecreasing_hull,
    traffic_shares,
)
from arbiter_training.evaluation.records import (
    EvaluationReport,
    Frontier,
    FrontierPoint,
    LogSummary,
    Measured,
    PolicyRow,
)
from arbiter_training.evaluation.segments import Labels, segment_rows

FloatArray = NDArray[np.float64]

BEST_SINGLE, RANDOM = "best-single", "random"
"""The baselines of every report, as users name them."""

GREEDY = " (greedy)"
"""Ends the name of a router's row without its exploration: a second view of one router, not one of its own."""


def best_single(model: str) -> str:
    """Give the name that the best single model's row has in a report."""
    return f"{BEST_SINGLE} ({model})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFamily:
    """A policy that can be told what money is worth.

    Attributes
    ----------
    name : as shown.
    quality_per_usd : (m,) the settings.
    action_probs : (m, n, K) what it would do under each.
    """

    name: str
    quality_per_usd: FloatArray
    action_probs: FloatArray


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
    """

    log: LoggedFeedback
    models: tuple[str, ...]
    q_hat: Mapping[str, FloatArray]
    summary: LogSummary
    options: EstimateOptions = field(default_factory=EstimateOptions)
    segments: Labels = field(default_factory=dict)

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
        singles = {name: self._constant(a) for a, name in enumerate(self.models)}
        found = self._singles()
        best = _best_of(found, self.models)
        known = {
            name: (values["cost_usd"], values["quality"])
            for name, values in found.items()
            if {"cost_usd", "quality"} <= set(values)
        }
        baselines = {best_single(best): singles[best], RANDOM: np.full_like(singles[best], 1 / len(singles))}
        rows = [self._row(name, probs, singles[best]) for name, probs in {**policies, **baselines}.items()]
        parts = [
            segment_rows(name, self.log, (probs, singles[best]), self.q_hat, self.segments)
            for name, probs in policies.items()
            if not name.endswith(GREEDY)
        ]
        corners = nondecreasing_hull(*np.array(list(known.values())).T) if known else None
        hull = tuple(zip(corners.cost.tolist(), corners.quality.tolist(), strict=True)) if corners else ()
        curves = tuple(self._frontier(family) for family in families)
        return EvaluationReport(
            log=self.summary,
            baseline=best_single(best),
            rows=tuple(rows),
            fixed_models=known,
            hull=hull,
            frontiers=curves,
            scores=curve_scores(hull, curves),
            segments=tuple(segment for rows in parts for segment in rows),
        )

    def best_model(self) -> str:
        """Give the constant model of the highest quality, as far as the log can tell; the first where it cannot."""
        return _best_of(self._singles(), self.models)

    def _singles(self) -> dict[str, dict[str, float]]:
        return {name: self._values(self._constant(a)) for a, name in enumerate(self.models)}

    def _row(self, name: str, probs: FloatArray, baseline: FloatArray) -> PolicyRow:
        if probs.shape != (self.log.n, len(self.models)):
            raise InvalidInputError(f"policy {name!r} gives {probs.shape}, the log is {(self.log.n, len(self.models))}")
        found = evaluate(self.log, probs, self.q_hat, self.options)
        paired = evaluate_difference(self.log, probs, baseline, self.q_hat, self.options)
        lead = found["quality"].judgement
        return PolicyRow(
            name=name,
            verdict=str(lead.verdict),
            reasons=(*lead.reasons, *lead.notes),
            outcomes={outcome: _leading(e.best) for outcome, e in found.items()},
            estimators={o: {n: Measured.of(x) for n, x in e.estimates.items()} for o, e in found.items()},
            differences={outcome: _leading(e.best) for outcome, e in paired.items()},
            shares=dict(zip(self.models, traffic_shares(probs).tolist(), strict=True)),
        )

    def _constant(self, action: int) -> FloatArray:
        return np.tile(np.eye(len(self.models))[action], (self.log.n, 1))

    def _values(self, probs: FloatArray) -> dict[str, float]:
        """Give what can be told of a policy, by outcome."""
        found = evaluate(self.log, probs, self.q_hat, self.options)
        return {outcome: each.best.value for outcome, each in found.items() if each.best is not None}

    def _frontier(self, family: PolicyFamily) -> Frontier:
        points: list[FrontierPoint] = []
        if "cost_usd" not in self.log.outcomes:  # neither costs nor token counts were logged
            return Frontier(name=family.name, points=())
        for setting, probs in zip(family.quality_per_usd, family.action_probs, strict=True):
            found = evaluate(self.log, probs, self.q_hat, self.options)
            cost, quality = found["cost_usd"].best, found["quality"].best
            if cost is None or quality is None:
                continue
            low, high = quality.interval or (None, None)
            points.append(
                FrontierPoint(
                    quality_per_usd=float(setting),
                    cost_usd=cost.value,
                    quality=quality.value,
                    quality_low=low,
                    quality_high=high,
                )
            )
        return Frontier(name=family.name, points=tuple(sorted(points, key=lambda p: p.cost_usd)))


def _best_of(found: Mapping[str, Mapping[str, float]], models: tuple[str, ...]) -> str:
    judged = {name: values["quality"] for name, values in found.items() if "quality" in values}
    return max(judged, key=judged.__getitem__) if judged else models[0]


def curve_scores(hull: tuple[tuple[float, float], ...], curves: tuple[Frontier, ...]) -> dict[str, float]:
    """Give the AIQ of the constant models and of each curve, over the constant models' range of cost."""
    if len(hull) < 2:
        return {}
    fixed = nondecreasing_hull(*np.array(hull).T)
    low, high = float(fixed.cost[0]), float(fixed.cost[-1])
    found = {"AIQ of constant models": aiq(fixed, low, high)}
    for curve in curves:
        if curve.points:
            points = np.array([(p.cost_usd, p.quality) for p in curve.points])
            found[f"AIQ of {curve.name}"] = aiq(nondecreasing_hull(*points.T), low, high)
    return found


def _leading(estimate: OffPolicyEstimate | None) -> Measured | None:
    return None if estimate is None else Measured.of(estimate)
