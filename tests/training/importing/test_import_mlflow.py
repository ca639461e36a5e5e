"""MLflow's traces and assessments, logged by its client into a store of SQLite."""

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from import_runs import imported, reason_of, write_lines
from mlflow_store import mlflow_traces

from arbiter.errors import TrafficError
from arbiter.integrations.quiet_mlflow import calm, import_mlflow
from arbiter_training.importing.formats.mlflow_traces import MLflowTraces
from arbiter_training.importing.items import Reason

MODEL, USAGE = "gpt-4o", {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A store with traces.

    Attributes
    ----------
    uri : of the store.
    traces : name of a trace to its id.
    exported : every trace as its own ``to_dict`` gives it.
    """

    uri: str
    traces: dict[str, str]
    exported: list[dict[str, Any]]


class Logger:
    """Logs traces by MLflow's own functions."""

    def __init__(self, mlflow: Any) -> None:
        self._mlflow = mlflow
        self.traces: dict[str, str] = {}

    def call(self, text: str, model: str = MODEL, kind: str = "CHAT_MODEL", name: str = "chat") -> None:
        """Open and close a span of a model."""
        with self._mlflow.start_span(name=name, span_type=kind) as span:
            span.set_inputs({"model": model, "messages": [{"role": "user", "content": text}]})
            span.set_attributes({"mlflow.chat.tokenUsage": USAGE, "mlflow.llm.cost": {"total_cost": 0.3}})
            span.set_outputs({"id": f"chatcmpl-{text[:5]}"})

    def trace(self, name: str, *calls: Any, kind: str = "CHAIN", **noted: Any) -> str:
        """Log a trace of calls."""
        with self._mlflow.start_span(name=name, span_type=kind) as root:
            root.set_inputs({"question": name})
            for call in calls:
                call()
            if noted:
                self._mlflow.update_current_trace(**noted)
        self.traces[name] = root.trace_id
        return str(root.trace_id)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a store with a plain trace, one of two calls, an agent's with a sub-agent, a title and a scorer's."""
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow = import_mlflow()
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    with calm(), warnings.catch_warnings(), mlflow_traces(mlflow, uri, "chat"):
        warnings.simplefilter("ignore")
        mlflow.create_experiment("other", artifact_location=folder.as_uri())
        traces = _log(mlflow)
        client = mlflow.MlflowClient()
        chat = mlflow.get_experiment_by_name("chat").experiment_id
        exported = [trace.to_dict() for trace in client.search_traces(locations=[chat])]
    yield Store(uri=uri, traces=traces, exported=exported)


def _log(mlflow: Any) -> dict[str, str]:
    log = Logger(mlflow)
    tags, session = {"arbiter.propensity": "0.25", "arbiter.decision_id": "d-7"}, {"mlflow.trace.session": "s-1"}
    log.trace("plain", lambda: log.call("What is up with the tides?"), tags=tags, metadata=session)
    log.trace("two", lambda: log.call("First question"), lambda: log.call("Second question", "gpt-4o-mini"), tags=tags)

    def agent(name: str, *calls: Any) -> None:
        with mlflow.start_span(name=name, span_type="AGENT"):
            for call in calls:
                call()

    log.trace("agent", lambda: log.call("The agent's own call"),
              lambda: agent("sub", lambda: log.call("A sub-agent's call")), kind="AGENT")  # fmt: skip
    log.trace("wrapped", lambda: _nested(mlflow, log))
    log.trace("title", lambda: log.call("Anything", name="generate_title_call"))
    log.trace("embed", lambda: log.call("A text", kind="EMBEDDING"))
    log.trace("scored", lambda: log.call("A scorer's call"), tags={"mlflow.trace.sourceScorer": "correctness"})
    mlflow.flush_trace_async_logging()
    human = mlflow.entities.AssessmentSource(source_type="HUMAN", source_id="bob")
    judge = mlflow.entities.AssessmentSource(source_type="LLM_JUDGE", source_id="some-model")
    mlflow.log_feedback(trace_id=log.traces["plain"], name="helpful", value=True, source=human)
    mlflow.log_feedback(trace_id=log.traces["plain"], name="helpful", value=0.1, source=judge)
    mlflow.log_feedback(trace_id=log.traces["two"], name="rating", value=4, source=human)
    mlflow.log_feedback(trace_id=log.traces["two"], name="comment", value="well", source=human)
    return log.traces


def _nested(mlflow: Any, log: Logger) -> None:
    """Open a library's span around the provider's span of the same call."""
    with mlflow.start_span(name="wrapper", span_type="LLM") as span:
        span.set_inputs({"model": MODEL, "messages": [{"role": "user", "content": "Counted once?"}]})
        log.call("Counted once?")


def test_a_store_by_its_uri(store: Store, tmp_path: Path) -> None:
    """Calls become rows; what is none, a sub-agent's, a title, a scorer's and a call inside of a call do not."""
    found = imported(tmp_path, store.uri, experiment="chat")
    assert found.report.format == "mlflow"
    prompts = [row["prompt"] for row in found.rows]
    assert sorted(prompts) == sorted(
        ["What is up with the tides?", "First question", "Second question", "The agent's own call", "Counted once?"]
    )
    assert found.dropped() == {
        Reason.NOT_A_CALL: 8, Reason.SUB_AGENT: 1, Reason.TITLE: 1, Reason.NESTED: 1, Reason.INTERNAL: 1,
    }  # fmt: skip


def test_a_plain_trace_keeps_every_fact(store: Store, tmp_path: Path) -> None:
    """Tokens, cost, session, and the choice in its tags; a human's word goes before a judge's."""
    found = imported(tmp_path, store.uri, experiment="chat")
    (row,) = (r for r in found.rows if "tides" in str(r["prompt"]))
    assert (row["model"], row["session_id"], row["status"]) == (MODEL, "s-1", "ok")
    assert (row["input_tokens"], row["output_tokens"], row["cost_usd"]) == (7, 3, 0.3)
    assert (row["propensity"], row["decision_id"]) == (0.25, "d-7")
    assert (row["quality"], row["quality_source"]) == (1.0, "human")
    assert row["request_id"].startswith(store.traces["plain"]) and row["latency_s"] >= 0.0


def test_what_is_noted_of_a_trace_is_not_of_each_of_its_calls(store: Store, tmp_path: Path) -> None:
    """One decision cannot have been two calls; feedback on the trace is about both, on the scale that is told."""
    found = imported(tmp_path, store.uri, experiment="chat", rules=_rated())
    rows = [r for r in found.rows if "question" in str(r["prompt"])]
    assert [r["propensity"] for r in rows] == [None, None]
    assert [r["quality"] for r in rows] == [0.75, 0.75]
    assert found.report.feedback_names == {"rating: read": 1, "helpful: other name": 2, "comment: other name": 1}


def _rated() -> Any:
    from arbiter_training.importing import QualityRules

    return QualityRules(names=frozenset({"rating"}), scales={"rating": (1.0, 5.0)})


def test_an_export_says_the_same_as_the_store(store: Store, tmp_path: Path) -> None:
    """As JSONL, as one JSON list, and as rows of search_traces; found out each time."""
    own = imported(tmp_path, store.uri, experiment="chat").rows
    whole = tmp_path / "traces.json"
    whole.write_text(json.dumps(store.exported, indent=1))
    frames = [{"trace_id": t["info"]["trace_id"], "trace": json.dumps(t), "state": "OK"} for t in store.exported]
    lines = write_lines(tmp_path / "traces.jsonl", store.exported), write_lines(tmp_path / "frame.jsonl", frames)
    for path in (whole, *lines):
        found = imported(tmp_path, path)
        assert found.report.format == "mlflow"
        assert _sorted(found.rows) == _sorted(own), path


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["request_id"]))


def test_wrong_stores_are_one_line(store: Store, tmp_path: Path) -> None:
    """An experiment that is not there names those that are; a store that is not there is not made."""
    with pytest.raises(TrafficError, match=r"no experiment 'chatt'; there are .*chat"):
        imported(tmp_path, store.uri, experiment="chatt")
    with pytest.raises(TrafficError, match="there is no such store"):
        imported(tmp_path, f"sqlite:///{tmp_path / 'none.db'}")
    assert not (tmp_path / "none.db").exists()


def test_the_older_layout_is_read() -> None:
    """request_id in info, tags as a list, and a trace that is not finished."""
    spans = [
        {"name": "chat", "context": {"trace_id": "0x1a", "span_id": "0x2b"}, "attributes": {
            "mlflow.spanType": '"CHAT_MODEL"', "mlflow.spanInputs": '{"model": "m", "prompt": "hello"}'},
         "start_time": 1.8e18, "end_time": 1.8e18 + 1e9},
    ]  # fmt: skip
    info = {"request_id": "r1", "tags": [{"key": "arbiter.propensity", "value": "0.5"}]}
    (call,) = MLflowTraces().read({"info": info, "data": {"spans": spans}})
    assert (call.model, call.request, call.propensity, call.latency_s) == ("m", "hello", 0.5, 1.0)  # type: ignore[union-attr]
    unfinished = {"info": {"trace_id": "t", "state": "IN_PROGRESS"}, "data": {"spans": spans}}
    assert reason_of(MLflowTraces(), unfinished) == Reason.NOT_FINISHED
    assert reason_of(MLflowTraces(), {"info": {}, "data": {}}) == Reason.NOT_THE_FORMAT
