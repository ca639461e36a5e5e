"""Laws of the experience store: a view on the ledger, worked by hand."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.errors import InvalidInputError, UnknownDecisionError
from arbiter.experience import Experience, Selector, TaskPerformance
from arbiter.intake import read_request
from arbiter.ledger import BufferedLedger, Event, Ledger, SqliteLedger
from arbiter.metrics import measure
from arbiter.records import Decision, Feedback, Outcome
from arbiter.service import Arbiter, ServiceOptions
from arbiter.vocabulary import FallbackReason, TaskType

CATALOG = Catalog.default().subset(["gpt-4o", "gpt-4o-mini"])
ROUTER = cold_start_router(CATALOG)
MADE = ROUTER.route(read_request("hi"), np.random.default_rng(0))
MATH, CODE = TaskType.MATH_LOGIC, TaskType.COMPLEX_CODE


def decision(identity: str, model: str, task: TaskType = MATH) -> Decision:
    return replace(MADE, id=identity, model=model, profile=replace(MADE.profile, task_type=task))


def filled(ledger: Ledger) -> Experience:
    """Give a store over: gpt-4o with a failure, a fallback to mini, a judged answer without a call, another task."""
    records: list[Decision | Outcome | Feedback] = [
        decision("1", "gpt-4o"),
        decision("2", "gpt-4o"),
        decision("3", "gpt-4o-mini"),
        decision("4", "gpt-4o-mini", CODE),
        Outcome(decision_id="1", model="gpt-4o", ok=True, cost_usd=0.02, latency_s=2.0),
        Outcome(decision_id="2", model="gpt-4o", ok=False, fallback_reason=FallbackReason.TIMEOUT),
        Outcome(decision_id="2", model="gpt-4o-mini", ok=True, cost_usd=0.001, latency_s=1.0),
        Feedback(decision_id="1", quality=1.0),
        Feedback(decision_id="2", quality=0.5),
        Feedback(decision_id="3", quality=0.3, latency_s=3.0),
        Feedback(decision_id="3", quality=0.7),
    ]
    experience = Experience(ledger)
    for i, record in enumerate(records):
        ledger.append(Event(record=record, timestamp=float(i)))
        experience.performance("gpt-4o", MATH)  # asked in between: it goes on where it stopped
    return experience


def test_performance_worked_by_hand() -> None:
    """Calls, success, quality of who answered, means of what was measured."""
    experience = filled(SqliteLedger(":memory:"))
    assert experience.performance("gpt-4o", MATH) == TaskPerformance(
        model="gpt-4o", task_type=MATH, calls=2, success_rate=0.5, judged=1, quality=1.0, latency_s=2.0, cost_usd=0.02
    )
    mini = experience.performance("gpt-4o-mini", "math_logic")
    assert (mini.calls, mini.success_rate, mini.judged, mini.quality) == (2, 1.0, 2, pytest.approx(0.6))
    assert (mini.latency_s, mini.cost_usd) == (2.0, 0.001)
    assert experience.performance("gpt-4o", CODE) == TaskPerformance(model="gpt-4o", task_type=CODE)
    with pytest.raises(InvalidInputError, match="unknown task type 'poetry'; there are"):
        experience.performance("gpt-4o", "poetry")


def test_the_best_delivers_most_and_needs_enough_calls() -> None:
    """Success x quality ranks; nobody is best below the number of calls that is asked for."""
    experience = filled(SqliteLedger(":memory:"))
    ranked = experience.ranking(MATH)
    assert [(row.model, row.delivered) for row in ranked] == [("gpt-4o-mini", pytest.approx(0.6)), ("gpt-4o", 0.5)]
    assert experience.best(MATH, at_least=2) == "gpt-4o-mini"
    assert experience.best(MATH) is None and experience.best(CODE, at_least=1) is None
    assert experience.ranking(CODE) == ()


def test_task_types_add_up_to_the_models_metrics() -> None:
    """The same fold by another key: sums over task types are those of `arbiter metrics`."""
    ledger = SqliteLedger(":memory:")
    experience = filled(ledger)
    for row in measure(ledger).models:
        parts = [experience.performance(row.model, task) for task in TaskType]
        assert sum(part.judged for part in parts) == row.judged
        assert sum(part.calls for part in parts) >= row.calls


def test_a_restart_and_another_process_see_the_same(tmp_path: Path) -> None:
    """It is in the ledger, and nowhere else."""
    with SqliteLedger(tmp_path / "l.db") as ledger:
        before = filled(ledger).ranking(MATH)
        with SqliteLedger(tmp_path / "l.db") as other:
            assert Experience(other).ranking(MATH) == before


def test_a_selector_selects_records_and_learns(tmp_path: Path) -> None:
    """Choice with details, chain, execution: each is the service's own act under another name."""
    with Arbiter(ROUTER, BufferedLedger(SqliteLedger(tmp_path / "l.db")), ServiceOptions(seed=0)) as service:
        selector = Selector(service)
        assert selector.select("hi", allow=frozenset({"gpt-4o"})) == "gpt-4o"
        made = selector.select_with_details("Prove that 2 is irrational")
        chain = selector.get_fallback_chain(made)
        assert chain == (made.model, *made.fallbacks) and selector.get_fallback_chain(made, 1) == (made.model,)
        selector.record_execution(made, False, latency_s=9.0, reason=FallbackReason.TIMEOUT)
        selector.record_execution(made, True, model=chain[1], latency_s=0.5, cost_usd=0.01, quality=0.8)
        task = made.profile.task_type
        (best, worst) = selector.experience.ranking(task)
        assert (best.model, best.delivered, best.latency_s) == (chain[1], 0.8, 0.5)
        assert (worst.model, worst.success_rate) == (made.model, 0.0)
        assert service.ledger.feedback_for(made.id)[0].quality == 0.8
        wrong = [
            ({"quality": 0.5}, False, "has no answer to judge"),
            ({"quality": 5.0}, True, "quality must lie in"),
            ({"cost_usd": -1.0}, True, "cost_usd must be a number from 0 up"),
            ({"latency": 1.0}, True, "unknown detail latency; there are cost_usd, latency_s"),
        ]
        for details, success, message in wrong:
            with pytest.raises(InvalidInputError, match=message):
                selector.record_execution(made, success, **details)  # type: ignore[arg-type]  # wrong on purpose
        with pytest.raises(UnknownDecisionError):
            selector.record_execution(replace(made, id="nobody"), True)
        with pytest.raises(InvalidInputError, match="max_length must be 1 or more, got 0"):
            selector.get_fallback_chain(made, 0)


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/experience.md shows code that works, and names that exist."""
    page = (Path(__file__).parent.parent / "docs" / "experience.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0], {})
    for owner in (Selector, Experience, Arbiter):
        for name in re.findall(rf"`{owner.__name__}\.(\w+)", page):
            assert hasattr(owner, name), name
    assert {f"`{task}`" for task in TaskType} <= set(re.findall(r"`\w+`", page))
