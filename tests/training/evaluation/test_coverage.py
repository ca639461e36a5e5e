"""Simulated coverage of the 95 % intervals in six worlds whose true value is known."""

import pytest

from arbiter_training.evaluation.coverage import ESTIMATORS, Coverage, markdown, measure, requests_for
from arbiter_training.evaluation.worlds import WORLDS


@pytest.mark.parametrize("world", WORLDS)
def test_intervals_cover_roughly(world):
    """Over 150 logs 95 % less at most 5.4 points, three binomial errors; no more than that above where unbiased."""
    found = measure(world, WORLDS[world], 150, 1500)
    for name in ESTIMATORS:
        assert found.covered[name] >= 0.95 - 0.054, (name, found)
    for name in ("ips", "snips", "dr", "sndr"):
        assert found.covered[name] <= 0.95 + 0.054, (name, found)


@pytest.mark.slow
@pytest.mark.parametrize("ess", [500.0, 2000.0])
@pytest.mark.parametrize("world", WORLDS)
def test_intervals_cover(world, ess):
    """Over 2,000 logs at the ESS where verdicts become sound, and above: between 93 % and 97 %."""
    draw = WORLDS[world]
    found = measure(world, draw, 2000, requests_for(draw, ess))
    assert found.ess >= 0.97 * ess
    for name in ESTIMATORS:
        assert 0.93 <= found.covered[name] <= 0.97, (name, found)


def test_the_table_has_a_row_per_world():
    """Shares come out in per cent under the estimator's name."""
    row = Coverage(
        world="w", n=10, runs=2, ess=5.0, covered=dict.fromkeys(ESTIMATORS, 0.955), width=dict.fromkeys(ESTIMATORS, 1.0)
    )
    lines = markdown([row]).splitlines()
    assert lines[0].startswith("| world | requests | ESS | ips |")
    assert lines[2].startswith("| w | 10 | 5 | 95.5 |")
