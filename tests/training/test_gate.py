"""The gate: each requirement can stop a challenger, and none lets it through by luck more often than agreed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from arbiter.ope import EstimateOptions, LoggedFeedback
from arbiter_training.gate import GateRules, Recommendation, decide
from arbiter_training.gate_checks import GateEvidence, schema_problems
from arbiter_training.gate_simulation import (
    GateSetting,
    draw_evidence,
    first_requests,
    markdown,
    power_curve,
    promotion_rate,
)
from arbiter_training.sequential import LookPlan

N = 6000


def rules(**changes):
    """Give rules with a single look at the whole log."""
    return replace(GateRules(looks=LookPlan(planned_units=N), max_drop=None), **changes)


def evidence(better=0.1, dearer=0.0, seed=0, hurt=0.0):
    """Draw a uniform log of two models and two domains; the challenger takes the second model, better by `better`.

    In domain "law", a fifth of the requests, it is worse by `hurt` instead.
    """
    rng = np.random.default_rng(seed)
    law = rng.random(N) < 0.2
    action = rng.integers(0, 2, N)
    lift = np.where(law & (hurt > 0), -hurt, better)
    quality = (rng.random(N) < 0.6 + lift * action).astype(float)
    cost = 0.001 + dearer * action + 1e-5 * rng.random(N)
    log = LoggedFeedback.from_bandit(action, {"quality": quality, "cost_usd": cost}, np.full(N, 0.5), 2)
    # Not the constant models: each policy keeps a tenth of the other's choice, so that "use the constant" stays out.
    return GateEvidence(
        log=log,
        models=("old", "new"),
        challenger=np.tile([0.1, 0.9], (N, 1)),
        champion=np.tile([0.9, 0.1], (N, 1)),
        segments={"domain": np.where(law, "law", "other")},
    )


def routed(seed=0):
    """Draw the same kind of log where each model is better on half of the requests; the challenger knows which."""
    rng = np.random.default_rng(seed)
    given, kind = evidence(seed=seed), rng.integers(0, 2, N)
    right = given.log.action == kind
    quality = (rng.random(N) < 0.6 + 0.2 * right).astype(float)
    outcomes = {"quality": quality, "cost_usd": given.log.outcomes["cost_usd"]}
    return replace(given, log=replace(given.log, outcomes=outcomes), challenger=0.1 + 0.8 * np.eye(2)[kind])


def test_a_better_challenger_is_promoted_and_the_reasons_say_what_was_shown():
    """Each request to its better model: promote, every figure passed, and no constant model is in the way."""
    found = decide(routed(), rules(max_drop=0.05, floors={"*": 0.5}, budget_usd=0.01, quality_per_usd=1.0))
    assert found.promote and found.recommendation is Recommendation.PROMOTE
    assert all(check.passed for check in found.figures)
    assert "above" in found.figures[0].reason
    assert {c.name for c in found.figures} == {
        "utility over the champion",
        "propensities",
        "quality in domain=law",
        "quality over the champion in domain=law",
        "quality in domain=other",
        "quality over the champion in domain=other",
        "budget",
        "schema",
    }
    json.dumps(found.to_dict())


@pytest.mark.parametrize(
    ("given", "changes", "word"),
    [
        (evidence(better=0.0), {}, "utility over the champion is"),
        (evidence(better=0.1, dearer=0.2), {"quality_per_usd": 1.0}, "utility over the champion is"),
        (evidence(hurt=0.3), {"max_drop": 0.05}, "quality over the champion in domain=law"),
        (evidence(hurt=0.3), {"floors": {"domain=law": 0.5}}, "quality in domain=law"),
        (evidence(dearer=0.01), {"budget_usd": 0.005}, "dollars per request with upper bound"),
        (replace(evidence(), predicted_quality=np.full((N, 2), 0.95)), {}, "predicted quality is off"),
        (replace(evidence(), log=replace(evidence().log, observational=True)), {}, "observational"),
        (replace(evidence(), log=replace(evidence().log, inclusion=np.full(N, 0.4))), {}, "mean weight is off"),
        (replace(evidence(), schema_problems=("the bundle has schema 0",)), {}, "schema 0"),
    ],
)
def test_each_requirement_alone_stops_it(given, changes, word):
    """A challenger that misses one requirement is kept out, with that requirement as a reason."""
    found = decide(given, rules(**changes))
    assert not found.promote
    assert any(word in reason for reason in found.reasons), found.reasons


def test_a_margin_lets_an_equal_but_cheaper_one_through():
    """Equal quality does not pass at margin 0 and passes at margin 0.05."""
    given = evidence(better=0.0, seed=1)
    assert not decide(given, rules()).promote
    assert decide(given, rules(margin=0.05)).promote


def test_the_constant_model_can_be_the_answer():
    """Where one model alone is better than champion and challenger, the gate names it instead of a router."""
    given = evidence(better=0.3)
    found = decide(replace(given, challenger=np.tile([0.5, 0.5], (N, 1))), rules())
    assert not found.promote and found.recommendation is Recommendation.USE_CONSTANT and found.constant == "new"
    assert "constant model new" in found.reasons[-1]


def test_the_same_policy_is_not_promoted():
    """Challenger equal to champion: the difference is zero without error, which is not above zero."""
    given = evidence(better=0.0)
    found = decide(replace(given, challenger=given.champion), rules())
    assert not found.promote and found.figures[0].estimate == 0.0


def test_a_log_that_cannot_tell_keeps_the_champion():
    """Deterministic logging: no figure, the verdict's reason; too small an effective sample: said so."""
    given = evidence()
    blind = replace(given, log=replace(given.log, inclusion=np.ones(N)))
    found = decide(blind, rules())
    assert not found.promote and "cannot be known" in found.reasons[0]
    few = first_requests(given, 90)
    found = decide(few, rules(looks=LookPlan(planned_units=90), margin=0.9))
    assert not found.promote and "too few to decide" in found.reasons[0]


def test_looks_beyond_the_plan_decide_nothing():
    """When the error is spent the gate asks for a new plan."""
    found = decide(evidence(), rules(looks=LookPlan(planned_units=3000)), (3000,))
    assert not found.promote and "no error is left" in found.reasons[0]


def test_estimated_propensities_pass_where_the_rules_accept_them():
    """The same log, labelled observational, stops the challenger or not as the rules say."""
    given = routed()
    labelled = replace(given, log=replace(given.log, observational=True))
    assert not decide(labelled, rules()).promote
    assert decide(labelled, rules(accept_observational=True)).promote


def test_small_segments_are_not_asked():
    """A segment below the share, or without the effective size, has no floor to keep."""
    given = evidence(hurt=0.3)
    assert not any("law" in c.name for c in decide(given, rules(max_drop=0.05, large_share=0.3)).figures)
    assert any("law" in c.name for c in decide(given, rules(max_drop=0.05)).figures)


def test_schema_problems_are_named():
    """Another schema, unknown and dropped candidates each give a sentence; a fitting manifest none."""
    assert schema_problems({"schema_version": 1, "models": ["a", "b"]}, ["a", "b"], 1) == ()
    found = schema_problems({"schema_version": 0, "models": ["a", "c"]}, ["a", "b"], 1)
    assert len(found) == 3 and "'c'" in found[1] and "'b'" in found[2]


def test_wrong_rules_and_logs_are_named():
    """Negative margins and logs without cost are refused."""
    with pytest.raises(ValueError, match="margin is -1"):
        rules(margin=-1.0)
    log = LoggedFeedback.from_bandit([0, 1], [1.0, 0.0], [0.5, 0.5], 2)
    with pytest.raises(ValueError, match="the gate needs"):
        GateEvidence(log=log, models=("a", "b"), challenger=np.eye(2), champion=np.eye(2))


def test_nothing_better_is_seldom_promoted():
    """40 A/A runs of five looks: at most 5 % + 10.3 points (three binomial errors)."""
    assert promotion_rate(GateSetting(units=1500), 40).promoted <= 0.153


def test_something_better_is_promoted_and_power_grows_with_the_log():
    """A challenger better by 0.05: power at 5,000 requests above that at 500, and most runs pass."""
    small, large = power_curve((500, 5000), 0.05, runs=15)
    assert large.promoted > small.promoted and large.promoted >= 0.8
    assert large.mean_units < 5000
    assert "| 5, spending | 0 | +0.05 | 5000 | 15 |" in markdown([large])


def test_the_drawn_effect_is_the_true_one():
    """On 200,000 requests the estimated difference is the effect that was asked for, within three errors."""
    found = draw_evidence(GateSetting(effect=0.05, units=200_000), np.random.default_rng(0))
    best = found.only("quality").difference(EstimateOptions(estimators=("dr",))).require()
    assert abs(best.value - 0.05) < 3 * best.stderr < 0.015


@pytest.mark.slow
@pytest.mark.parametrize(("method", "margin"), [("spending", 0.0), ("anytime", 0.0), ("spending", 0.02)])
def test_false_promotions_in_a_thousand_runs(method, margin):
    """1,000 runs of five looks where the truth is on the edge (equal; worse by just the margin): at most 5 %."""
    found = promotion_rate(GateSetting(method=method, margin=margin, effect=-margin), 1000)
    assert found.promoted <= 0.05
