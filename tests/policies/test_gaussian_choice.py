"""Laws of the probability that a normal score is the greatest."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.policies.gaussian_choice import best_arm_probabilities, normal_cdf

BOUND = 4e-3


def phi(x: float) -> float:
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def test_the_normal_distribution_function_is_right_to_4e_7() -> None:
    """Against the standard library, far into both tails, and never outside [0, 1]."""
    x = np.linspace(-9, 9, 2001)
    np.testing.assert_allclose(normal_cdf(x), [phi(v) for v in x], atol=4e-7)
    assert normal_cdf(np.array([-1e300, 1e300])).tolist() == pytest.approx([0.0, 1.0], abs=1e-9)


@given(
    m=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    s=st.tuples(st.floats(0.01, 2), st.floats(0.01, 2)),
)
@settings(max_examples=200, deadline=None)
def test_two_arms_have_a_closed_form(m: tuple[float, float], s: tuple[float, float]) -> None:
    """P(first is greater) = Phi((m1 - m2) / sqrt(s1^2 + s2^2))."""
    p = best_arm_probabilities(np.array(m), np.array(s))
    assert p[0] == pytest.approx(phi((m[0] - m[1]) / math.hypot(*s)), abs=BOUND)


@pytest.mark.parametrize("k", [3, 5, 10, 20])
@pytest.mark.parametrize("spread", [0.0, 0.2, 1.5])
def test_probabilities_are_those_of_sampling(k: int, spread: float) -> None:
    """Within 4e-3 of 200,000 sampled maxima, beside five standard errors of the sample; fixed seed."""
    rng = np.random.default_rng(k)
    mean, sd = rng.normal(0, 0.1, k), 0.1 * np.exp(rng.normal(0, spread, k))
    n = 200_000
    wins = np.bincount((mean + sd * rng.standard_normal((n, k))).argmax(axis=1), minlength=k) / n
    p = best_arm_probabilities(mean, sd)
    assert (np.abs(p - wins) < BOUND + 5 * np.sqrt(p * (1 - p) / n)).all()


@pytest.mark.parametrize("k", [3, 10, 40])
@pytest.mark.parametrize("gap", [0.25, 0.375, 0.5, 1.0, 2.0])
def test_means_that_differ_by_whole_steps_of_the_grid_are_no_exception(k: int, gap: float) -> None:
    """One better arm among equals: its chance is the integral of Phi^(k-1), here by a grid of 8,001 points."""
    z = np.linspace(-8, 8, 8001)
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    best = float((density * normal_cdf(z + gap) ** (k - 1)).sum())
    p = best_arm_probabilities(np.r_[np.zeros(k - 1), gap], np.ones(k))
    assert p[-1] == pytest.approx(best, abs=BOUND)
    np.testing.assert_allclose(p[:-1], (1 - best) / (k - 1), atol=BOUND)


@given(
    mean=st.lists(st.floats(-1, 1), min_size=1, max_size=8),
    seed=st.integers(0, 99),
    shift=st.floats(-5, 5),
    scale=st.floats(0.1, 10),
)
@settings(max_examples=150, deadline=None)
def test_it_is_a_distribution_that_neither_place_nor_unit_changes(
    mean: list[float], seed: int, shift: float, scale: float
) -> None:
    """It sums to 1, and moving or scaling all scores together changes nothing."""
    m, s = np.array(mean), np.random.default_rng(seed).uniform(1e-3, 1, len(mean))
    p = best_arm_probabilities(m, s)
    assert (p >= 0).all()
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(best_arm_probabilities(scale * m + shift, scale * s), p, atol=1e-5)


def test_certain_scores_choose_as_the_greatest_does() -> None:
    """As the errors vanish all probability goes to the greatest mean; a lone arm has 1."""
    p = best_arm_probabilities(np.array([0.1, 0.3, 0.2]), np.full(3, 1e-6))
    np.testing.assert_allclose(p, [0, 1, 0], atol=1e-9)
    assert best_arm_probabilities(np.array([0.5]), np.array([0.1])).tolist() == [1.0]


def test_a_better_mean_never_lowers_the_own_probability() -> None:
    """Monotone up to the error of the quadrature."""
    sd = np.array([0.1, 0.2, 0.05, 0.3])
    p = [best_arm_probabilities(np.array([m, 0.0, 0.1, -0.1]), sd)[0] for m in np.linspace(-0.5, 0.8, 60)]
    assert (np.diff(p) > -BOUND).all()
    assert p[0] < 0.02
    assert p[-1] > 0.95
