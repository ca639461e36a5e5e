"""`arbiter experiment`: what a ledger says of two routers."""

import json
from pathlib import Path

import pytest
from command_runs import Run, run_in
from two_arms import CHEAP, experiment_ledger

from arbiter.vocabulary import Progress


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a ledger with a challenger that is much worse, and an equal one."""
    path = tmp_path_factory.mktemp("experiments") / "ledger.db"
    experiment_ledger(path, "bad", {CHEAP: 0.3})
    experiment_ledger(path, "equal", {})
    return path


def test_the_arms_are_compared_and_harm_is_status_1(ledger: Path, run: Run) -> None:
    """For people, for programs, and for scripts."""
    assert run("experiment", "--ledger", ledger).out.split() == ["bad", "equal"]
    bad = run("experiment", "bad", "--ledger", ledger)
    assert bad.status == 1 and "the challenger is harmful: the challenger is surely worse in quality" in bad.out
    told = run("experiment", "bad", "--ledger", ledger, "--json")
    found = json.loads(told.out)
    assert told.status == 1 and found["progress"] == Progress.HARMFUL
    assert found["decisions"] == {
        "control": found["decisions"]["control"],
        "challenger": 400 - found["decisions"]["control"],
    }
    assert found["means"]["quality"]["challenger"]["mean"] < 0.5
    equal = run("experiment", "equal", "--ledger", ledger, "--quality", 0.3, "--failures", 0.3)
    assert equal.status == 0 and "the challenger is" in equal.out


def test_wrong_input_is_one_line(ledger: Path, tmp_path: Path) -> None:
    """An unknown experiment, with the known ones; through the installed command."""
    done = run_in(tmp_path, "experiment", "none", "--ledger", ledger)
    assert (done.status, done.out) == (2, "")
    assert done.err == "arbiter: the ledger holds no experiment 'none'; it holds bad, equal\n"
