"""An LLM judge at training time, against a real server on loopback."""

import importlib.util
import logging
from collections.abc import Iterator

import numpy as np
import pytest
from gatekeeper import llm_server

from arbiter.errors import InvalidInputError
from arbiter.quiet_litellm import import_litellm
from arbiter_training.judge import JudgeOptions, with_judge
from arbiter_training.labels import conflicts_of, label_sources, labels_of
from arbiter_training.traffic import OutcomeMatrix, pivot, traffic_from_records

# litellm's own types make pydantic warn at the first call; the message names neither of them.
pytestmark = pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class:UserWarning")


@pytest.fixture(scope="module", autouse=True)
def litellm() -> None:
    """Import litellm before a time limit runs."""
    if importlib.util.find_spec("litellm") is None:
        pytest.skip("litellm is not installed")
    import_litellm()


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[llm_server.Stub]:
    """Give a server that says law, expert, minimal harm, medium stake of everything."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    found, stop = llm_server.serve()
    yield found
    stop()


def log(n: int) -> OutcomeMatrix:
    """Give n requests answered by one model; every other one is labelled math."""
    rows = [
        {"request_id": f"r{i}", "prompt": f"question {i}", "model": "m", "quality": 1.0}
        | ({"domain": "math"} if i % 2 else {})
        for i in range(n)
    ]
    return pivot(traffic_from_records(rows))


def judging(stub: llm_server.Stub, **options: int) -> JudgeOptions:
    return JudgeOptions(model="openai/stub", api_base=stub.url, time_limit_s=10.0, **options)


def test_without_a_model_nobody_is_asked() -> None:
    """The default leaves the log as it is."""
    found = log(4)
    assert with_judge(found, JudgeOptions()) is found


def test_the_judge_labels_what_the_log_does_not(stub: llm_server.Stub) -> None:
    """A label in the log stays; the judge's fills the gap, and where the two differ it is told."""
    found = with_judge(log(220), judging(stub))
    sources = label_sources(found)
    assert labels_of(sources)["domain"].tolist() == [4 if i % 2 == 0 else 1 for i in range(220)]
    told = {(c.head, c.kept, c.other): (c.both, c.differ) for c in conflicts_of(sources, found.request_ids.tolist())}
    assert told["domain", "log", "judge"] == (110, 110)


def test_no_more_are_shown_than_allowed(stub: llm_server.Stub) -> None:
    """Each call costs; the draw is the same for the same seed."""
    shown = [with_judge(log(20), judging(stub, most=5)).labels["judge:stake"] for _ in range(2)]
    assert sum(label == "medium" for label in shown[0]) == 5
    assert np.array_equal(shown[0], shown[1])
    assert len(stub.bodies) == 10


def test_a_judge_that_fails_leaves_labels_unknown(stub: llm_server.Stub, caplog: pytest.LogCaptureFixture) -> None:
    """An answer that is no label is no label, and the log says how many there were."""
    stub.behave = llm_server.saying("I would rather not.")
    with caplog.at_level(logging.WARNING):
        found = with_judge(log(3), judging(stub))
    assert found.labels["judge:domain"].tolist() == [None] * 3
    assert "failed on 3 of 3" in caplog.text


@pytest.mark.parametrize(("name", "value"), [("most", 0), ("at_once", 0), ("time_limit_s", 0.0)])
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    """The message names the setting and the value."""
    with pytest.raises(InvalidInputError, match=f"{name}.*{value}"):
        JudgeOptions(**{name: value})  # type: ignore[arg-type]
