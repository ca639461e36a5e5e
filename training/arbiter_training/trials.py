"""A log on which settings of a router can be tried: what each would earn and cost, request by request."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.deciding import Outlook
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.ope import LoggedFeedback, doubly_robust_scores
from arbiter.router import Router
from arbiter_training.evaluation.evaluate import Evaluator
from arbiter_training.evaluation.routers import switching_values
from arbiter_training.targets import Target

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a router sees of some requests of a log; it must not have been trained on them.

    Attributes
    ----------
    rows : positions of the requests in the log, ascending.
    columns : positions of the router's candidates among the log's models.
    router, outlook : the router and its estimates on them.
    """

    rows: IntArray
    columns: IntArray
    router: Router
    outlook: Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What m settings do on n requests: doubly robust scores, (m, n) each.

    Attributes
    ----------
    settings : (m,) ascending.
    quality, cost_usd : (m, n) whose means estimate the policy's.
    share : (m, n) probability of the strongest model.
    anchor : (n,) scores of the quality that the target is relative to; ones where it is absolute.
    """

    settings: FloatArray
    quality: FloatArray
    cost_usd: FloatArray
    share: FloatArray
    anchor: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """A log on which settings can be tried.

    Attributes
    ----------
    log, views : as given to :func:`calibrate`.
    eligible : who may answer, per view.
    scores : ``quality`` and ``cost_usd`` to (n, K) doubly robust scores.
    strong : place of the model of the best mean quality.
    anchor : as in :class:`Curve`.
    """

    log: LoggedFeedback
    views: tuple[View, ...]
    eligible: tuple[NDArray[np.bool_], ...]
    scores: Mapping[str, FloatArray]
    strong: int
    anchor: FloatArray

    @classmethod
    def of(cls, evaluator: Evaluator, views: tuple[View, ...], target: Target) -> "Trials":
        """Score the log once for all settings."""
        log = evaluator.log
        scores = {name: doubly_robust_scores(log, name, evaluator.q_hat[name]) for name in ("quality", "cost_usd")}
        return cls(
            log=log,
            views=views,
            eligible=tuple(view.router.eligible(view.outlook) for view in views),
            scores=scores,
            strong=int(np.argmax(scores["quality"].mean(axis=0))),
            anchor=np.ones(log.n) if target.of is None else scores["quality"][:, evaluator.models.index(target.of)],
        )

    def served(self, setting: float) -> FloatArray:
        """Give the (n, K) probabilities with which the routers serve under a setting, exploration included."""
        probs = np.zeros((self.log.n, self.log.n_actions))
        weights = UtilityWeights(quality_per_usd=setting)
        for view, allowed in zip(self.views, self.eligible, strict=True):
            expected = view.outlook.expectation.weighed(weights)
            found = view.router.policy.action_probabilities(view.outlook.contexts, allowed, expected)
            probs[np.ix_(view.rows, view.columns)] = found
        return probs

    def curve(self, settings: FloatArray) -> Curve:
        """Try settings."""
        rows = []
        for setting in settings.tolist():
            probs = self.served(setting)
            rows.append([(probs * table).sum(axis=1) for table in self.scores.values()] + [probs[:, self.strong]])
        quality, cost_usd, share = np.stack(rows, axis=1)
        return Curve(settings=settings, quality=quality, cost_usd=cost_usd, share=share, anchor=self.anchor)


def settings_grid(views: tuple[View, ...], settings: int) -> FloatArray:
    """Give settings at which requests change their candidate, ascending."""
    parts = [view.outlook.expectation for view in views]
    together = Expectation(
        quality=np.concatenate([p.quality for p in parts]),
        quality_se=np.concatenate([p.quality_se for p in parts]),
        cost_usd=np.concatenate([p.cost_usd for p in parts]),
        latency_s=np.concatenate([p.latency_s for p in parts]),
        output_tokens=np.concatenate([p.output_tokens for p in parts]),
    )
    return np.unique(switching_values(together, settings))


def merged(one: Curve, other: Curve) -> Curve:
    """Put the settings of two curves over the same requests in one."""
    settings, first = np.unique(np.concatenate([one.settings, other.settings]), return_index=True)
    names = ("quality", "cost_usd", "share")
    rows = {name: np.concatenate([getattr(one, name), getattr(other, name)])[first] for name in names}
    return Curve(settings=settings, anchor=one.anchor, **rows)
