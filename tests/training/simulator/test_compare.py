"""Laws of simulated comparisons."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import small_learned, small_truth

from arbiter.policies import BanditPolicy, GreedyPolicy
from arbiter.router import Router
from arbiter_training.simulator import Player, Scenario
from arbiter_training.simulator.chart import Frame, chart
from arbiter_training.simulator.compare import ALONE, SERVED, STATIC, Contest, Spread, along, simulate
from arbiter_training.simulator.page import lines, render, verdict


def quiet(_: str) -> None:
    """Say nothing."""


def contest(router: Router, n: int) -> Contest:
    return Contest(player=Player(router, small_truth(n, seed=1), small_truth()))


def test_a_spread_by_hand() -> None:
    """Three values: mean 2, deviation 1, t of two degrees of freedom 4.303."""
    found = Spread.of(np.array([1.0, 2.0, 3.0]))
    assert found.value == 2.0
    assert found.high - 2.0 == pytest.approx(4.3027 / np.sqrt(3), abs=1e-3)
    assert np.isnan(Spread.of(np.array([1.0])).low)


def test_parts_of_a_stream_average_to_its_mean() -> None:
    """Equal parts, in order; a short stream is its own parts."""
    values = np.arange(75.0)
    assert along(values).mean() == values.mean() and (np.diff(along(values)) > 0).all()
    assert along(np.arange(7.0)).tolist() == list(range(7))


def test_gains_are_paired_and_the_reference_has_none() -> None:
    """Gain is utility less the reference's; shares sum to 1; the best model is a row; the page holds all."""
    router = small_learned().router
    fresh = replace(router, policy=BanditPolicy.fresh(3, router.context_map.dim))
    found = simulate(contest(fresh, 120), Scenario(), range(3), quiet)
    rows = {row.name: row for row in found.rows}
    assert list(rows)[:3] == [SERVED, STATIC, ALONE] and list(rows)[3].startswith("always ")
    assert rows[STATIC].gain.value == 0.0
    for row in found.rows:
        assert row.gain.value == pytest.approx(row.utility.value - rows[STATIC].utility.value)
        np.testing.assert_allclose(row.shares.sum(axis=1), 1.0)
    page, said = render(found), lines(found)
    assert all(name in page for name in list(rows)[:3])
    assert said[-1] == verdict(found) and len(said) == 6
    static_only = simulate(contest(replace(router, policy=GreedyPolicy()), 60), Scenario(), range(1), quiet)
    assert [row.name for row in static_only.rows][:2] == [SERVED, STATIC] and len(static_only.rows) == 3


def test_names_of_a_drawing_do_not_overlap_and_are_escaped() -> None:
    """Three curves that end at one place are named 17 pixels apart."""
    drawn = chart([("<a>", np.ones(5)), ("b", np.ones(5)), ("c", np.linspace(0, 1, 5))], Frame(requests=5))
    assert "&lt;a&gt;" in drawn and "<a>" not in drawn
    places = [float(part.split('y="')[1].split('"')[0]) for part in drawn.split('class="name')[1:]]
    assert min(np.diff(sorted(places))) >= 16.9
