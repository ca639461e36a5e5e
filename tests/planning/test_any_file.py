"""Whatever a file says, it is planned for or refused with its problems; never a traceback, never a wrong order."""

import datetime
import random
import re
from pathlib import Path

import pytest

from arbiter.catalog import Catalog
from arbiter.errors import PlanError
from arbiter.planning import Plan, plan_file, template
from arbiter.planning.saved import plan_to_json, saved_from_json

VALUES = (
    *("0", "-1", "1", "0.5", "1e-9", "1e12", "1e300", "nan", "inf", "60", "true", '"x"', '""', "[]", "{}", "[1, 2]"),
    *('{p50 = 1, p90 = 90}', "{mean = 5, sd = 400}", "{mean = 5}", '["gpt-4o", "gpt-5"]', '"gpt-4o"', '"batch"'),
    *('"balanced"', "2027-05-05", '"2027-05-05"', "{a = {b = 1}}", "[[1]]"),
)  # fmt: skip
NUMBERS = ("0", "0.1", "0.5", "1", "4", "60", "1000")
COMMENTED = re.compile(r'^# ((\[\[?\w+\]\]?|[\w"\-.]+ = .*?))(\s+# .*)?$')
STRICT = re.compile(r"^(models|local_only|regions|segment|quality_floor|max_latency_s|max_cost_usd) = ")


def every_key() -> list[str]:
    """Give the lines of the template with all that is commented out, save what leaves no model."""
    lines = [found[1] if (found := COMMENTED.match(line)) else line for line in template().splitlines()]
    return [line for line in lines if not STRICT.match(line)]


def mutated(rng: random.Random) -> str:
    """Give the file with one to three values replaced."""
    lines = every_key()
    keys = [i for i, line in enumerate(lines) if re.match(r'^[\w"\-.]+ = ', line)]
    for _ in range(rng.choice([1, 1, 2, 3])):
        i = rng.choice(keys)
        lines[i] = f"{lines[i].split(' = ')[0]} = {rng.choice(VALUES if rng.random() < 0.4 else NUMBERS)}"
    return "\n".join(lines)


def planned(path: Path) -> Plan | None:
    """Plan, or check that every problem is one line; None where it is refused."""
    try:
        return plan_file(path, Catalog.default(), datetime.date(2026, 12, 1))
    except PlanError as error:
        assert error.problems and all("\n" not in problem for problem in error.problems)
        return None


@pytest.mark.parametrize("seed", range(4))
def test_no_value_breaks_a_plan(tmp_path: Path, seed: int) -> None:
    """A hundred files each; what is planned can be saved and read, has ordered bands, and saves at most all."""
    rng, path, done = random.Random(seed), tmp_path / "plan.toml", 0
    for _ in range(100):
        path.write_text(mutated(rng), encoding="utf-8")
        plan = planned(path)
        if plan is None:
            continue
        done += 1
        assert saved_from_json(plan_to_json(plan), "x").projection == plan.projection
        for money in (plan.projection.total(), *plan.projection.by_month().values()):
            assert money.low <= money.high
        for found in plan.savings:
            assert -1e-9 <= found.combined <= 1.0 + 1e-9 and all(row.added >= -1e-9 for row in found.rows)
        assert all(0.0 <= made.confidence <= 1.0 for made in plan.recommendations)
    assert done >= 10  # of a hundred; the others are refused for what they say


def test_the_template_with_every_key_is_a_plan(tmp_path: Path) -> None:
    """Nothing that is commented out in it is wrong; as it stands it names no problem either."""
    (tmp_path / "all.toml").write_text("\n".join(every_key()), encoding="utf-8")
    (tmp_path / "plain.toml").write_text(template(), encoding="utf-8")
    assert planned(tmp_path / "all.toml") is not None and planned(tmp_path / "plain.toml") is not None
