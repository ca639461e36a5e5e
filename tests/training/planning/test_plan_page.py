"""The page of a plan: complete, escaped, and silent in a browser."""

import dataclasses
import html
from pathlib import Path

from plan_samples import JANUARY, SUPPORT, full_plan, planned

from arbiter.planning.decisions import decisions
from arbiter_training.planning.charts import band_chart, bar_chart
from arbiter_training.planning.page import render_plan, sentence

HOSTILE = "<script>alert(1)</script>"


def test_the_page_holds_every_part(tmp_path: Path) -> None:
    """Every use case, model of a chain, budget, technique, pattern and what was given up."""
    made = full_plan(tmp_path)
    page = render_plan(made)
    for each in made.recommendations:
        assert all(name in page for name in (each.use_case, *each.chain))
    assert "max_cost_usd given up" in page and "Roadmap" in page and sentence(made) in page
    for row in made.savings[0].rows:
        assert row.technique.replace("_", " ") in page
    for pattern in made.resilience[0].patterns:
        assert pattern.pattern.replace("_", " ") in page
    assert all(str(budget.kind).replace("_", " ") in page for budget in made.budgets)


def test_the_page_says_what_is_to_be_decided_and_what_it_rests_on(tmp_path: Path) -> None:
    """Every decision, what the file asks for, and every assumption; a plan may leave nothing open."""
    made = full_plan(tmp_path)
    page = html.unescape(render_plan(made))
    for text in decisions(made):
        assert text[1:] in page
    assert "quality_floor = 0.9; max_latency_s = 60 for 90%" in page and "5,000 +- 0%" in page
    for field in dataclasses.fields(made.spec.assumptions):
        assert field.name.replace("_", " ") in page
    assert " to $" in sentence(made)


def test_names_from_the_file_are_escaped(tmp_path: Path) -> None:
    """A use case may be called anything."""
    page = render_plan(full_plan(tmp_path, HOSTILE))
    assert HOSTILE not in page and "&lt;script&gt;" in page


def test_drawings_of_one_month_and_of_nothing(tmp_path: Path) -> None:
    """One point is no line to divide by; no spend is drawn at the foot."""
    projection = planned(tmp_path, JANUARY, SUPPORT).projection
    assert "NaN" not in band_chart(projection.by_month(), "x") and "2027-01" in band_chart(projection.by_month(), "x")
    assert "<rect" in bar_chart([("a", 0.0, "nothing")], "x")
    free = SUPPORT.replace("= 0.8", "= 0.5").replace("= 10.0", "= 60.0") + "local_only = true\n"
    assert "<svg" in render_plan(planned(tmp_path, JANUARY, free))
