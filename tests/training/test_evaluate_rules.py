"""Rules and routers of the user's own code as policies of `arbiter evaluate`."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import CHEAP, DEAR, small_truth

from arbiter.catalog import Catalog, write_catalog
from arbiter.errors import InvalidInputError
from arbiter.policies import Rule
from arbiter_training.jobs.evaluate import EvaluateJob, refused, run
from arbiter_training.report.verdict import conclude
from arbiter_training.simulate import EpsilonGreedy, Uniform, simulate_log
from arbiter_training.traffic import OutcomeMatrix, write_traffic

CODE = f"""
def dear(query):
    return {DEAR!r}


def by_word(query):
    return {DEAR!r} if "theorem" in query.text else {CHEAP!r}


def half(query):
    return {{{DEAR!r}: 0.5, {CHEAP!r}: 0.5}}


def unknown(query):
    return "gpt-9"


def silent(query):
    return None


def broken(query):
    return query.txt
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the path of the user's file, forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "house_rules", raising=False)
    (tmp_path / "house_rules.py").write_text(CODE)
    return str(tmp_path / "house_rules.py")


def job(folder: Path, log: OutcomeMatrix, *policies: str) -> EvaluateJob:
    write_traffic(log.to_table(), folder / "log.jsonl")
    return EvaluateJob(traffic=(folder / "log.jsonl",), policies=policies)


def quiet(_: str) -> None:
    """Say nothing."""


def test_a_rule_is_worth_what_its_choices_are(tmp_path: Path, code: str) -> None:
    """A constant rule is the constant model; on full information a rule's value is the mean of what it chose."""
    truth = small_truth(120, seed=4)
    report = run(job(tmp_path, truth, f"{code}:dear", f"{code}:by_word", f"{code}:half", DEAR), quiet)
    assert report.row(f"{code}:dear").outcomes == report.row(DEAR).outcomes
    columns = [truth.models.index(DEAR if "theorem" in q.text else CHEAP) for q in truth.queries]
    found = report.row(f"{code}:by_word").outcomes["quality"]
    assert found is not None and found.value == pytest.approx(truth.quality[np.arange(truth.n), columns].mean())
    assert report.row(f"{code}:half").shares == pytest.approx({DEAR: 0.5, CHEAP: 0.5, "gpt-4o": 0.0})


def test_a_log_of_chance_tells_of_a_rule(tmp_path: Path, code: str) -> None:
    """One answer per request, chosen at random: the truth lies in the interval, with fewer effective requests."""
    truth = small_truth(600, seed=4)
    report = run(job(tmp_path, simulate_log(truth, Uniform(), 1), f"{code}:by_word"), quiet)
    columns = [truth.models.index(DEAR if "theorem" in q.text else CHEAP) for q in truth.queries]
    row = report.row(f"{code}:by_word")
    found = row.outcomes["quality"]
    assert found is not None and found.low is not None and found.high is not None
    assert found.low < truth.quality[np.arange(truth.n), columns].mean() < found.high
    assert row.evidence.ess < 300


def test_a_log_of_the_rule_alone_tells_of_nothing_else(tmp_path: Path, code: str) -> None:
    """Every propensity is 1: what the rule did is known, another choice is refused."""
    report = run(job(tmp_path, _of_rule(small_truth(600, seed=4)), f"{code}:by_word", f"{code}:dear"), quiet)
    assert report.row(f"{code}:by_word").outcomes["quality"] is not None
    told = {row.name: row.reasons for row in refused(report, (f"{code}:by_word", f"{code}:dear"))}
    sentence = conclude(report).sentence
    assert "by_word is worth, not whether it pays" in sentence and "deterministic" in sentence
    assert list(told) == [f"{code}:dear"] and "deterministic" in " ".join(told[f"{code}:dear"])


def _of_rule(truth: OutcomeMatrix) -> OutcomeMatrix:
    rule = Rule(lambda query: DEAR if "theorem" in query.text else CHEAP)

    class Always(EpsilonGreedy):
        def action_probabilities(self, outcomes: OutcomeMatrix) -> np.ndarray:
            return rule.shares(outcomes.queries, outcomes.models)

    return simulate_log(truth, Always(epsilon=0.0), 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown", "'unknown' names 'gpt-9', which is none of claude-opus-4-5, gpt-4o, gpt-4o-mini"),
        ("silent", "says nothing of 60 of 60 requests, first of r0000"),
        ("broken", r"broken failed: AttributeError: .*house_rules.py"),
        ("absent", "has no 'absent'"),
        ("CHEAP_", "has no 'CHEAP_'"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(tmp_path: Path, code: str, name: str, message: str) -> None:
    """With its name, the value and, for the user's own mistakes, the line."""
    with pytest.raises(InvalidInputError, match=message):
        run(job(tmp_path, small_truth(60, seed=4), f"{code}:{name}"), quiet)


def test_a_router_of_ones_own_code(tmp_path: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bundle is, with its frontier."""
    monkeypatch.delitem(sys.modules, "house_router", raising=False)
    (tmp_path / "house_router.py").write_text(
        "from dataclasses import replace\n"
        "from small_world import small_learned\n"
        "from arbiter.policies import ConstantPolicy\n"
        "router = replace(small_learned().router, policy=ConstantPolicy.single(0, 3))\n"
    )
    name = f"{tmp_path / 'house_router.py'}:router"
    report = run(job(tmp_path, small_truth(60, seed=4), name), quiet)
    assert report.row(name).shares[DEAR] == 1.0 and report.frontiers[0].points


def test_a_model_whose_name_has_a_colon_is_a_model(tmp_path: Path) -> None:
    """As some providers name theirs."""
    truth = small_truth(60, seed=4)
    named = replace(truth, models=("llama3:latest", *truth.models[1:]))
    entry = replace(Catalog.default()["llama-3.1-8b"], name="llama3:latest")
    write_catalog(Catalog([entry]), tmp_path / "mine.toml")
    report = run(replace(job(tmp_path, named, "llama3:latest"), catalog=tmp_path / "mine.toml"), quiet)
    assert report.row("llama3:latest").shares["llama3:latest"] == 1.0
