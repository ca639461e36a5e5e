"""Curves on paper: frontier, hull, areas; strong-weak scores; controls and yardsticks."""

import math

import numpy as np
import pytest

from arbiter.ope import (
    BootstrapPlan,
    aiq,
    cost_matched_shuffle,
    fixed_model_hull,
    hypervolume,
    nondecreasing_hull,
    pareto_frontier,
    router_scores,
    score_columns,
    score_interval,
    scores_of_means,
    strong_weak_curve,
    traffic_shares,
)

COST = [1.0, 2.0, 3.0, 4.0, 2.0]
QUALITY = [0.2, 0.3, 0.8, 0.7, 0.1]


def test_frontier_and_hull_on_paper():
    """(4, .7) and (2, .1) are beaten; (2, .3) lies below the chord from (1, .2) to (3, .8)."""
    assert pareto_frontier(COST, QUALITY).tolist() == [0, 1, 2]
    hull = nondecreasing_hull(COST, QUALITY)
    assert hull.index.tolist() == [0, 2]
    assert hull.quality_at([0.5, 1.0, 2.0, 3.0, 9.0]) == pytest.approx([math.nan, 0.2, 0.5, 0.8, 0.8], nan_ok=True)
    assert hull.cost_at([0.5, 0.9]) == pytest.approx([2.0, math.nan], nan_ok=True)


def test_equal_points_are_kept_once():
    """A duplicate adds neither a corner nor area."""
    assert pareto_frontier([1.0, 1.0], [0.5, 0.5]).tolist() == [0]
    assert hypervolume([1.0, 1.0], [0.5, 0.5], (2.0, 0.0)) == 0.5


def test_aiq_on_paper():
    """Mean height over 1 to 5: a ramp from .2 to .8 over 2, then flat .8 over 2."""
    hull = nondecreasing_hull(COST, QUALITY)
    assert aiq(hull, 1.0, 5.0) == pytest.approx((0.5 * 2 + 0.8 * 2) / 4)
    assert aiq(hull, 0.0, 2.0) == pytest.approx((0.0 + 0.35) / 2)
    with pytest.raises(ValueError, match="low < high"):
        aiq(hull, 1.0, 1.0)


def test_hypervolume_on_paper():
    """Steps of .2 from 1 to 2, .3 from 2 to 3, .8 from 3 to 5."""
    assert hypervolume(COST, QUALITY, (5.0, 0.0)) == pytest.approx(0.2 + 0.3 + 1.6)
    assert hypervolume(COST, QUALITY, (1.0, 0.0)) == 0.0


def test_hull_holds_all_points_and_mixtures():
    """No point and no mixture of two lies above; qualities rise, slopes fall."""
    rng = np.random.default_rng(0)
    cost, quality = rng.random(60), rng.random(60)
    hull = nondecreasing_hull(cost, quality)
    reach = hull.quality_at(np.add.outer(cost, cost) / 2)
    assert (np.add.outer(quality, quality) / 2 <= reach + 1e-12).all()
    slopes = np.diff(hull.quality) / np.diff(hull.cost)
    assert (slopes > 0).all() and (np.diff(slopes) < 0).all()


@pytest.mark.parametrize("points", [([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0])])
def test_wrong_points_are_refused(points):
    """Empty, unequal or not finite."""
    with pytest.raises(ValueError, match="expected"):
        pareto_frontier(*points)


def test_fixed_model_hull_is_that_of_the_means():
    """The middle model is below the mixture of the other two."""
    quality = np.array([[0.0, 0.4, 1.0], [0.4, 0.4, 1.0]])
    hull = fixed_model_hull(np.tile([1.0, 2.0, 3.0], (2, 1)), quality)
    assert hull.index.tolist() == [0, 2]
    assert hull.quality.tolist() == [0.2, 1.0]


def test_a_random_router_has_apgr_one_half_and_cpt_on_the_diagonal():
    """A score unrelated to quality: the line from weak to strong."""
    curve = strong_weak_curve(np.arange(1000) % 100, np.zeros(1000), np.ones(1000))
    assert curve.apgr == pytest.approx(0.5)
    assert (curve.cpt(0.5), curve.cpt(0.8)) == (pytest.approx(0.5), pytest.approx(0.8))
    assert (curve.strong_share[0], curve.strong_share[-1]) == (0.0, 1.0)


def test_a_perfect_score_on_paper():
    """Half need the strong model and score higher: quality full at half the calls; APGR .75."""
    need = np.repeat([0.0, 1.0], 500)
    curve = strong_weak_curve(need + np.linspace(0, 0.5, 1000), 1.0 - need, np.ones(1000))
    assert curve.apgr == pytest.approx(0.75, abs=0.005)
    assert curve.cpt(0.5) == pytest.approx(0.25, abs=0.005)
    assert math.isnan(curve.cpt(1.5))


def test_models_that_are_equally_good_have_no_apgr():
    """There is no gap to recover, as in a resample of few requests."""
    curve = strong_weak_curve(np.arange(10), np.ones(10), np.ones(10))
    assert math.isnan(curve.apgr)


def test_constant_scores_give_a_curve_still():
    """With one score for all the two ends remain."""
    curve = strong_weak_curve(np.zeros(10), np.zeros(10), np.ones(10))
    assert curve.strong_share.tolist() == [0.0, 1.0]
    assert curve.apgr == pytest.approx(0.5)


def test_the_shuffle_costs_what_the_router_costs():
    """The router sends long requests to the dear model; the control must spend as much."""
    rng = np.random.default_rng(1)
    length = rng.exponential(size=500)
    cost = length[:, None] * np.array([1.0, 10.0])
    quality = rng.random((500, 2))
    probs = np.eye(2)[(length > np.median(length)).astype(int)]
    control = cost_matched_shuffle(probs, quality, cost)
    assert control.cost == pytest.approx((probs * cost).sum(axis=1).mean())
    assert control.traffic.sum() == pytest.approx(1.0)
    same_price = cost_matched_shuffle(probs, quality, np.ones((500, 2)))
    assert same_price.traffic == pytest.approx(traffic_shares(probs))
    assert same_price.quality == pytest.approx(traffic_shares(probs) @ quality.mean(axis=0))


def test_router_scores_on_paper():
    """Two requests, each model right on one; the router right on both has no regret."""
    utility = np.eye(2)
    found = router_scores(np.eye(2), utility)
    assert (found.value, found.best_single, found.random, found.oracle) == (1.0, 0.5, 0.5, 1.0)
    assert (found.gain_over_best_single, found.gap_to_oracle, found.headroom_recovered) == (0.5, 0.0, 1.0)
    assert router_scores(np.full((2, 2), 0.5), utility).regret == 0.5


def test_score_intervals_hold_the_score():
    """The interval is around the score, narrower with more data, and zero for a constant."""
    rng = np.random.default_rng(2)
    plan = BootstrapPlan(resamples=200)

    def gain(means):
        return scores_of_means(means).gain_over_best_single

    widths = []
    for n in (200, 3200):
        utility = rng.random((n, 3)) * np.array([1.0, 0.5, 0.5])
        columns = score_columns(np.eye(3)[utility.argmax(axis=1)], utility)
        low, high = score_interval(columns, gain, plan=plan)
        assert low < gain(columns.mean(axis=0)) < high
        widths.append(high - low)
    assert 3.0 < widths[0] / widths[1] < 5.5
    assert score_interval(np.ones((50, 4)), gain, plan=plan) == (0.0, 0.0)
