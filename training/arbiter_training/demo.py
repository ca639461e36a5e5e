"""`arbiter demo`: the whole loop on real traffic, from a log to a proof of what the router is worth."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from arbiter.catalog import catalog_for_log
from arbiter.ope import nondecreasing_hull
from arbiter.policies import GreedyPolicy
from arbiter.records import Decision
from arbiter.router import Router
from arbiter_training.evaluation.evaluate import best_single
from arbiter_training.evaluation.records import EvaluationReport, Frontier, LogSummary
from arbiter_training.evaluation.routers import cheapest_keeping, evaluator_of, frontier, policies_of
from arbiter_training.learn import Learned, LearnOptions, learn_router
from arbiter_training.simulate import ByPromptLength, simulate_log
from arbiter_training.traffic import OutcomeMatrix, load_demo_traffic, pivot
from arbiter_training.train import Say

KEEP = 0.97
"""Share of the best single model's quality that the demo's setting must keep, as the training log sees it."""

EXPLORATION = 0.5
"""Share of the simulated log's requests that went to a model at random."""

BUDGETS_USD = (1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4)
"""Dollars per request at which the router is held against the best mixture of constant models."""

PROMPTS = (
    "What is the capital of Australia?",
    "A shop sells pens at 3 for $2 and notebooks at $4 each. I have $30 and need 5 notebooks. How many pens can I buy?",
    "Write a Python function that returns the longest palindromic subsequence of a string, and prove its running time.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """The router against the hull at one budget, by the truth of the second part.

    Attributes
    ----------
    budget_usd : per request.
    hull, router : mean quality at or below that cost.
    """

    budget_usd: float
    hull: float
    router: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualQuality:
    """What the router's quality costs with it and without it.

    Attributes
    ----------
    quality : mean, of both.
    router_usd, mixture_usd : per request; the mixture is the cheapest of constant models that reaches the quality.
    """

    quality: float
    router_usd: float
    mixture_usd: float

    @property
    def saving(self) -> float:
        """Share of the mixture's cost that the router saves."""
        return 1.0 - self.router_usd / self.mixture_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo found.

    Attributes
    ----------
    router : learned from the simulated log.
    learned : its fit.
    report : estimates from a simulated log of the second part, next to the truth.
    budgets : the router against the fixed-model hull.
    saving : share of the best single model's cost that the router saves, by the truth.
    equal_quality : the router against the cheapest mixture of constant models of its quality, by the truth.
    decisions : prompt to decision.
    n_train, twins_removed : requests learned from; requests of the second part left out because the first had them.
    """

    router: Router
    learned: Learned
    report: EvaluationReport
    budgets: tuple[BudgetRow, ...]
    saving: float
    equal_quality: EqualQuality
    decisions: Mapping[str, Decision]
    n_train: int
    twins_removed: int


def run_demo(base: Router, seed: int = 0, say: Say = lambda _: None) -> Demo:
    """Simulate a log, learn from it, evaluate on unseen requests, compare with the truth.

    Parameters
    ----------
    base : the shipped default: features and gatekeeper.
    seed : of the simulated logs and the fit.
    say : is told what happens.

    Raises
    ------
    MissingExtraError
        If the package with the traffic is not installed.
    """
    traffic = load_demo_traffic()
    first, second = pivot(traffic.first), pivot(traffic.second)
    policy = ByPromptLength(exploration=EXPLORATION)
    say(f"first part: {first.n} requests, one of {first.n_models} models asked on each, {EXPLORATION:.0%} at random")
    log = simulate_log(first, policy, seed)
    say("learning from the log: one judged answer per request")
    learned = learn_router(log, catalog_for_log(log.models), base, LearnOptions(seed=seed, risk_floor=False))
    router = _set(learned, log)
    say(f"second part: {second.n} requests never seen; estimating from a log, then comparing with the truth")
    report = _report(router, second, simulate_log(second, policy, seed + 1), traffic.twins_removed)
    best = report.truth[report.baseline]["cost_usd"]
    return Demo(
        router=router,
        learned=learned,
        report=report,
        budgets=against_hull(report, report.frontiers[0]),
        saving=1.0 - report.truth["router"]["cost_usd"] / best,
        equal_quality=at_equal_quality(report),
        decisions=_route(router, seed),
        n_train=log.n,
        twins_removed=traffic.twins_removed,
    )


def _set(learned: Learned, log: OutcomeMatrix) -> Router:
    """Set what a dollar is worth, by the training log's own out-of-fold estimates."""
    router = learned.router
    outlook = router.outlook(log.queries)
    expected = replace(outlook.expectation, quality=learned.quality.out_of_fold)
    value = cheapest_keeping(expected, router.eligible(outlook), KEEP)
    return replace(router, settings=router.settings.valuing(value))


def _report(router: Router, full: OutcomeMatrix, log: OutcomeMatrix, twins: int) -> EvaluationReport:
    outlook = router.outlook(full.queries)
    policies = policies_of(router, outlook)
    summary = LogSummary(
        source="paretobandit 0.1.1, test_holdout",
        fingerprint=full.to_table().fingerprint(),
        n_requests=full.n,
        models=full.models,
        kind="one model per request, simulated from full information",
        protocol=(
            f"learned from a simulated log of the val part; judged on the test part ({twins} near-duplicates of the "
            "val part removed). Policies are estimated from a simulated log of it, one model per request with known "
            "propensities; curve, hull and truth are exact, from all three models' judged answers."
        ),
    )
    read = router.features, router.catalog, summary
    estimated = evaluator_of(log, *read).report(policies)
    # By the truth another model may be the best one, so every model's truth is at hand under the baseline's name.
    singles = {best_single(m): np.tile(np.eye(full.n_models)[k], (full.n, 1)) for k, m in enumerate(full.models)}
    exact = evaluator_of(full, *read).report({**policies, **singles}, (frontier(router, outlook),))
    truth = {row.name: {o: m.value for o, m in row.outcomes.items() if m is not None} for row in exact.rows}
    known = {row.name for row in estimated.rows}
    return replace(
        estimated,
        fixed_models=exact.fixed_models,
        hull=exact.hull,
        frontiers=exact.frontiers,
        scores=exact.scores,
        truth={name: values for name, values in truth.items() if name in known},
    )


def against_hull(report: EvaluationReport, curve: Frontier) -> tuple[BudgetRow, ...]:
    """Hold the router's settings, and mixtures of two of them, against mixtures of constant models at equal cost."""
    fixed = nondecreasing_hull(*np.array(report.hull).T)
    router = nondecreasing_hull([p.cost_usd for p in curve.points], [p.quality for p in curve.points])
    return tuple(
        BudgetRow(budget_usd=b, hull=float(fixed.quality_at(b)), router=float(router.quality_at(b)))
        for b in BUDGETS_USD
    )


def at_equal_quality(report: EvaluationReport) -> EqualQuality:
    """Hold the router's cost against that of the cheapest mixture of constant models of the same quality."""
    truth = report.truth["router"]
    fixed = nondecreasing_hull(*np.array(report.hull).T)
    mixture = float(fixed.cost_at(truth["quality"]))
    return EqualQuality(quality=truth["quality"], router_usd=truth["cost_usd"], mixture_usd=mixture)


def _route(router: Router, seed: int) -> dict[str, Decision]:
    from arbiter.intake import read_request

    greedy = replace(router, policy=GreedyPolicy())
    decisions = greedy.route_batch([read_request(prompt) for prompt in PROMPTS], np.random.default_rng(seed))
    return dict(zip(PROMPTS, decisions, strict=True))
