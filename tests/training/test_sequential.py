"""Critical values of repeated looks: published ones, and the error that they keep."""

import numpy as np
import pytest

from arbiter_training.sequential import LookPlan, spending_boundary, spent


def test_published_boundary():
    """Five even looks at one-sided 2.5 %: 4.8769, 3.3570, 2.6803, 2.2898, 2.0310 (O'Brien-Fleming type)."""
    found = spending_boundary((0.2, 0.4, 0.6, 0.8, 1.0), 0.025)
    np.testing.assert_allclose(found, [4.8769, 3.3570, 2.6803, 2.2898, 2.0310], atol=5e-5)


def test_one_look_is_the_normal_quantile():
    """A plan with one look has nothing to pay for."""
    assert LookPlan(planned_units=100).critical_value(100) == pytest.approx(1.6448536, abs=1e-6)
    assert LookPlan(planned_units=100, method="fixed").critical_value(60) == pytest.approx(1.6448536, abs=1e-6)
    assert spent(1.0, 0.05) == pytest.approx(0.05) and spent(0.2, 0.05) < 1e-4


@pytest.mark.parametrize("fractions", [(0.2, 0.4, 0.6, 0.8, 1.0), (0.5, 0.55, 0.9, 1.0), (0.1, 1.0)])
def test_the_error_over_all_looks_is_the_planned_one(fractions):
    """200,000 random walks cross somewhere in 5 % of cases, within three errors (0.15 points)."""
    rng = np.random.default_rng(0)
    steps = np.sqrt(np.diff((0.0, *fractions)))
    walks = np.cumsum(rng.normal(size=(200_000, len(fractions))) * steps, axis=1)
    crossed = (walks / np.sqrt(fractions) > spending_boundary(fractions, 0.05)).any(axis=1)
    assert crossed.mean() == pytest.approx(0.05, abs=0.0015)


def test_after_the_plan_nothing_is_left():
    """A look beyond the planned end has an infinite critical value; the anytime plan goes on."""
    assert LookPlan(planned_units=100).critical_value(150, (50, 100)) == np.inf
    assert 2.0 < LookPlan(planned_units=100, method="anytime").critical_value(150, (50, 100)) < 4.0


def test_early_looks_need_more():
    """Under spending the bound falls from look to look and ends close to that of a single look."""
    found = spending_boundary((0.2, 0.4, 0.6, 0.8, 1.0), 0.05)
    assert (np.diff(found) < 0).all() and found[-1] < 1.75


def test_wrong_plans_are_named():
    """Sizes, levels, methods and looks that do not grow are refused."""
    with pytest.raises(ValueError, match="planned_units 0"):
        LookPlan(planned_units=0)
    with pytest.raises(ValueError, match="method 'pocock'"):
        LookPlan(planned_units=10, method="pocock")
    with pytest.raises(ValueError, match="more than the one before"):
        LookPlan(planned_units=10).critical_value(5, (5,))
