"""Laws of drawings of curves along a stream."""

import numpy as np
import pytest

from arbiter_training.simulator.chart import (
    BOTTOM,
    HEIGHT,
    LEAST_GAP,
    ROW,
    WIDTH,
    Frame,
    Marker,
    apart,
    chart,
    round_ticks,
    rows_of,
)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.7431, 0.9612), (-3.2, 118.0), (0.0, 883.0), (0.5, 0.5)])
def test_ticks_are_round_and_hold_the_values(low: float, high: float) -> None:
    """At most seven, equally far apart, multiples of their distance."""
    ticks = round_ticks(low, high)
    assert ticks[0] <= low + 1e-9 and ticks[-1] >= high - 1e-9 and 2 <= len(ticks) <= 7
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0])
    mantissa = steps[0] / 10.0 ** np.floor(np.log10(steps[0]) + 1e-9)
    assert min(abs(mantissa - m) for m in (1.0, 2.0, 2.5, 5.0)) < 1e-6


def test_names_keep_their_order_and_distance_and_stay_above_the_axis() -> None:
    """Five at the lowest place move up, those far above stay."""
    places = [40.0, *[float(HEIGHT - BOTTOM)] * 5]
    moved = apart(places)
    assert moved[0] == 40.0 and max(moved) <= HEIGHT - BOTTOM
    assert min(np.diff(sorted(moved))) >= LEAST_GAP - 1e-9


def test_what_happens_at_nearly_the_same_time_can_be_read() -> None:
    """Texts that would overlap get rows of their own, and the drawing grows by these; the axes stay."""
    markers = [Marker(at=at, text="some model: price x 3") for at in (0.3, 0.32, 0.9, 0.34, 0.62)]
    assert rows_of(markers) == [0, 1, 0, 2, 3]
    assert rows_of([]) == []
    drawn = chart([("a", np.linspace(0.0, 1.0, 5))], Frame(requests=200, markers=tuple(markers)))
    assert f'viewBox="0 {-3 * ROW} {WIDTH} {HEIGHT + 3 * ROW}"' in drawn


def test_what_happens_is_drawn_and_escaped() -> None:
    """A line and a text per marker; early ones to the right of it, late ones to the left."""
    markers = (Marker(at=0.25, text="<b>: price x 10"), Marker(at=0.75, text="b back"))
    drawn = chart([("a", np.linspace(0.0, 1.0, 5))], Frame(requests=200, markers=markers))
    assert drawn.count('class="hull"') == 2 and "&lt;b&gt;: price x 10" in drawn
    assert drawn.index('text-anchor="start"') < drawn.index('text-anchor="end" font-size="13"')
    assert ">200</text>" in drawn
