"""Scores of policies and curves, each with an interval: functions of column means, resampled together.

Every column is a doubly robust score per request (the outcome itself where all models were scored), so one code serves
full information and partial logs. What the log cannot tell gets no score: the best model in hindsight, for one, is
known only where every model was scored on every request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.ope import (
    Hull,
    RouterScores,
    StrongWeakCurve,
    aiq,
    bootstrap_means,
    hypervolume,
    nondecreasing_hull,
    percentile_interval,
    shuffled_control,
    strong_weak_masks,
)
from arbiter_training.evaluation.records import PolicyFamily, Score

FloatArray = NDArray[np.float64]
Columns = NDArray[np.int64]
Statistic = Callable[[FloatArray], float]

CONSTANT = "constant models"
CPT_LEVELS = (0.5, 0.8)
LEAST_SHARE = 0.0005
"""Least share of the traffic that is worth a score of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorable:
    """What can be scored.

    Attributes
    ----------
    models : K names.
    quality : (n, K) doubly robust scores.
    cost_usd : the same; None where no cost was logged.
    known : columns of the models that the log can tell, rising.
    hindsight : (n,) quality of the best model per request; None save on full information.
    policies : name to (n, K) action probabilities, of those that the log can tell.
    families : with the settings that the log can tell.
    clusters : (n,) session of each request.
    """

    models: tuple[str, ...]
    quality: FloatArray
    cost_usd: FloatArray | None
    known: Columns
    hindsight: FloatArray | None
    policies: Mapping[str, FloatArray]
    families: tuple[PolicyFamily, ...]
    clusters: NDArray[np.int64] | None


@dataclass(slots=True)
class _Sheet:
    """Columns per request, and the statistics of their means."""

    columns: list[FloatArray] = field(default_factory=list)
    asked: list[tuple[str, str, Statistic]] = field(default_factory=list)

    def add(self, table: FloatArray) -> Columns:
        """Take over an (n,) column or an (n, d) table; give the places of its columns."""
        start = len(self.columns)
        self.columns.extend(table.reshape(len(table), -1).T)
        return np.arange(start, len(self.columns))

    def ask(self, name: str, of: str, statistic: Statistic) -> None:
        """Ask for a score."""
        self.asked.append((name, of, statistic))

    def answer(self, clusters: NDArray[np.int64] | None) -> tuple[Score, ...]:
        """Compute all scores; those that do not exist on this log are left out."""
        if not self.asked:
            return ()
        table = np.column_stack(self.columns)
        means, drawn = table.mean(axis=0), bootstrap_means(table, clusters)
        found = []
        for name, of, statistic in self.asked:
            value = statistic(means)
            if np.isfinite(value):
                replicates = np.array([statistic(row) for row in drawn])
                low, high = percentile_interval(replicates[np.isfinite(replicates)])
                found.append(Score(name=name, of=of, value=value, low=low, high=high))
        return tuple(found)


def scores_of(given: Scorable) -> tuple[Score, ...]:
    """Score policies and curves.

    Parameters
    ----------
    given : what the log can tell.

    Returns
    -------
    scores : with percentile intervals of 1,000 block resamples, by sessions; names are those of
        :mod:`arbiter_training.report.definitions`.
    """
    sheet = _Sheet()
    models = sheet.add(given.quality)
    spent = None if given.cost_usd is None else sheet.add(given.cost_usd)
    oracle = None if given.hindsight is None else sheet.add(given.hindsight)
    if given.known.size:
        for name, probs in given.policies.items():
            _ask_policy(sheet, given, name, probs, (models, spent, oracle))
        if spent is not None:
            _ask_curves(sheet, given, models, spent)
        for family in given.families:
            _ask_pair(sheet, given, family)
    return sheet.answer(given.clusters)


def _ask_policy(
    sheet: _Sheet,
    given: Scorable,
    name: str,
    probs: FloatArray,
    places: tuple[Columns, Columns | None, Columns | None],
) -> None:
    models, spent, oracle = places
    value, shares = sheet.add((probs * given.quality).sum(axis=1))[0], sheet.add(probs)
    known = models[given.known]
    best = known[np.argmax(given.quality.mean(axis=0)[given.known])]

    def scores(m: FloatArray) -> RouterScores:
        best_of_all = np.nan if oracle is None else m[oracle[0]]
        single, mean = float(m[best]), float(m[known].mean())
        return RouterScores(value=float(m[value]), best_single=single, random=mean, oracle=float(best_of_all))

    sheet.ask("gain over best single", name, lambda m: scores(m).gain_over_best_single)
    if oracle is not None:
        sheet.ask("gap to oracle (regret)", name, lambda m: scores(m).gap_to_oracle)
        sheet.ask("headroom recovered", name, lambda m: scores(m).headroom_recovered)
    if spent is not None and given.cost_usd is not None:
        cost = sheet.add((probs * given.cost_usd).sum(axis=1))[0]
        mixtures = _path(known, spent[given.known], sheet)
        sheet.ask("gain over mixtures", name, lambda m: float(m[value] - mixtures(m).quality_at(m[cost])))
        if set(np.flatnonzero(probs.any(axis=0))) <= set(given.known.tolist()):
            sheet.ask(
                "gain over cost-matched shuffle",
                name,
                lambda m: float(m[value]) - shuffled_control(m[shares], m[models], m[spent], float(m[cost])).quality,
            )
    for share, model in zip(shares.tolist(), given.models, strict=True):
        if probs[:, given.models.index(model)].mean() >= LEAST_SHARE:
            sheet.ask(f"traffic to {model}", name, lambda m, share=share: float(m[share]))  # type: ignore[misc]


def _path(quality: Columns, cost: Columns, sheet: _Sheet) -> Callable[[FloatArray], Hull]:
    """Return the curve through the corners of these points' hull.

    The corners are those of the log itself: to pick them anew in every resample would take the luckiest each time, and
    raise what a policy is held against.
    """
    means = [np.array([sheet.columns[i].mean() for i in places]) for places in (cost, quality)]
    corners = nondecreasing_hull(*means).index

    def curve(m: FloatArray) -> Hull:
        order = np.argsort(m[cost[corners]], kind="stable")
        at = corners[order]
        return Hull(cost=m[cost[at]], quality=m[quality[at]], index=at)

    return curve


def _ask_curves(sheet: _Sheet, given: Scorable, models: Columns, spent: Columns) -> None:
    """Ask for area and volume, of all curves over the cost range of the constant models' hull."""
    assert given.cost_usd is not None
    quality, cost = models[given.known], spent[given.known]
    means = given.cost_usd.mean(axis=0)[given.known], given.quality.mean(axis=0)[given.known]
    fixed = nondecreasing_hull(*means)  # the range that areas are taken over is one for all resamples
    cheapest, best, dearest = float(fixed.cost[0]), float(fixed.cost[-1]), float(means[0].max())
    curves = [(CONSTANT, quality, cost)]
    for family in given.families:
        if len(family.action_probs):
            tables = [np.einsum("mnk,nk->nm", family.action_probs, t) for t in (given.quality, given.cost_usd)]
            curves.append((family.name, sheet.add(tables[0]), sheet.add(tables[1])))

    def area(m: FloatArray, path: Callable[[FloatArray], Hull]) -> float:
        return aiq(path(m), cheapest, best) if cheapest < best else float("nan")

    def volume(m: FloatArray, path: Callable[[FloatArray], Hull]) -> float:
        curve = path(m)
        return hypervolume(curve.cost, curve.quality, (dearest, 0.0)) / dearest if dearest > 0.0 else float("nan")

    for name, q, c in curves:
        path = _path(q, c, sheet)
        sheet.ask("AIQ", name, lambda m, path=path: area(m, path))  # type: ignore[misc]
        sheet.ask("hypervolume", name, lambda m, path=path: volume(m, path))  # type: ignore[misc]


def _ask_pair(sheet: _Sheet, given: Scorable, family: PolicyFamily) -> None:
    """Ask for the scores of routers between two models."""
    predicted = family.predicted_quality
    if predicted is None or given.quality.shape[1] != 2 or given.known.size < 2:
        return
    strong = int(np.argmax(given.quality.mean(axis=0)))
    high, low = given.quality[:, strong], given.quality[:, 1 - strong]
    masks = strong_weak_masks(predicted[:, strong] - predicted[:, 1 - strong])
    shares, ends = sheet.add(masks.T), sheet.add(np.column_stack([low, high]))
    curve = sheet.add((low + masks * (high - low)).T)

    def drawn(m: FloatArray) -> StrongWeakCurve:
        return StrongWeakCurve(
            strong_share=m[shares], quality=m[curve], weak=float(m[ends[0]]), strong=float(m[ends[1]])
        )

    sheet.ask("APGR", family.name, lambda m: drawn(m).apgr)
    for level in CPT_LEVELS:
        sheet.ask(f"CPT({level:.0%})", family.name, lambda m, level=level: drawn(m).cpt(level))  # type: ignore[misc]
