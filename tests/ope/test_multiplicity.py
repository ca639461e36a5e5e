"""Many questions: adjusted p-values and levels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter.ope import adjusted_p_values, interval_level

P_VALUES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


def test_cases_on_paper():
    """.01, .02, .04: Holm .03, .04, .04; Benjamini and Hochberg .03, .03, .04."""
    p = [0.04, 0.01, 0.02]
    np.testing.assert_allclose(adjusted_p_values(p), [0.04, 0.03, 0.04])
    np.testing.assert_allclose(adjusted_p_values(p, "benjamini_hochberg"), [0.04, 0.03, 0.03])


@given(P_VALUES)
def test_adjusted_lie_between_raw_and_bonferroni(p):
    """Never below the p-value, never above m times it, and Holm never below Benjamini and Hochberg."""
    raw, m = np.array(p), len(p)
    holm, bh = adjusted_p_values(p), adjusted_p_values(p, "benjamini_hochberg")
    assert (bh >= raw * (1 - 1e-12)).all() and (holm >= bh * (1 - 1e-12)).all() and (holm <= 1.0).all()
    assert holm[raw.argmin()] == pytest.approx(min(m * raw.min(), 1.0))


@given(P_VALUES, st.randoms())
def test_order_does_not_matter(p, random):
    """Adjusting commutes with shuffling."""
    order = list(range(len(p)))
    random.shuffle(order)
    for rule in ("holm", "benjamini_hochberg"):
        np.testing.assert_allclose(adjusted_p_values(np.array(p)[order], rule), adjusted_p_values(p, rule)[order])


def test_holm_keeps_the_chance_of_any_false_finding():
    """Of 2,000 families of ten true nulls at most 5 % + 1.5 points (three errors) have a finding."""
    p = np.random.default_rng(0).random((2000, 10))
    assert np.mean([(adjusted_p_values(row) <= 0.05).any() for row in p]) <= 0.065


def test_levels():
    """Ten questions at 95 %: 99.5 % for all at once; with two findings 99 % for these."""
    assert interval_level(0.95, 10, 2) == pytest.approx(0.995)
    assert interval_level(0.95, 10, 2, "benjamini_hochberg") == pytest.approx(0.99)
    assert interval_level(0.95, 1, 0) == pytest.approx(0.95)
    with pytest.raises(ValueError, match="findings"):
        interval_level(0.95, 2, 3)
    with pytest.raises(ValueError, match="rule is"):
        adjusted_p_values([0.5], "sidak")
    with pytest.raises(ValueError, match="from 0 to 1"):
        adjusted_p_values([1.5])
