"""What must be known beside a calibrated setting: the spend that constraints force, and a constant model that beats it.

A setting moves only what the router is free to choose. Where a risk floor or another constraint sends a part of the
requests to a dear model whatever a dollar is worth, a low target is met by starving the rest; a constant model, which
keeps no constraint, may then be the better buy, and the user must hear so.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.constraints import exclusions_of_batch
from arbiter.ope import evaluate_difference
from arbiter_training.evaluation.evaluate import Evaluator
from arbiter_training.evaluation.records import Measured
from arbiter_training.trials import Trials, View

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedSpend:
    """What constraints cost before any setting has a say.

    Attributes
    ----------
    share : of the requests whose cheapest candidate may not answer.
    cost_usd : what these cost at the cheapest that may, in US dollars per request of the whole traffic.
    free_usd : what they would cost at the cheapest of all.
    reason : why not, in the commonest words; None where ``share`` is 0.
    """

    share: float
    cost_usd: float
    free_usd: float
    reason: str | None

    def line(self, spent_usd: float) -> str:
        """Say it to people; ``spent_usd`` is what the setting spends per request."""
        part = f", {self.cost_usd / spent_usd:.0%} of the spend" if spent_usd > 0.0 else ""
        return (
            f"constraints keep the cheapest model from {self.share:.1%} of the requests, mostly: {self.reason}; "
            f"at the next best price these take ${self.cost_usd:.3g} per request of all{part} "
            f"(${self.free_usd:.3g} without constraints)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantRival:
    """The best constant model of no more cost.

    Attributes
    ----------
    model : its name.
    quality, cost_usd : its means per request.
    gain : quality of the router less its own, with a 95 % interval.
    barred : share of the requests that the router's constraints keep from it, and that it would answer nevertheless.
    """

    model: str
    quality: float
    cost_usd: float
    gain: Measured
    barred: float

    @property
    def better(self) -> bool:
        """Whether it beats the router beyond the interval."""
        return self.gain.high is not None and self.gain.high < 0.0

    def line(self) -> str:
        """Say it to people."""
        low, high = self.gain.low, self.gain.high
        interval = "" if low is None or high is None else f" [{low:+.4f}, {high:+.4f}]"
        facts = f"quality {self.quality:.4g} at ${self.cost_usd:.3g}; the router's less its own {self.gain.value:+.4f}"
        against = f"; it would answer {self.barred:.1%} of the requests against the constraints" if self.barred else ""
        verdict = "verdict: use the constant model" if self.better else "best constant model of no more cost:"
        return f"{verdict} {self.model}: {facts}{interval}{against}"


def forced_spend(trials: Trials) -> ForcedSpend:
    """Find out what the constraints of the routers cost, by the log's costs."""
    costs, free, reasons = np.zeros(trials.log.n), np.zeros(trials.log.n), Counter[str]()
    n_forced = 0
    for view, eligible in zip(trials.views, trials.eligible, strict=True):
        expected = view.outlook.expectation.cost_usd  # (n, K)
        rows = np.arange(len(expected))
        cheapest = expected.argmin(axis=1)
        next_best = np.where(eligible, expected, np.inf).argmin(axis=1)
        forced = np.flatnonzero(~eligible[rows, cheapest])
        n_forced += forced.size
        told = trials.scores["cost_usd"][view.rows[forced]]  # (forced, K of the log)
        costs[view.rows[forced]] = told[np.arange(forced.size), view.columns[next_best[forced]]]
        free[view.rows[forced]] = told[np.arange(forced.size), view.columns[cheapest[forced]]]
        reasons.update(_reasons(view, forced, cheapest))
    return ForcedSpend(
        share=n_forced / trials.log.n,
        cost_usd=float(costs.mean()),
        free_usd=float(free.mean()),
        reason=reasons.most_common(1)[0][0] if reasons else None,
    )


def _reasons(view: View, forced: NDArray[np.int64], cheapest: NDArray[np.int64]) -> list[str]:
    """Give why the cheapest may not answer, for each request that is forced, without what is said of it alone."""
    router, outlook = view.router, view.outlook
    queries, profiles = [outlook.queries[i] for i in forced], [outlook.profiles[i] for i in forced]
    expectation = outlook.expectation.take(forced)
    found = exclusions_of_batch(queries, profiles, router.catalog, expectation, router.settings)
    names = [router.catalog.names[k] for k in cheapest[forced]]
    return [reasons[name].partition(", this is")[0] for reasons, name in zip(found, names, strict=True)]


def constant_rival(evaluator: Evaluator, trials: Trials, probs: FloatArray, most_usd: float) -> ConstantRival | None:
    """Find the constant model of the best quality that costs at most so much, and hold the router against it.

    Parameters
    ----------
    evaluator, trials : the log.
    probs : (n, K) with which the router serves.
    most_usd : per request.

    Returns
    -------
    rival : None where every model costs more.
    """
    quality, cost = (trials.scores[name].mean(axis=0) for name in ("quality", "cost_usd"))
    if not (cost <= most_usd).any():
        return None
    k = int(np.where(cost <= most_usd, quality, -np.inf).argmax())
    alone = np.tile(np.eye(quality.size)[k], (trials.log.n, 1))
    paired = evaluate_difference(trials.log, probs, alone, evaluator.q_hat, evaluator.options)["quality"]
    allowed = np.zeros(trials.log.n)
    for view, eligible in zip(trials.views, trials.eligible, strict=True):
        allowed[view.rows] = eligible[:, view.columns == k].any(axis=1)
    return ConstantRival(
        model=evaluator.models[k],
        quality=float(quality[k]),
        cost_usd=float(cost[k]),
        gain=Measured.of(paired.require()),
        barred=float(1.0 - allowed.mean()),
    )
