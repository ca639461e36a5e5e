"""Decisions as MLflow's traces, feedback as assessments: what is written, and that nobody waits for it."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_world import small_base

from arbiter.errors import InvalidInputError, MissingExtraError
from arbiter.integrations.mlflow_spans import span_dicts, trace_fields, trace_id
from arbiter.integrations.mlflow_stories import Call, Story
from arbiter.integrations.mlflow_traces import TraceOptions, Traces
from arbiter.integrations.quiet_mlflow import calm, import_mlflow
from arbiter.ledger import Event, PromptPolicy, PromptStorage, SqliteLedger
from arbiter.records import Decision, Outcome
from arbiter.service import Arbiter, ServiceOptions
from arbiter.vocabulary import FallbackReason

pytest.importorskip("mlflow", reason="mlflow is not installed (extra [train])")

SECRET = "The patient is called Aurelia Quint."
QUICK = TraceOptions(linger_s=0.0, retry_s=0.05)


def service(*listeners: Traces, prompts: PromptStorage | None = None, ledger: Any = None) -> Arbiter:
    options = ServiceOptions(seed=0, listeners=listeners, prompts=prompts or PromptStorage())
    return Arbiter(small_base(), ledger, options)


def uri_of(store: Path) -> str:
    return f"sqlite:///{store / 'mlflow.db'}"


@pytest.fixture
def traces(store: Path) -> Iterator[Traces]:
    with Traces(uri_of(store), options=QUICK) as found:
        yield found


def trace_of(store: Path, decision: Decision) -> Any:
    with calm():
        return import_mlflow().MlflowClient(uri_of(store)).get_trace(trace_id(decision.id))


def outcome(decision: Decision, model: str = "", **values: Any) -> Outcome:
    known = {"ok": True, "cost_usd": 0.25, "latency_s": 0.5, "input_tokens": 7, "output_tokens": 3, **values}
    return Outcome(decision_id=decision.id, model=model or decision.model, **known)


def story(decision: Decision, outcomes: Sequence[Outcome]) -> Story:
    """Give a decision at second 100 and its calls, each a second after the one before."""
    calls = {o.attempt: Call.recorded(Event(record=o, timestamp=101.0 + o.attempt)) for o in outcomes}
    return Story(decided=Event(record=decision, timestamp=100.0, prompt={"text": "Hello"}), calls=calls)


def test_a_story_on_paper() -> None:
    """The choice spans its calls; the chosen one that failed and the one that answered are calls, the rest is beside.

    So an import makes one request of them, about the model that was chosen.
    """
    decision = service().route("Hello")
    first, second, third = list(decision.estimates)[:3]
    decision = replace(decision, model=first)
    spoilt = {"ok": False, "cost_usd": 0.0, "output_tokens": None}
    told = story(
        decision,
        [
            outcome(decision, first, fallback_reason=FallbackReason.RATE_LIMITED, **spoilt),
            outcome(decision, second, fallback_reason=FallbackReason.TIMEOUT, attempt=1, **spoilt),
            outcome(decision, third, attempt=2),
        ],
    )
    root, *calls = span_dicts(told)
    assert [c["attributes"]["mlflow.spanType"] for c in calls] == ['"CHAT_MODEL"', '"TASK"', '"CHAT_MODEL"']
    assert [c["status"]["message"] for c in calls] == ["rate_limited", "timeout", ""]
    assert ["arbiter.propensity" in c["attributes"] for c in calls] == [True, False, True]
    assert {c["attributes"].get("arbiter.model") for c in calls} == {f'"{first}"', None}
    assert {c["parent_span_id"] for c in calls} == {root["span_id"]} and root["parent_span_id"] is None
    lasted_ns = [(span["start_time_unix_nano"], span["end_time_unix_nano"]) for span in (root, calls[0])]
    assert lasted_ns == [(100_000_000_000, 103_000_000_000), (100_500_000_000, 101_000_000_000)]
    fields = trace_fields(told)
    assert fields["request_time"] == 100_000 and fields["execution_duration"] == 3_000
    assert fields["trace_metadata"]["mlflow.trace.cost"] == '{"total_cost": 0.25}' and not told.failed
    assert story(decision, [outcome(decision, ok=False)]).failed and not story(decision, []).failed


def test_a_choice_made_elsewhere_has_no_propensity() -> None:
    """Its probability is not known, and 1 would be read as known."""
    decision = service().observe("Hello", "gpt-4o")
    (root, call) = span_dicts(story(decision, [outcome(decision)]))
    assert "arbiter.propensity" not in {**call["attributes"], **trace_fields(story(decision, []))["tags"]}
    assert '"propensity": null' in root["attributes"]["mlflow.spanOutputs"]


def test_a_decision_becomes_a_trace_and_a_later_call_joins_it(store: Path, traces: Traces) -> None:
    """With propensity, candidates, session and user; then with tokens, cost and who answered."""
    with service(traces) as served:
        decision = served.route("What is a fjord?", session_id="s1", user="ada")
        assert traces.flush()
        before = trace_of(store, decision)
        served.record(outcome(decision))
        assert traces.flush() and traces.lost == 0
    after = trace_of(store, decision)
    assert before.info.client_request_id == decision.id and before.info.request_preview == "What is a fjord?"
    assert float(before.info.tags["arbiter.propensity"]) == decision.propensity
    assert before.info.tags["arbiter.model"] == decision.model
    noted = before.info.trace_metadata
    assert (noted["mlflow.trace.session"], noted["mlflow.trace.user"]) == ("s1", "ada")
    (root,) = before.data.spans
    assert root.outputs["action_probs"] == dict(decision.action_probs)
    assert set(root.outputs["estimates"]) == set(decision.estimates)
    assert [span.name for span in after.data.spans] == ["arbiter.route", f"chat {decision.model}"]
    call = after.data.spans[1]
    assert call.parent_id == root.span_id and call.span_type == "CHAT_MODEL"
    assert call.inputs["messages"] == [{"role": "user", "content": "What is a fjord?"}]
    assert after.info.token_usage == {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    assert call.llm_cost == {"total_cost": 0.25} and str(after.info.state) == "OK"


def test_a_decision_without_an_answer_is_an_error(store: Path, traces: Traces) -> None:
    """Its trace says so, and why."""
    with service(traces) as served:
        decision = served.route("Hello")
        served.record(outcome(decision, ok=False, output_tokens=None, fallback_reason=FallbackReason.TIMEOUT))
        assert traces.flush()
    trace = trace_of(store, decision)
    assert str(trace.info.state) == "ERROR" and trace.data.spans[1].status.description == "timeout"


@pytest.mark.parametrize("policy", list(PromptPolicy))
def test_as_much_of_a_request_is_in_the_store_as_in_the_ledger(
    store: Path, traces: Traces, policy: PromptPolicy
) -> None:
    """Its text, a hash of it, or nothing."""
    with service(traces, prompts=PromptStorage(policy=policy, salt="x")) as served:
        decision = served.route(SECRET)
        served.record(outcome(decision))
        (kept,) = [event.prompt for _, event in served.ledger.events() if event.record == decision]
        assert traces.flush()
    written = (store / "mlflow.db").read_bytes()
    assert (SECRET.encode() in written) == (policy is PromptPolicy.FULL)
    assert (str((kept or {}).get("sha256")).encode() in written) == (policy is PromptPolicy.HASHED)


def test_feedback_becomes_assessments(store: Path, traces: Traces) -> None:
    """By source; another value of the same source and key overrides, several raters stand beside one another."""
    with service(traces) as served:
        decision = served.route("Hello")
        served.feedback(decision.id, quality=0.2)
        served.feedback(decision.id, quality=0.9)
        served.feedback(decision.id, quality=0.4, source="judge", key="gpt-4o")
        served.feedback(decision.id, quality=0.6, source="judge", key="claude")
        served.feedback(decision.id, quality=1.0, source="implicit")
        served.feedback(decision.id, latency_s=2.0)
        assert traces.flush() and traces.lost == 0
    told = [
        (a.source.source_type, a.source.source_id, a.feedback.value, a.valid, a.metadata["arbiter.source"])
        for a in sorted(trace_of(store, decision).info.assessments, key=lambda a: a.create_time_ms)
    ]
    assert told == [
        ("HUMAN", "human", 0.2, False, "human"),
        ("HUMAN", "human", 0.9, True, "human"),
        ("LLM_JUDGE", "gpt-4o", 0.4, True, "judge"),
        ("LLM_JUDGE", "claude", 0.6, True, "judge"),
        ("CODE", "implicit", 1.0, True, "implicit"),
    ]


def test_feedback_finds_its_trace_from_another_process(store: Path, tmp_path: Path) -> None:
    """The trace's id follows from the decision's; a decision without a trace is no error."""
    with Traces(uri_of(store), options=QUICK) as traces, service(traces, ledger=SqliteLedger(tmp_path / "l.db")) as one:
        decision = one.route("Hello")
        one.feedback(decision.id, quality=0.1)
    with service(ledger=SqliteLedger(tmp_path / "l.db")) as quiet:
        untold = quiet.route("Hello")
    with Traces(uri_of(store), options=QUICK) as traces, service(traces, ledger=SqliteLedger(tmp_path / "l.db")) as two:
        two.feedback(decision.id, quality=0.7)
        two.feedback(untold.id, quality=0.7)
    assert traces.lost == 0
    values = {a.feedback.value: a.valid for a in trace_of(store, decision).info.assessments}
    assert values == {0.1: False, 0.7: True}


def test_a_share_takes_decisions_whole() -> None:
    """The same ones in every process, about as many as asked for."""
    taken: list[Any] = []

    class Counting(Traces):
        def _take(self, items: Any) -> None:
            taken.extend(items)

    with Counting("sqlite:///never-opened.db", options=TraceOptions(share=0.3)) as traces, service(traces) as served:
        decisions = served.route_batch(["Hello"] * 600)
        for decision in decisions:
            served.feedback(decision.id, quality=0.5)
    chosen = [event.decision_id for event in taken if isinstance(event.record, Decision)]
    judged = [event.decision_id for event in taken if not isinstance(event.record, Decision)]
    assert sorted(chosen) == sorted(judged)
    assert 120 <= len(chosen) <= 240  # five standard deviations of Binomial(600, 0.3) are 56
    with pytest.raises(InvalidInputError, match="share"):
        TraceOptions(share=0.0)


def silent_server() -> socket.socket:
    """Give a server that takes connections and never says a word."""
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    found.listen(64)
    return found


@pytest.mark.parametrize("listening", [False, True], ids=["nobody there", "never answers"])
def test_a_server_that_is_away_costs_nobody_an_answer(listening: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Routing is as fast as ever; what could not be written is counted and told; no thread stays."""
    with silent_server() as server:
        port = server.getsockname()[1]
        if not listening:
            server.close()
        with service() as bare:
            alone = lasted(bare)
        traces = Traces(f"http://127.0.0.1:{port}", options=TraceOptions(linger_s=0.0, retry_s=0.05, most_waiting=150))
        with service(traces) as served:
            beside = lasted(served)
        assert not traces.flush(0.2)
        traces.close()
        traces.close()
    assert beside < 10 * alone + 0.5
    assert traces.lost == 200 and "is away" in caplog.text
    assert not [thread for thread in threading.enumerate() if thread.name == "arbiter-traces"]


def lasted(served: Arbiter) -> float:
    """Give the seconds that 200 requests take."""
    started = time.perf_counter()
    for _ in range(200):
        served.route("Hello")
    return time.perf_counter() - started


def test_what_a_store_refuses_is_counted(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An experiment that was deleted takes no traces; what people wrote is not in the log."""
    with calm():
        client = import_mlflow().MlflowClient(uri_of(store))
        client.delete_experiment(client.create_experiment("gone"))
    with Traces(uri_of(store), "gone", QUICK) as traces, service(traces) as served:
        served.route(SECRET)
        served.route(SECRET)
    assert traces.lost == 2 and "did not take an event" in caplog.text and SECRET not in caplog.text


def test_mlflow_is_loaded_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the import; where it is not installed, the extra is named."""
    code = "import sys, arbiter.integrations.mlflow_traces; print({'mlflow', 'opentelemetry'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'arbiter-router\[train\]'"):
        Traces("sqlite:///never-opened.db")


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log names it without its password; the writer lives on."""
    there = tmp_path / "file"
    there.write_text("no folder")
    with Traces(f"sqlite:///{there}/mlflow.db", options=QUICK) as traces, service(traces) as served:
        served.route("Hello")
        assert traces.flush(60.0) and traces.lost == 1
        served.route("Hello")
        assert traces.flush(60.0) and traces.lost == 2
    assert "did not take an event" in caplog.text
    with Traces("http://ada:hunter2@127.0.0.1:9", options=QUICK) as traces, service(traces) as served:
        served.route("Hello")
    assert traces.lost == 1 and "http://***@127.0.0.1:9 is away" in caplog.text and "hunter2" not in caplog.text
