"""Events as JSON: exactly there and back."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.errors import LedgerError
from arbiter.ledger import Event, EventKind
from arbiter.ledger.codec import decision_from_json, feedback_from_json, outcome_from_json
from arbiter.records import Decision, Estimate, Feedback, Outcome, TaskProfile
from arbiter.vocabulary import (
    Complexity,
    Domain,
    FallbackReason,
    FeedbackSource,
    ProfileSource,
    Risk,
    Strategy,
    TaskType,
)

floats = st.floats(allow_nan=False)
units = st.floats(0, 1)
names = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
numbered = st.dictionaries(names, floats, max_size=4)
maybe_text = st.none() | names
profiles = st.builds(
    TaskProfile,
    complexity=st.sampled_from(Complexity),
    risk=st.sampled_from(Risk),
    domain=st.sampled_from(Domain),
    task_type=st.sampled_from(TaskType),
    harm=st.sampled_from(Risk),
    stake=st.sampled_from(Risk),
    probabilities=st.dictionaries(names, st.dictionaries(names, units, max_size=3), max_size=2),
    source=st.sampled_from(ProfileSource),
    confidence=units,
    evidence=st.lists(names, max_size=3).map(tuple),
)
estimates = st.builds(
    Estimate, quality=floats, quality_se=floats, cost_usd=floats, latency_s=floats, output_tokens=floats
)
decisions = st.builds(
    Decision,
    id=names,
    model=names,
    propensity=units,
    action_probs=numbered,
    fallbacks=st.lists(names, max_size=3).map(tuple),
    confidence=units,
    strategy=st.sampled_from(Strategy),
    profile=profiles,
    estimates=st.dictionaries(names, estimates, max_size=3),
    utilities=numbered,
    excluded=st.dictionaries(names, names, max_size=3),
    needs_human_review=st.booleans(),
    degraded=st.lists(names, max_size=2).map(tuple),
    policy_version=names,
    context=st.lists(floats, max_size=6).map(tuple),
    session_id=maybe_text,
    user=maybe_text,
)
outcomes = st.builds(
    Outcome,
    decision_id=names,
    model=names,
    ok=st.booleans(),
    cost_usd=st.none() | floats,
    latency_s=st.none() | floats,
    fallback_reason=st.none() | st.sampled_from(FallbackReason),
    ttft_s=st.none() | floats,
    input_tokens=st.none() | st.integers(0, 10**6),
    output_tokens=st.none() | st.integers(0, 10**6),
    attempt=st.integers(0, 20),
    deployment=names,
    cooldown_s=st.none() | floats,
    score=st.none() | units,
)
feedback = st.builds(
    Feedback,
    decision_id=names,
    quality=st.none() | units,
    cost_usd=st.none() | floats,
    latency_s=st.none() | floats,
    source=st.sampled_from(FeedbackSource),
    key=names,
)
prompts = st.none() | st.dictionaries(names, names, max_size=2)


@settings(max_examples=150, deadline=None)
@given(record=decisions | outcomes | feedback, timestamp=floats, prompt=prompts)
def test_every_event_comes_back_equal(
    record: Decision | Outcome | Feedback, timestamp: float, prompt: dict[str, str] | None
) -> None:
    """An event is equal to what its payload parses to, to the last bit of every number, infinities included."""
    event = Event(record=record, timestamp=timestamp, prompt=prompt)
    payload = event.payload()
    assert json.loads(payload, parse_constant=pytest.fail) is not None  # plain JSON: no NaN or Infinity literals
    again = Event.parse(event.kind, timestamp, payload)
    assert again == event
    assert again.payload() == payload


def test_types_come_back_too(make_decision) -> None:  # type: ignore[no-untyped-def]
    """Enums are enums again and sequences tuples, not the texts and lists of JSON."""
    read = Event.parse("decision", 0.0, Event(record=make_decision("x"), timestamp=0.0).payload()).record
    assert isinstance(read, Decision)
    assert isinstance(read.profile.complexity, Complexity)
    assert isinstance(read.strategy, Strategy)
    assert isinstance(read.context, tuple)


def test_numbers_of_numpy_and_nan_are_written() -> None:
    """Numbers of numpy become plain ones, and NaN stays NaN."""
    given_ = Feedback(decision_id="x", quality=np.float32(0.5), latency_s=math.nan)
    read = Event.parse("feedback", 0.0, Event(record=given_, timestamp=0.0).payload()).record
    assert isinstance(read, Feedback)
    assert read.quality == 0.5 and read.latency_s is not None and math.isnan(read.latency_s)


@pytest.mark.parametrize("read", [decision_from_json, outcome_from_json, feedback_from_json])
def test_what_is_no_record_is_refused(read) -> None:  # type: ignore[no-untyped-def]
    """Missing keys raise a LedgerError, not a KeyError."""
    with pytest.raises(LedgerError, match="cannot be read"):
        read({"id": "x"})


@pytest.mark.parametrize(("kind", "payload"), [("decision", "{"), ("decision", "[]"), ("dream", "{}")])
def test_spoiled_payloads_are_refused(kind: str, payload: str) -> None:
    """Cut JSON, JSON of another shape and unknown kinds raise a LedgerError."""
    with pytest.raises(LedgerError, match="cannot be read"):
        Event.parse(kind, 0.0, payload)
    assert set(EventKind) == {"decision", "outcome", "feedback"}
