"""The gate through the installed command: looks that are remembered, aliases that move, and the way back."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_runs import run_in
from small_world import MIDDLE, small_learned, small_truth

from arbiter.bundle import save_bundle
from arbiter.policies import ConstantPolicy
from arbiter_training.sequential import LookPlan
from arbiter_training.traffic import write_traffic

WORTH = ("--quality-per-usd", "20", "--json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a challenger worse than the best single model, one that is better, and a growing log."""
    better = small_learned().router
    at = better.catalog.position(MIDDLE)
    save_bundle(replace(better, policy=ConstantPolicy(np.eye(len(better.catalog))[at])), tmp_path / "worse")
    save_bundle(better, tmp_path / "better")
    whole = small_truth(400, seed=9)
    for n in (200, 300, 400):
        write_traffic(whole.subset(np.arange(n)).to_table(), tmp_path / f"{n}.jsonl")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("planned", [400, None])
def test_looks_are_remembered(folder: Path, planned: int | None) -> None:
    """Three calls, the plan named once: the bounds are those of three planned looks, whichever bound it is."""
    found = []
    for number in (200, 300, 400):
        plan = ("--planned-requests", str(planned)) if planned and not found else ()
        done = run_in(folder, "promote", "worse", "--traffic", f"{number}.jsonl", *plan, *WORTH)
        assert done.status == 1 and "not promoted" in done.err and done.err.count("\n") == 1
        found.append(json.loads(done.out))
    looks = LookPlan(planned_units=planned or 200, method="spending" if planned else "anytime")
    wanted = [looks.critical_value(200), looks.critical_value(300, (200,)), looks.critical_value(400, (200, 300))]
    assert [each["critical_value"] for each in found] == pytest.approx(wanted)
    assert [each["look"][:6] for each in found] == ["look 1", "look 2", "look 3"]
    done = run_in(folder, "promote", "worse", "--traffic", "400.jsonl", "--planned-requests", "900", *WORTH)
    assert (done.status, done.out) == (2, "") and done.err.count("\n") == 1 and "another plan" in done.err
    done = run_in(folder, "promote", "worse", "--traffic", "300.jsonl", *WORTH)
    assert (done.status, done.out) == (2, "") and "one growing log" in done.err


@pytest.mark.slow
def test_promotion_serves_and_rolls_back(folder: Path) -> None:
    """A better challenger becomes the champion, `models:/` serves it, and one command gives the alias back."""
    first = run_in(folder, "promote", "worse", "--traffic", "400.jsonl", "--margin", "0.5", *WORTH)
    second = run_in(folder, "promote", "better", "--traffic", "400.jsonl", *WORTH)
    assert (first.status, second.status) == (0, 0), first.err + second.err
    routed = run_in(folder, "route", "tensor proof", "--bundle", "models:/arbiter@champion", "--json")
    assert routed.status == 0 and json.loads(routed.out)["model"] != MIDDLE
    back = run_in(folder, "promote", "--rollback", "--json")
    assert (back.status, json.loads(back.out)) == (0, {"champion": json.loads(first.out)["version"]})
    routed = run_in(folder, "route", "tensor proof", "--bundle", "models:/arbiter@champion", "--json")
    assert json.loads(routed.out)["model"] == MIDDLE
