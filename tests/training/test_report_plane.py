"""Axes and labels of the cost-quality plane."""

import itertools

import numpy as np
import pytest
import report_samples as samples

from arbiter_training.report.drawing import NARROW, WIDE, draw
from arbiter_training.report.placement import Box, Label, place
from arbiter_training.report.plane import LOG_FROM_RATIO, plane_of

FRAME = Box(left=0.0, top=0.0, right=900.0, bottom=400.0)


def plane_with(costs, **changes):
    models = {f"m{i}": (cost, 0.5 + 0.01 * i) for i, cost in enumerate(costs)}
    empty = {"rows": (), "frontiers": (), "hull": (), "truth": {}}
    return plane_of(samples.three_models(fixed_models=models, **{**empty, **changes}), None)


def test_axis_is_logarithmic_only_for_a_wide_range():
    """Costs that span more than the limit go on a logarithmic axis, others on a linear one."""
    assert plane_with([1e-4, 1e-4 * LOG_FROM_RATIO * 1.01]).cost.log
    assert not plane_with([1e-4, 1e-4 * LOG_FROM_RATIO * 0.99]).cost.log


@pytest.mark.parametrize(
    "costs", [[1e-5, 1e-2], [1e-3, 2e-3], [0.0, 1e-4, 1e-2], [0.0, 1e-3], [0.0], [1e-3], [7e-9, 3.0]]
)
def test_everything_lies_on_the_plane_in_order(costs):
    """Each cost has a place from 0 to 1, dearer ones further right, and every tick is on the axis with its own text."""
    axis = plane_with(costs).cost
    places = [axis.place(cost) for cost in sorted(costs)]
    assert all(0.0 <= place <= 1.0 for place in places)
    assert places == sorted(set(places))
    ticks = axis.ticks(9)
    assert 0 < len(ticks) <= 10
    assert all(0.0 <= axis.place(cost) <= 1.0 for cost, _ in ticks)
    assert len({text for _, text in ticks}) == len(ticks)


def test_place_has_no_jump_between_free_and_priced():
    """Between a cost of 0 and the start of the logarithmic part the axis runs on without a jump."""
    axis = plane_with([0.0, 1e-4, 1e-1]).cost
    places = [axis.place(cost) for cost in np.geomspace(axis.low / 1e3, axis.high, 4000)]
    assert np.max(np.diff(places)) < 0.003
    assert np.min(np.diff(places)) > 0.0


def test_hull_is_followed_as_a_mixture():
    """Along the drawn hull quality is linear in dollars, whatever the axis, and level at its right end."""
    plane = plane_of(samples.full_information(), None)
    costs, qualities = np.array(plane.hull).T
    corners = np.array(samples.full_information().hull)
    assert qualities == pytest.approx(np.interp(costs, corners[:, 0], corners[:, 1]), abs=1e-12)
    assert plane.hull[-1] == (plane.cost.high, corners[-1, 1])


def test_leading_curve_comes_first():
    """The curve of the policy that the verdict names is drawn as the leading one."""
    plane = plane_of(samples.sixteen_models(), samples.CHALLENGER)
    assert plane.frontiers[0].name == samples.CHALLENGER


def test_labels_keep_apart_and_inside():
    """Sixteen names around scattered points overlap neither one another nor the frame."""
    rng = np.random.default_rng(0)
    labels = [
        Label(x=float(x), y=float(y), width=150.0, height=16.0)
        for x, y in zip(rng.uniform(80, 820, 16), rng.uniform(30, 370, 16), strict=True)
    ]
    boxes = [placed.box for placed in place(labels, FRAME)]
    assert all(box.outside(FRAME) == 0.0 for box in boxes)
    assert sum(a.overlap(b) for a, b in itertools.combinations(boxes, 2)) == 0.0


def test_far_label_has_a_line_to_its_point():
    """A label that had to move away from its point gets a leader, one beside it does not."""
    alone = Label(x=400.0, y=200.0, width=60.0, height=16.0)
    assert place([alone], FRAME)[0].leader is None
    crowd = place([alone] * 14, FRAME)
    assert any(placed.leader for placed in crowd)


@pytest.mark.parametrize("canvas", [WIDE, NARROW])
@pytest.mark.parametrize("sample", samples.SAMPLES.values(), ids=samples.SAMPLES)
def test_drawing_is_finite(sample, canvas):
    """No coordinate of a drawing is infinite or not a number, even where there is nothing to draw."""
    svg = draw(plane_of(sample(), None), canvas, None)
    assert "nan" not in svg.split("<text")[0] and '"inf' not in svg
    assert svg.startswith("<svg") and svg.endswith("</svg>")
