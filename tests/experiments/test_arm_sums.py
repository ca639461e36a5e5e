"""Sums of one arm equal the plain formulas, whatever is added, corrected or taken away."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter.experiments.arm_sums import ArmSums


def plain(values: dict[str, list[float]]) -> tuple[float, float]:
    """Give the ratio mean over units and its cluster-robust variance, by the textbook."""
    n = np.array([len(found) for found in values.values()], dtype=float)
    s = np.array([sum(found) for found in values.values()])
    mean = s.sum() / n.sum()
    units = len(values)
    variance = ((s - n * mean) ** 2).sum() / n.sum() ** 2 * units / (units - 1) if units > 1 else math.inf
    return float(mean), float(variance)


def test_a_case_on_paper() -> None:
    """Two users, {1, 0} and {1}: mean 2/3, residual sums -1/3 and 1/3, variance 2/9 / 9 * 2."""
    sums = ArmSums()
    for unit, value in (("a", 1.0), ("a", 0.0), ("b", 1.0)):
        sums.change(unit, None, value)
    means = sums.means()
    assert (means.requests, means.units) == (3, 2)
    assert means.mean == pytest.approx(2 / 3)
    assert means.variance == pytest.approx(4 / 81)


def test_nothing_and_one_unit_say_nothing_of_the_variance() -> None:
    """Infinite, so that no interval is drawn."""
    sums = ArmSums()
    assert math.isnan(sums.means().mean) and sums.means().variance == math.inf
    sums.change("a", None, 0.5)
    assert (sums.means().mean, sums.means().variance) == (0.5, math.inf)
    sums.change("a", 0.5, None)
    assert sums.means().units == 0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 1)), min_size=2, max_size=40), st.floats(-1e6, 1e6))
def test_sums_equal_the_textbook_after_corrections(given_values: list[tuple[str, float]], shift: float) -> None:
    """Each value is first given wrong and then corrected; far from zero, too."""
    sums, values = ArmSums(), dict[str, list[float]]()
    for unit, value in given_values:
        sums.change(unit, None, value + shift + 0.25)
        sums.change(unit, value + shift + 0.25, value + shift)
        values.setdefault(unit, []).append(value + shift)
    mean, variance = plain(values)
    found = sums.means()
    assert found.mean == pytest.approx(mean, abs=1e-8 * max(1.0, abs(shift)))
    if math.isfinite(variance):
        assert found.variance == pytest.approx(variance, rel=1e-4, abs=1e-9)
