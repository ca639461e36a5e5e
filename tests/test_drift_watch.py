"""Laws of the drift watch: few false alarms however often one looks, and real changes found."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import small_learned

from arbiter.drift import DriftKind, DriftOptions, context_names, drift_of
from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.ledger import Event
from arbiter.records import Decision, Feedback
from arbiter.vocabulary import Domain

DIM = 1 + 2 + len(Domain) + 4
MODELS = ("a", "b")


@pytest.fixture(scope="module")
def pattern() -> Decision:
    decision = small_learned().router.route(read_request("river"), np.random.default_rng(0))
    estimate = replace(next(iter(decision.estimates.values())), quality=0.7)
    return replace(decision, estimates=dict.fromkeys(MODELS, estimate), context_version="c")


def stream(
    pattern: Decision,
    seed: int,
    n: int = 300,
    at: int = 10**9,
    shift: float = 0.0,
    drop: float = 0.0,
    rate: float = 0.5,
) -> list[Event]:
    """Give n decisions between two models, half of the answers judged; from ``at`` on, things are otherwise."""
    rng, events = np.random.default_rng(seed), []
    for i in range(n):
        model = MODELS[int(rng.random() < 0.5)]
        context = np.r_[1.0, rng.normal(size=DIM - 1)]
        context[-1] += shift if i >= at else 0.0
        decision = replace(pattern, id=f"{seed}-{i}", model=model, context=tuple(context.tolist()))
        events.append(Event(record=decision, timestamp=float(i)))
        if rng.random() < (0.5 if i < at else rate):
            mean = 0.7 - (drop if i >= at and model == "a" else 0.0)
            quality = float(np.clip(rng.normal(mean, 0.15), 0.0, 1.0))
            events.append(Event(record=Feedback(decision_id=decision.id, quality=quality), timestamp=float(i)))
    return events


def test_what_stays_the_same_raises_few_alarms(pattern: Decision) -> None:
    """200 streams of six blocks: each kind at most 5 % of them, that is 10, and 7 more for three binomial errors."""
    alarms = dict.fromkeys(DriftKind, 0)
    for seed in range(200):
        found = drift_of(stream(pattern, seed), DriftOptions(block=50)).found
        for kind in {drift.kind for drift in found}:
            alarms[kind] += 1
    assert all(count <= 17 for count in alarms.values()), alarms


def test_each_change_is_found_and_named(pattern: Decision, caplog: pytest.LogCaptureFixture) -> None:
    """Longer prompts, one model a fifth worse, half of the feedback gone; and the log says what no longer holds."""
    options = DriftOptions(block=100)
    traffic = drift_of(stream(pattern, 1, 400, at=200, shift=1.5), options)
    assert [(d.kind, d.what, d.block) for d in traffic.found] == [
        (DriftKind.TRAFFIC, "log of prompt tokens", b) for b in (2, 3)
    ]
    assert not traffic.evaluation_holds and "no longer hold" in caplog.text
    quality = drift_of(stream(pattern, 2, 400, at=200, drop=0.25), options)
    assert {(d.kind, d.what) for d in quality.latest} == {(DriftKind.QUALITY, "a")}
    assert quality.latest[0].after < quality.latest[0].before - 0.15
    rate = drift_of(stream(pattern, 3, 400, at=200, rate=0.05), options)
    assert {d.kind for d in rate.latest} == {DriftKind.FEEDBACK_RATE}
    assert rate.evaluation_holds


def test_late_feedback_counts_for_the_block_of_its_decision(pattern: Decision) -> None:
    """All feedback after all decisions gives the same report."""
    events = stream(pattern, 4, 400, at=200, drop=0.25)
    late = sorted(events, key=lambda event: isinstance(event.record, Feedback))
    assert drift_of(late, DriftOptions(block=100)) == drift_of(events, DriftOptions(block=100))


def test_another_context_version_begins_anew(pattern: Decision) -> None:
    """What another bundle's decisions were is no reference."""
    old = stream(pattern, 5, 200)
    new = [
        replace(e, record=replace(e.record, context_version="d", id="n" + e.record.id))
        for e in stream(pattern, 6, 200, at=0, shift=5.0)
        if isinstance(e.record, Decision)
    ]
    report = drift_of([*old, *new], DriftOptions(block=100))
    assert (report.blocks, report.found) == (2, ())


def test_names_fit_the_context_of_a_router() -> None:
    """One for each entry, the intercept first; options that make no sense are refused."""
    dim = small_learned().router.context_map.dim
    names = context_names(dim)
    assert len(names) == len(set(names)) == dim and names[0] == "intercept"
    for wrong in ({"block": 10}, {"alpha": 0.0}):
        with pytest.raises(InvalidInputError):
            DriftOptions(**wrong)
