"""Infeasible and contradictory plans: every problem at once, a line each, exit status 2."""

from dataclasses import replace
from pathlib import Path

import pytest
from plan_samples import JANUARY, SUPPORT, TODAY, planned

from arbiter.catalog import Catalog
from arbiter.errors import PlanError
from arbiter.planning import make_plan
from arbiter.planning.file import parse_plan


def problems(folder: Path, *tables: str) -> tuple[str, ...]:
    """Give what is wrong with a plan."""
    with pytest.raises(PlanError) as caught:
        planned(folder, *tables)
    return caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("requests_per_day = 5000", "requests_per_day = 0", "requests_per_day = 0: nothing to plan"),
        ("requests_per_day = 5000", "requests_per_day = -5", "requests_per_day = -5 must be a number from 0 up"),
        ("requests_per_day = 5000", "", "key 'requests_per_day' is missing"),
        ("quality_floor = 0.8", "quality_floor = 0.99", "quality_floor = 0.99 is reached by no model; the best, "),
        ("quality_floor = 0.8", "quality_floor = 1.8", "quality_floor = 1.8 must be a number in [0, 1]"),
        ("max_latency_s = 10.0", "max_latency_s = 0.01", "max_latency_s = 0.01 for 90% of the answers is kept by no"),
        ("max_latency_s = 10.0", "max_cost_usd = -1", "max_cost_usd = -1 must be a number from 0 up"),
        (
            "max_latency_s = 10.0",
            'capabilities = ["tols"]',
            "names the unknown capability 'tols'; did you mean 'tools'",
        ),
        ("max_latency_s = 10.0", 'models = ["gpt-4"]', "models names the unknown model 'gpt-4'; did you mean 'gpt-"),
        ("max_latency_s = 10.0", 'incumbent = "gpt-9"', "incumbent names the unknown model 'gpt-9'"),
        ("max_latency_s = 10.0", "deferrable = 0.5", "contradicts workload interactive"),
        ("max_latency_s = 10.0", 'regions = ["mars"]', "regions asks for 'mars', which no model"),
        ("max_latency_s = 10.0", "local_only = true\nrisk = 'high'", "no model may serve it"),
        ("max_latency_s = 10.0", "models = []", "models = [] leaves no model"),
        ("max_latency_s = 10.0", 'models = ["gpt-4o"]\ndeny = ["gpt-4o"]', "no model is left"),
        ("max_latency_s = 10.0", "weekly = [1, 2]", "weekly must be a list of 7 numbers"),
        ("max_latency_s = 10.0", "qualty_floor = 0.8", "unknown key 'qualty_floor'; did you mean 'quality_floor'"),
        ("input_tokens = 800", "input_tokens = {p50 = 9, p90 = 3}", "with p50 at most p90"),
        ('"interactive"', '"interactiv"', "did you mean 'interactive'"),
        ("criticality = 8", "criticality = 11", "criticality = 11 must be a number in [1, 10]"),
        ("criticality = 8", 'strategy = "cheap"', "strategy = 'cheap' is not one of"),
    ],
)
def test_one_wrong_value_is_one_problem(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Said with the place, the value and the remedy, on one line."""
    found = problems(tmp_path, JANUARY, SUPPORT.replace(old, new))
    assert len(found) == 1 and told in found[0], found
    assert "support" in found[0] and "\n" not in found[0]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('[[price_change]]\nmodel = "gpt-4o"\nstart = 2027-01-05\nusd_per_mtok_in = -1\nusd_per_mtok_out = 1', "= -1"),
        ('[[price_change]]\nmodel = "x"\nstart = 2027-01-05\nusd_per_mtok_in = 1\nusd_per_mtok_out = 1', "model 'x'"),
        (
            '[[price_change]]\nmodel = "gpt-4o"\nstart = 2028-01-05\nusd_per_mtok_in = 1\nusd_per_mtok_out = 1',
            "comes after the plan's last day",
        ),
        (
            '[[price_change]]\nmodel = "llama-3.1-8b-local"\nstart = 2027-01-05\nusd_per_mtok_in = 1\n'
            "usd_per_mtok_out = 1",
            "is free in the catalog",
        ),
        ('[fallbacks]\n"gpt-4o" = "gpt-5"\n"gpt-5" = "gpt-4o"', "go in a circle: gpt-4o > gpt-5 > gpt-4o"),
        ('[fallbacks]\n"gpt-4o" = "gpt-4o"', "go in a circle: gpt-4o > gpt-4o"),
        ('[fallbacks]\n"gpt-4o" = "nobody"', "unknown model 'nobody'"),
        ('[fallbacks]\n"gpt-4o" = "claude-3-sonnet"', "names 'claude-3-sonnet', whose status is deprecated"),
        ("[assumption]\n", "unknown table [assumption]; did you mean 'assumptions'"),
        ('[[reservation]]\nmodel = "gpt-4o"\nusd_per_month = 5\nmtok_per_month = 0', "buys nothing"),
        (SUPPORT, "the name 'support' is taken by another use case"),
    ],
)
def test_wrong_tables_beside_the_use_cases(tmp_path: Path, table: str, told: str) -> None:
    """Negative prices, unknown models, changes that never come, and fallbacks in a circle."""
    found = problems(tmp_path, JANUARY, SUPPORT, table)
    assert len(found) == 1 and told in found[0], found


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """Of the file's form, of its contradictions and of what nothing fulfils, from different use cases."""
    second = SUPPORT.replace('"support"', '"second"').replace("= 0.8", "= 0.99").replace("= 10.0", "= 0.01")
    third = SUPPORT.replace('"support"', '"third"').replace("5000", "0") + 'incumbent = "nobody"\n'
    found = problems(tmp_path, JANUARY, SUPPORT, second, third, '[fallbacks]\n"gpt-5" = "gpt-5"')
    assert len(found) == 5
    for told in ("requests_per_day = 0", "'nobody'", "circle", "quality_floor = 0.99", "max_latency_s = 0.01"):
        assert sum(told in problem for problem in found) == 1


def test_what_is_wrong_in_one_place_hides_nothing_elsewhere(tmp_path: Path) -> None:
    """A use case with a misspelled key is still held against its limits, and one without volume against itself."""
    first = SUPPORT.replace("quality_floor = 0.8", "quality_floor = 0.99\nqualty = 1")
    second = SUPPORT.replace("5000", "0") + "deferrable = 0.5\n"  # of the same name
    third = SUPPORT.replace('"support"', '"third"') + 'deny = ["gpt-4o"]\nincumbent = "gpt-4o"\n'
    found = problems(tmp_path, JANUARY, first, second, third.replace("= 10.0", "= 0.01"))
    wanted = ("unknown key 'qualty'", "quality_floor = 0.99", "requests_per_day = 0", "is taken by", "deferrable = 0.5")
    for told in (*wanted, "is on the deny list", "max_latency_s = 0.01"):
        assert sum(told in problem for problem in found) == 1, told
    assert len(found) == len(wanted) + 2


def test_a_plan_in_memory_is_checked_as_well(tmp_path: Path) -> None:
    """Fallbacks in a circle would be followed for ever."""
    (tmp_path / "plan.toml").write_text(JANUARY + SUPPORT)
    spec, _, _ = parse_plan(tmp_path / "plan.toml", Catalog.default(), TODAY)
    with pytest.raises(PlanError, match="go in a circle: gpt-4o > gpt-5 > gpt-4o"):
        make_plan(replace(spec, fallbacks={"gpt-4o": "gpt-5", "gpt-5": "gpt-4o"}), Catalog.default(), TODAY)


def test_a_price_change_of_an_unknown_model_is_one_problem(tmp_path: Path) -> None:
    """However late it comes."""
    late = '[[price_change]]\nmodel = "x"\nstart = 2030-01-05\nusd_per_mtok_in = 1\nusd_per_mtok_out = 1'
    assert len(problems(tmp_path, JANUARY, SUPPORT, late)) == 1


def test_a_capability_that_no_model_left_has(tmp_path: Path) -> None:
    """Local models cannot reason: said beside the floor that they miss as well."""
    found = problems(tmp_path, JANUARY, SUPPORT + 'capabilities = ["reasoning"]\nlocal_only = true\n')
    assert sum("has the capability 'reasoning'" in problem for problem in found) == 1
    assert all("no model" in problem for problem in found)


def test_a_file_that_is_no_plan(tmp_path: Path) -> None:
    """Not TOML, not there, and without a use case."""
    assert "is not a TOML file" in problems(tmp_path, "[plan")[0]
    assert "there is no [[use_case]]" in problems(tmp_path, JANUARY)[0]
