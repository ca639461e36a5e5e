"""Calls to a server on loopback, traced by the instrumentation of MLflow and of LiteLLM, and imported."""

import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai_server
import pytest
from import_runs import imported, write_lines
from mlflow_store import mlflow_traces
from otel_logs import otlp_json

from arbiter.errors import MissingExtraError
from arbiter.integrations.quiet_mlflow import calm, import_mlflow
from arbiter.quiet_litellm import import_litellm

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of France?"}]
STREAMED = [{"role": "user", "content": "And slowly?"}]
FAILED = [{"role": "user", "content": "And wrongly?"}]
MODEL = "gpt-4o-mini"
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def server() -> Iterator[openai_server.OpenAIServer]:
    """Give a provider that answers for 10 and 5 tokens, and fails for one model."""
    with openai_server.running() as running:
        running.models["bad"] = openai_server.fails(400)
        yield running


@pytest.fixture(scope="module")
def litellm() -> Any:
    """Give LiteLLM; skip where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return import_litellm()
        except MissingExtraError as error:
            pytest.skip(str(error))


def test_what_mlflow_traces_of_the_openai_sdk(server: openai_server.OpenAIServer, tmp_path: Path) -> None:
    """A call, a stream and a failure: messages, tokens, and the price that MLflow adds."""
    openai = pytest.importorskip("openai", reason="openai is not installed: pip install openai")
    mlflow = import_mlflow()
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with calm(), warnings.catch_warnings(), mlflow_traces(mlflow, uri, "auto"):
        warnings.simplefilter("ignore")
        mlflow.openai.autolog()
        try:
            with openai.OpenAI(base_url=server.url, api_key="any", max_retries=0) as client:
                create = client.chat.completions.create
                create(model=MODEL, messages=ASKED)
                list(create(model=MODEL, messages=STREAMED, stream=True, stream_options={"include_usage": True}))
                with pytest.raises(openai.BadRequestError):
                    create(model="bad", messages=FAILED)
        finally:
            mlflow.openai.autolog(disable=True)
            mlflow.flush_trace_async_logging()
    found = imported(tmp_path, uri, experiment="auto")
    plain, streamed, failed = sorted(found.rows, key=lambda row: row["timestamp"])
    assert found.dropped() == {}
    assert json.loads(plain["messages"]) == ASKED and streamed["prompt"] == STREAMED[0]["content"]
    for row in (plain, streamed):
        assert (row["model"], row["status"], row["input_tokens"], row["output_tokens"]) == (MODEL, "ok", 10, 5)
        assert row["cost_usd"] == pytest.approx(10 * 0.15e-6 + 5 * 0.6e-6)
    assert (failed["model"], failed["status"], failed["cost_usd"]) == ("bad", "error", None)


def test_what_litellm_traces_by_opentelemetry(litellm: Any, server: openai_server.OpenAIServer, tmp_path: Path) -> None:
    """LiteLLM's own span is the call, the provider's raw one inside of it is none; feedback comes by its call id."""
    exporting = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="not installed")
    kept = exporting.InMemorySpanExporter()
    before = litellm.callbacks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from litellm.integrations.opentelemetry import OpenTelemetry, OpenTelemetryConfig

        litellm.callbacks = [OpenTelemetry(config=OpenTelemetryConfig(exporter=kept))]
        try:
            where = {"api_base": server.url, "api_key": "any", "max_retries": 0}
            litellm.completion(model=f"openai/{MODEL}", messages=ASKED, **where)
            with pytest.raises(litellm.BadRequestError):
                litellm.completion(model="openai/bad", messages=FAILED, **where)
            _wait_for(kept, 2)
        finally:
            litellm.callbacks = before
    spans = kept.get_finished_spans()
    call = next(s.attributes["litellm.call_id"] for s in spans if s.attributes.get("gen_ai.response.model") == MODEL)
    log = write_lines(tmp_path / "spans.jsonl", [otlp_json(spans)])
    feedback = write_lines(tmp_path / "feedback.jsonl", [{"litellm_call_id": call, "value": 0.75}])
    found = imported(tmp_path, log, feedback=(feedback,))
    assert found.report.format == "otel"
    good = found.by_model()[MODEL]
    assert json.loads(good["messages"]) == ASKED and good["quality"] == 0.75
    assert (good["input_tokens"], good["output_tokens"], good["provider"]) == (10, 5, "openai")
    assert good["cost_usd"] == pytest.approx(10 * 0.15e-6 + 5 * 0.6e-6)
    assert found.by_model()["bad"]["status"] == "error"


def _wait_for(kept: Any, calls: int) -> None:
    """LiteLLM ends its spans on a thread of its own."""
    deadline = time.monotonic() + PATIENCE_S
    while sum(span.name == "litellm_request" for span in kept.get_finished_spans()) < calls:
        assert time.monotonic() < deadline
        time.sleep(0.02)
