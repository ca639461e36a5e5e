"""The page of a plan: complete, escaped, and silent in a browser."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "planning"))

from plan_samples import JANUARY, MODERATION, SUMMARIES, SUPPORT, planned  # beside the library's tests

from arbiter.planning import Plan
from arbiter_training.planning.charts import band_chart, bar_chart
from arbiter_training.planning.page import render_plan, sentence

HOSTILE = "<script>alert(1)</script>"


def plan(folder: Path, name: str = "support") -> Plan:
    """Give a plan of everything that a page can show."""
    relaxed = SUPPORT.replace('"support"', f'"{name}"').replace("= 0.8", "= 0.9") + "max_cost_usd = 0.0005\n"
    relaxed = relaxed.replace("= 10.0", "= 60.0") + 'incumbent = "claude-haiku-3-5"\n'
    return planned(folder, JANUARY.replace("months = 1", "months = 12"), relaxed, SUMMARIES, MODERATION)


def test_the_page_holds_every_part(tmp_path: Path) -> None:
    """Every use case, model of a chain, budget, technique, pattern and what was given up."""
    made = plan(tmp_path)
    page = render_plan(made)
    for each in made.recommendations:
        assert all(name in page for name in (each.use_case, *each.chain))
    assert "max_cost_usd given up" in page and "Roadmap" in page and sentence(made) in page
    for row in made.savings[0].rows:
        assert row.technique.replace("_", " ") in page
    for pattern in made.resilience[0].patterns:
        assert pattern.pattern.replace("_", " ") in page
    assert all(str(budget.kind).replace("_", " ") in page for budget in made.budgets)


def test_names_from_the_file_are_escaped(tmp_path: Path) -> None:
    """A use case may be called anything."""
    page = render_plan(plan(tmp_path, HOSTILE))
    assert HOSTILE not in page and "&lt;script&gt;" in page


def test_drawings_of_one_month_and_of_nothing(tmp_path: Path) -> None:
    """One point is no line to divide by; no spend is drawn at the foot."""
    projection = planned(tmp_path, JANUARY, SUPPORT).projection
    assert "NaN" not in band_chart(projection.by_month(), "x") and "2027-01" in band_chart(projection.by_month(), "x")
    assert "<rect" in bar_chart([("a", 0.0, "nothing")], "x")
    free = SUPPORT.replace("= 0.8", "= 0.5").replace("= 10.0", "= 60.0") + "local_only = true\n"
    assert "<svg" in render_plan(planned(tmp_path, JANUARY, free))


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_and_is_silent(tmp_path: Path, width: int) -> None:
    """In Chromium it scrolls sideways at no width, asks for nothing, and leaves the console empty."""
    import shutil

    sys.path.append(str(Path(__file__).parents[1]))
    from test_report_browser import NAMES, measured

    browser = next((path for name in NAMES if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    found = measured(browser, tmp_path, render_plan(plan(tmp_path, HOSTILE)), width)
    assert found["drawings"] >= 2
