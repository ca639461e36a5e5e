"""The figures by matplotlib."""

import io
import subprocess
import sys

import pytest
import report_samples as samples

from arbiter.errors import MissingExtraError
from arbiter_training.report.figures import figure_png, frontier_figure, shares_figure

DRAWN = pytest.mark.parametrize("draw", [frontier_figure, shares_figure])


@DRAWN
@pytest.mark.parametrize("sample", samples.SAMPLES.values(), ids=samples.SAMPLES)
def test_figures_are_pictures_of_the_promised_size(draw, sample):
    """Every report, also an empty or hostile one, gives a PNG of 1400 x 800 pixels without a warning."""
    from matplotlib.image import imread

    pixels = imread(io.BytesIO(figure_png(draw(sample()))), format="png")
    assert pixels.shape[:2] == (800, 1400)
    assert pixels[..., :3].min() < 0.5


def test_bars_of_each_policy_fill_the_row():
    """The parts of a policy's bar add up to all of its traffic, also where models are drawn together."""
    report = samples.sixteen_models()
    axes = shares_figure(report).axes[0]
    widths = [patch.get_width() for patch in axes.patches]
    assert sum(widths) == pytest.approx(len(report.rows), abs=1e-6)


def test_no_global_state_of_matplotlib():
    """Drawing imports no pyplot, so it works in a server thread and registers no figure."""
    code = (
        "import sys, report_samples as s, arbiter_training.report as r\n"
        "assert 'matplotlib' not in sys.modules\n"
        "r.figure_png(r.frontier_figure(s.three_models())); r.figure_png(r.shares_figure(s.three_models()))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"], check=True)


@DRAWN
def test_missing_matplotlib_names_the_command(draw, monkeypatch):
    """Without matplotlib the error gives the pip command."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'arbiter-router\[train\]'"):
        draw(samples.three_models())
