"""Calibration: a target in the user's words becomes a setting of the router, with an interval for what it will reach.

The setting is what a dollar is worth in quality points. It is chosen on doubly robust scores of the log; what it will
reach is measured by cross-fitting: each fold of the requests is evaluated under the setting that the other folds chose,
so that the interval holds the luck of the choice as well as that of the requests; it also holds the interval of the
setting's own evaluation on the whole log.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError, NotEvaluableError
from arbiter.ope import evaluate
from arbiter.strategies import STRATEGIES
from arbiter.vocabulary import ConstraintPreset
from arbiter_training.calibration_checks import ConstantRival, ForcedSpend, constant_rival, forced_spend
from arbiter_training.evaluation.evaluate import Evaluator
from arbiter_training.evaluation.records import Measured
from arbiter_training.targets import Target, TargetKind
from arbiter_training.trials import Curve, Trials, View, merged, settings_grid

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Say = Callable[[str], None]

COARSE, FINE, ROUNDS = 20, 6, 2
"""Settings that are tried over the whole range, and, so many times, between the neighbours of the best so far."""

SHARE_TOLERANCE = 0.02
"""How far the share of the strongest model may stay from what is asked before the target counts as out of reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedSetting:
    """A setting, and the means over the log that it would reach.

    Attributes
    ----------
    quality_per_usd : the setting.
    quality, cost_usd, strong_share : per request.
    """

    quality_per_usd: float
    quality: float
    cost_usd: float
    strong_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A setting and what it will reach.

    Attributes
    ----------
    target : as asked.
    goal : the number that the choice had to meet: dollars, quality, or share.
    quality_per_usd : the setting: quality points that one dollar must buy.
    strong : the model of the best mean quality.
    reached : ``quality``, ``cost_usd``, ``strong_share`` and, where measured, ``latency_s``, with 95 % intervals.
    reachable : least and greatest value of the target's quantity over all settings.
    forced : what constraints cost whatever the setting.
    constant : the best constant model of no more cost than the setting's (or than the budget); None where all cost
        more.
    n_requests : behind it.
    protocol : in words.
    tried : the settings that were looked at, ascending, with the means that the log gives for each.
    """

    target: str
    goal: float
    quality_per_usd: float
    strong: str
    reached: Mapping[str, Measured]
    reachable: tuple[float, float]
    forced: ForcedSpend
    constant: ConstantRival | None
    n_requests: int
    protocol: str
    tried: tuple[TriedSetting, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give JSON-ready values; ``use_constant`` names the constant model that beats the router, where one does."""
        constant, told = self.constant, asdict(self)
        del told["tried"]  # for a curve, not for a manifest
        return {**told, "use_constant": constant.model if constant is not None and constant.better else None}

    def lines(self) -> list[str]:
        """Say it to people."""
        found = [f"target: {self.target}", f"setting: one dollar is worth {self.quality_per_usd:.6g} quality points"]
        names = {"quality": "quality", "cost_usd": "cost, $ per request", "latency_s": "latency, s"}
        for name, measured in self.reached.items():
            what = names.get(name, f"share of {self.strong}")
            interval = "" if measured.low is None else f"  [{measured.low:.4g}, {measured.high:.4g}]"
            found.append(f"  {what}: {measured.value:.4g}{interval}")
        low, high = self.reachable
        found.append(f"reachable: {low:.4g} to {high:.4g}; {self.n_requests} requests; {self.protocol}")
        if self.forced.share > 0.0:
            found.append(self.forced.line(self.reached["cost_usd"].value))
        return found if self.constant is None else [*found, self.constant.line()]


def calibrate(evaluator: Evaluator, views: tuple[View, ...], target: Target, folds: IntArray, say: Say) -> Calibration:
    """Choose the setting that meets a target.

    Parameters
    ----------
    evaluator : the log, with cross-fitted models of its outcomes.
    views : of routers over models of the log; together they hold every request once.
    target : what to reach.
    folds : (n,) fold of each request; requests of one group share a fold.
    say : is told what happens.

    Raises
    ------
    InvalidInputError
        If the target names a model that the log lacks, or a router's strategy brings constraints of its own, which the
        setting would drop.
    NotEvaluableError
        If the target is out of reach (with the range that is within), or the log cannot tell.
    """
    _check(evaluator, views, target)
    trials, log = Trials.of(evaluator, views, target), evaluator.log
    say(f"trying {COARSE + ROUNDS * FINE} settings on {log.n} requests")
    curve, every = trials.curve(settings_grid(views, COARSE)), np.arange(log.n)
    goal, reachable = _goal(target, trials.anchor), _reachable(curve, target)
    _require_reachable(target, goal, reachable)
    for _ in range(ROUNDS):
        curve = merged(curve, trials.curve(_between(curve.settings, _choice(curve, target, every))))
    setting = float(curve.settings[_choice(curve, target, every)])
    served = _cross_fitted(trials, curve, target, folds)
    others = _reached(evaluator, trials, served)
    own = _reached(evaluator, trials, trials.served(setting))
    spent_usd = others["cost_usd"].value
    most_usd = max(spent_usd, goal) if target.kind is TargetKind.BUDGET else spent_usd
    return Calibration(
        target=str(target),
        goal=goal,
        quality_per_usd=setting,
        strong=evaluator.models[trials.strong],
        reached={name: _hull(others[name], own[name]) for name in others},
        reachable=reachable,
        forced=forced_spend(trials),
        constant=constant_rival(evaluator, trials, served, most_usd),
        n_requests=log.n,
        protocol=f"{evaluator.summary.protocol}; setting cross-fitted over {len(np.unique(folds))} folds",
        tried=_tried(curve),
    )


def _tried(curve: Curve) -> tuple[TriedSetting, ...]:
    means = (curve.settings, *(part.mean(axis=1) for part in (curve.quality, curve.cost_usd, curve.share)))
    return tuple(
        TriedSetting(quality_per_usd=float(a), quality=float(b), cost_usd=float(c), strong_share=float(d))
        for a, b, c, d in zip(*means, strict=True)
    )


def _reached(evaluator: Evaluator, trials: Trials, probs: FloatArray) -> dict[str, Measured]:
    log = evaluator.log
    found = evaluate(log, probs, evaluator.q_hat, evaluator.options)
    share = _mean(probs[:, trials.strong], np.arange(log.n) if log.cluster_index is None else log.cluster_index)
    return {**{name: Measured.of(e.require()) for name, e in found.items()}, "strong_share": share}


def _hull(others: Measured, own: Measured) -> Measured:
    """Give the cross-fitted value, with an interval that holds those of both evaluations.

    Cross-fitting is right for the rule of choosing, and a little off for the one setting that the whole log chose; the
    setting's own evaluation is right for it, and a little bright, since the same rows chose it.
    """
    lows, highs = (others.low, own.low), (others.high, own.high)
    known = None not in (*lows, *highs)
    low, high = (
        (min(x for x in lows if x is not None), max(x for x in highs if x is not None)) if known else (None, None)
    )
    return replace(others, low=low, high=high)


def _cross_fitted(trials: Trials, curve: Curve, target: Target, folds: IntArray) -> FloatArray:
    """Give the (n, K) probabilities under the setting that, for each fold, the other folds choose."""
    probs = np.empty((trials.log.n, trials.log.n_actions))
    for fold in np.unique(folds):
        held = folds == fold
        chosen = _choice(curve, target, np.flatnonzero(~held))
        probs[held] = trials.served(float(curve.settings[chosen]))[held]
    return probs


def _between(settings: FloatArray, chosen: int) -> FloatArray:
    low, high = settings[max(chosen - 1, 0)], settings[min(chosen + 1, settings.size - 1)]
    return np.linspace(low, high, FINE + 2)[1:-1]


def _goal(target: Target, anchor: FloatArray) -> float:
    return target.value * float(anchor.mean())


def _choice(curve: Curve, target: Target, rows: IntArray) -> int:
    """Choose a setting by what some rows say; where these alone cannot reach the target, the nearest to it."""
    goal = _goal(target, curve.anchor[rows])
    quality, cost, share = (values[:, rows].mean(axis=1) for values in (curve.quality, curve.cost_usd, curve.share))
    if target.kind is TargetKind.STRONG_SHARE:
        return int(np.argmin(np.abs(share - goal)))
    if target.kind is TargetKind.BUDGET:
        within = cost <= goal
        return int(np.argmax(np.where(within, quality, -np.inf))) if within.any() else int(np.argmin(cost))
    within = quality >= goal
    return int(np.argmin(np.where(within, cost, np.inf))) if within.any() else int(np.argmax(quality))


def _reachable(curve: Curve, target: Target) -> tuple[float, float]:
    names = {TargetKind.BUDGET: "cost_usd", TargetKind.QUALITY: "quality", TargetKind.STRONG_SHARE: "share"}
    means = getattr(curve, names[target.kind]).mean(axis=1)
    return float(means.min()), float(means.max())


def _require_reachable(target: Target, goal: float, reachable: tuple[float, float]) -> None:
    low, high = reachable
    missed = {
        TargetKind.BUDGET: goal < low,
        TargetKind.QUALITY: goal > high,
        TargetKind.STRONG_SHARE: not low - SHARE_TOLERANCE <= goal <= high + SHARE_TOLERANCE,
    }
    if missed[target.kind]:
        unit = {TargetKind.BUDGET: "$ per request", TargetKind.QUALITY: "quality", TargetKind.STRONG_SHARE: "share"}
        raise NotEvaluableError(
            f"{target} (that is {goal:.4g}) cannot be reached: over all settings this router reaches {low:.4g} to "
            f"{high:.4g} {unit[target.kind]}; choose a target in that range"
        )


def _mean(values: FloatArray, clusters: IntArray) -> Measured:
    """Give a mean over requests with a normal interval that takes requests of one cluster as one."""
    sums = np.bincount(clusters, weights=values - values.mean())
    half = 1.96 * float(np.sqrt((sums**2).sum())) / values.size
    mean = float(values.mean())
    return Measured(
        value=mean, low=max(mean - half, 0.0), high=min(mean + half, 1.0), estimator="exact", ess=float(values.size)
    )


def _check(evaluator: Evaluator, views: tuple[View, ...], target: Target) -> None:
    if target.of is not None and target.of not in evaluator.models:
        raise InvalidInputError(f"the log has no model {target.of!r}; it has {', '.join(evaluator.models)}")
    for outcome in ("quality", "cost_usd"):
        if outcome not in evaluator.log.outcomes:
            raise NotEvaluableError(f"the log tells no {outcome}; without it no setting can be weighed")
    for view in views:
        settings = view.router.settings
        if STRATEGIES[settings.strategy].preset is not ConstraintPreset.NONE:
            raise InvalidInputError(
                f"the router's strategy {settings.strategy} brings constraints that a calibrated setting would drop; "
                "give these with the requests, and train with another strategy"
            )
