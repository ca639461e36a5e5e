"""Laws of drift as a fold: what it counts, what it leaves out, and that it may stop and go on anywhere."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from drift_streams import EXPECTED, World, at_once, folded, pattern, stream
from small_world import small_learned

from arbiter.drift import DriftFold, DriftKind, DriftOptions, context_names, drift_of
from arbiter.drift.fold import MOST_FOUND, MOST_WAITING
from arbiter.drift.means import Mean, MeanSums, p_values
from arbiter.drift.text import read_fold, snapshot_name, to_text
from arbiter.errors import InvalidInputError
from arbiter.ledger import Event
from arbiter.records import Assignment, Decision, Feedback, Outcome
from arbiter.vocabulary import Arm, AssignmentUnit

BLOCK = DriftOptions(block=100, judged_within_s=0.0)
CHANGED = [(200, World()), (300, World(shift=1.5, drop=0.25, rate=0.05))]


def judged(decision_id: str, at: float, quality: float = 0.0) -> Event:
    """Give a judgement."""
    return Event(record=Feedback(decision_id=decision_id, quality=quality), timestamp=at)


def test_a_case_worked_on_paper() -> None:
    """Two sessions of (1, 3) and (2, 2), and a 6 of none: a mean of 2.8 whose error counts three clusters."""
    sums = MeanSums.of(1)
    for value, session in ((1.0, "s"), (3.0, "s"), (2.0, "t"), (2.0, "t"), (6.0, None)):
        sums.add(np.array([value]), session)
    found = sums.mean()
    assert found.mean[0] == pytest.approx(2.8)
    # Sums of deviations are -1.6, -1.6 and 3.2; the mean's variance is 3/2 (2.56 + 2.56 + 10.24) / 25 = 0.9216.
    assert found.variance[0] / found.clusters == pytest.approx(0.9216)


def test_without_sessions_it_is_the_t_test() -> None:
    """Of 4 against 4 values 3 apart with variance 5/3 each: t = 3.286 with 6 degrees of freedom, p = 0.01669."""
    sides = []
    for shift in (0.0, 3.0):
        sums = MeanSums.of(1)
        for value in (1.0, 2.0, 3.0, 4.0):
            sums.add(np.array([value + shift]), None)
        sides.append(sums.mean())
    assert p_values(*sides) == [pytest.approx(0.01669, abs=1e-5)]


def test_what_is_constant_has_not_changed_by_a_rounding() -> None:
    """A mean of tenths differs from another in its last digit; a constant that is another one is a change for sure."""
    zero = np.zeros(1)
    tenths = [Mean(np.array([sum([0.1] * n) / n]), zero, n) for n in (20, 30)]
    assert p_values(*tenths) == [1.0]
    for spread in (0.0, 1e-200):
        assert p_values(tenths[0], Mean(np.array([0.2]), zero + spread, 30)) == [0.0]


def test_the_end_of_a_ledger_says_what_holds(caplog: pytest.LogCaptureFixture) -> None:
    """Each change by name, and the log says what no longer holds; a rate says nothing of an evaluation."""
    report = drift_of(stream(1, CHANGED), BLOCK)
    assert (report.blocks, report.judged_blocks) == (5, 4)  # of the last block one decision may still be judged
    named = {(drift.kind, drift.what) for drift in report.latest}
    assert named >= {(DriftKind.TRAFFIC, "log of prompt tokens"), (DriftKind.FEEDBACK_RATE, "a")}
    assert not report.evaluation_holds and "no longer hold: traffic: log of prompt tokens went from" in caplog.text
    caplog.clear()
    rate = drift_of(stream(1, [(200, World()), (300, World(rate=0.05))]), BLOCK)
    assert {drift.kind for drift in rate.latest} == {DriftKind.FEEDBACK_RATE}
    assert rate.evaluation_holds and not caplog.records


def test_a_change_holds_until_a_comparison_says_otherwise() -> None:
    """A model that got worse and is then hardly asked any more has not got better; one that did has."""
    worse, shunned = World(drop=0.3), World(drop=0.3, share=0.02)
    report = drift_of(stream(2, [(200, World()), (100, worse), (200, shunned)]), BLOCK)
    assert [(drift.what, drift.block) for drift in report.latest] == [("a", 2)]
    assert drift_of(stream(2, [(200, World()), (100, worse), (210, World())]), BLOCK).latest == ()


def test_each_block_is_compared_once_for_each_kind() -> None:
    """At levels that add up to alpha; whoever looks in between finds what he found before, and no more of it."""
    fold, before = DriftFold(BLOCK), list[object]()
    for event in stream(3, CHANGED):
        fold.take(event.record, event.timestamp)
        assert list(fold.found)[: len(before)] == before
        before = list(fold.found)
    keys = [(drift.kind, drift.what, drift.block) for drift in fold.found]
    assert len(keys) == len(set(keys)) > 0
    spent = sum(6.0 * BLOCK.alpha / (np.pi * b) ** 2 for b in range(1, 100_000))
    assert BLOCK.alpha - 1e-6 < spent < BLOCK.alpha


def test_judgements_count_in_time_whatever_comes_between() -> None:
    """The last one holds; one that comes later counts for nothing, and is counted as such."""
    options = DriftOptions(block=100, judged_within_s=150.0)
    events = stream(4, [(100, World(rate=0.0))])
    first, last = (events[i].record for i in (0, 99))
    assert isinstance(first, Decision) and isinstance(last, Decision)
    fold = folded(events, options)
    for event in (judged(first.id, 151.0, 0.0), judged(first.id, 151.0, 0.9), judged(first.id, 152.0, 0.1)):
        fold.take(event.record, event.timestamp)
    assert (fold.report.counted, fold.report.uncounted, fold.report.judged_blocks) == (2, 1, 0)
    late = judged(last.id, 251.0)
    fold.take(late.record, late.timestamp)
    assert fold.report.judged_blocks == 1 and not fold.waiting
    rates = {model: sums.mean() for model, sums in fold.first.rates.items()} if fold.first else {}
    assert sum(mean.mean[0] * mean.clusters for mean in rates.values()) == pytest.approx(1.0)
    (residual,) = fold.first.residuals.values() if fold.first else ()
    assert residual.mean().mean[0] == pytest.approx(0.9 - EXPECTED)


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    """What was decided far in the future has had its time, too."""
    (event,) = stream(5, [(1, World(rate=0.0))])
    fold = DriftFold(BLOCK)
    fold.take(event.record, 1e12)
    fold.take(replace(pattern(), id="next"), 5.0)
    assert list(fold.waiting) == ["next"]


def challenged(decision: Decision) -> Decision:
    """Give the decision as an experiment's challenger."""
    assigned = Assignment(
        experiment="e", arm=Arm.CHALLENGER, unit=AssignmentUnit.REQUEST, unit_id="r", share=0.1, own_propensity=1.0
    )
    return replace(decision, assignment=assigned)


@pytest.mark.parametrize(
    "change",
    [
        challenged,
        lambda decision: replace(decision, context=()),
        lambda decision: replace(decision, context=(float("nan"), *decision.context[1:])),
    ],
)
def test_what_cannot_be_compared_is_left_out(change: Callable[[Decision], Decision]) -> None:
    """A challenger's decision, one without a context, one whose context is not a number."""
    fold = folded(stream(6, [(50, World())]), BLOCK)
    before = to_text(fold)
    fold.take(change(replace(pattern(), id="other")), 50.0)
    assert to_text(fold) == before


def test_the_answer_of_a_stand_in_says_nothing_of_the_chosen_model() -> None:
    """Unless it is told of after the judgement; then the judgement was of the chosen one, as for learning."""
    events = stream(7, [(3, World(rate=0.0))])
    chosen = [event.record for event in events if isinstance(event.record, Decision)]
    fold = folded(events, DriftOptions(block=100))
    fold.take(Outcome(decision_id=chosen[0].id, model="stand-in", ok=True), 3.0)
    fold.take(Outcome(decision_id=chosen[1].id, model="stand-in", ok=False), 3.0)
    fold.take(Feedback(decision_id=chosen[2].id, quality=0.5), 3.0)
    fold.take(Outcome(decision_id=chosen[2].id, model="stand-in", ok=True), 4.0)
    fold.take(Feedback(decision_id=chosen[0].id, quality=0.5), 4.0)
    assert list(fold.waiting) == [chosen[1].id, chosen[2].id]
    assert (fold.counted, fold.uncounted) == (1, 1)


def test_another_context_version_begins_anew() -> None:
    """What another bundle's decisions were is no reference."""
    new = [
        replace(event, record=replace(event.record, context_version="d", id="n" + event.record.id))
        for event in stream(8, [(200, World(shift=5.0))])
        if isinstance(event.record, Decision)
    ]
    report = drift_of([*stream(9, [(200, World())]), *new], BLOCK)
    assert (report.blocks, report.found, report.counted) == (2, (), 0)


@pytest.mark.parametrize("session", [1, 4])
def test_a_fold_goes_on_from_its_text_as_if_it_had_never_stopped(session: int) -> None:
    """To the bit, wherever it stops."""
    options = DriftOptions(block=100, judged_within_s=70.0)
    events = stream(10, [(200, World()), (300, World(drop=0.4, shift=2.0))], lambda rng: rng.exponential(50.0), session)
    whole, parts = folded(events, options), DriftFold(options)
    rng = np.random.default_rng(0)
    for event in events:
        parts.take(event.record, event.timestamp)
        if rng.random() < 0.05:
            parts = read_fold(options, to_text(parts)) or DriftFold(options)
    assert to_text(parts) == to_text(whole)
    assert parts.report == whole.report == drift_of(events, options) and whole.found


def test_a_text_that_is_none_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """The log says so; and a snapshot belongs to one way of looking."""
    assert read_fold(BLOCK, "{}") is None and "cannot be read" in caplog.text
    others = (replace(BLOCK, block=101), replace(BLOCK, alpha=0.01), replace(BLOCK, judged_within_s=1.0))
    assert len({snapshot_name(options) for options in (BLOCK, *others)}) == 4
    assert snapshot_name(replace(BLOCK, follow_s=1.0)) == snapshot_name(BLOCK)


def test_memory_has_a_bound() -> None:
    """Of a rush of requests so many are awaited, and each as long as any other; of changes so many are remembered."""
    events = stream(11, [(200, World(per_s=1e6)), (MOST_WAITING + 300, World(per_s=1e6, shift=2.0))], at_once)
    fold = folded(events, DriftOptions(block=40, judged_within_s=60.0))
    assert len(fold.waiting) == MOST_WAITING
    assert (fold.full, fold.judged) == (512, 12)  # nothing is awaited of the last twelve: they are done
    assert len(fold.blocks) == 501 and len(fold.found) < MOST_FOUND
    fold.take(replace(pattern(), id="later"), 120.0)
    assert (len(fold.waiting), len(fold.blocks), fold.judged) == (1, 1, 512)


def test_names_fit_the_context_of_a_router() -> None:
    """One for each entry, the intercept first; options that make no sense are refused."""
    dim = small_learned().router.context_map.dim
    names = context_names(dim)
    assert len(names) == len(set(names)) == dim and names[0] == "intercept"
    for wrong in ({"block": 10}, {"alpha": 0.0}, {"judged_within_s": -1.0}, {"follow_s": 0.0}):
        with pytest.raises(InvalidInputError):
            DriftOptions(**wrong)  # type: ignore[arg-type]  # one at a time
