"""What arbiter serves, written to MLflow as traces, comes back as the traffic that the ledger would have told of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openai_server
import provider_world
import pytest
from import_runs import imported

from arbiter.errors import TrafficError
from arbiter.integrations.mlflow_traces import TraceOptions, Traces
from arbiter.ledger import PromptPolicy, PromptStorage
from arbiter.policies import ConstantPolicy
from arbiter.records import Outcome
from arbiter.service import Arbiter
from arbiter.serving_log import serving_log
from arbiter_training.traffic import read_traffic, require_texts

pytestmark = provider_world.QUIET
pytest.importorskip("mlflow", reason="mlflow is not installed (extra [train])")

EXACT = (
    *("model", "propensity", "quality", "cost_usd", "output_tokens", "status", "served_by", "served_quality"),
    *("prompt", "policy_version", "prompt_kept"),
)
"""What must agree to the last bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What was served.

    Attributes
    ----------
    rows : decision to its row, by the ledger.
    uri : of the store that it was traced to.
    """

    rows: dict[str, dict[str, Any]]
    uri: str


@pytest.fixture
def served(store: Path) -> Iterator[Served]:
    """Serve plain requests, one that another model answers, a stream, one that is called elsewhere, one that is not."""
    uri = f"sqlite:///{store / 'mlflow.db'}"
    with provider_world.running(time_limit_s=20.0, most_wait_s=0.1) as world, Traces(uri, options=QUICK) as traces:
        router = replace(world.service.router, policy=ConstantPolicy([0.5, 0.3, 0.2]))
        service = Arbiter(router, world.service.ledger, replace(world.service.options, listeners=(traces,)))
        for i in range(4):
            decision = service.complete(f"Question {i}?", session_id="s1").decision
            service.feedback(decision.id, quality=i / 7)
        service.feedback(decision.id, quality=0.875)  # thinks again
        list(service.stream("A stream?"))
        elsewhere = service.route("Called elsewhere?")
        known = {"cost_usd": 0.0123, "latency_s": 0.75, "input_tokens": 7, "output_tokens": 3}
        service.record(Outcome(decision_id=elsewhere.id, model=elsewhere.model, ok=True, **known))
        service.route("Never called?")
        world.servers[service.route("Fails?").model].behave = openai_server.rate_limited(None)
        for server in list(world.servers.values())[:2]:
            server.behave = openai_server.rate_limited(None)
        for _ in range(4):
            service.feedback(service.complete("Fails?").decision.id, quality=0.5)
        rows = {str(row["request_id"]): dict(row) for row in serving_log(service.ledger).rows}
        assert traces.flush() and traces.lost == 0
    yield Served(rows=rows, uri=uri)


QUICK = TraceOptions(linger_s=0.0)


def test_traffic_comes_back_as_it_was_served(served: Served, tmp_path: Path) -> None:
    """One row for each decision that was carried out; propensity, cost, quality, status and who stood in agree."""
    found = imported(tmp_path, served.uri, experiment="arbiter serving")
    back = {row["decision_id"]: row for row in found.rows}
    called = {name: row for name, row in served.rows.items() if "cost_usd" in row or row["status"] != "ok"}
    assert set(back) == set(called) and len(found.rows) == len(called) >= 9
    assert len({row["propensity"] for row in back.values()}) > 1 and any(row["served_by"] for row in back.values())
    for name, row in called.items():
        assert {key: back[name].get(key) for key in EXACT} == {key: row.get(key) for key in EXACT}
        if "latency_s" in row:
            assert back[name]["latency_s"] == pytest.approx(row["latency_s"], abs=1e-6)
    stream = next(row for row in back.values() if row["prompt"] == "A stream?")
    assert 0.0 < stream["ttft_s"] <= stream["latency_s"]
    require_texts(read_traffic([found.path]), "nothing is lacking")


def test_a_request_that_was_not_kept_is_not_taken_for_a_text(store: Path, tmp_path: Path) -> None:
    """Hashes can be evaluated on, by models; no router can be learned from them."""
    uri = f"sqlite:///{store / 'mlflow.db'}"
    with provider_world.running() as world, Traces(uri, options=QUICK) as traces:
        hashed = PromptStorage(policy=PromptPolicy.HASHED)
        options = replace(world.service.options, listeners=(traces,), prompts=hashed)
        Arbiter(world.service.router, world.service.ledger, options).complete("Aurelia Quint?")
        assert traces.flush()
    found = imported(tmp_path, uri)
    (row,) = found.rows
    assert row["prompt"].startswith("sha256:") and row["prompt_kept"] == "hashed"
    with pytest.raises(TrafficError, match="1 of 1 rows hold no text"):
        require_texts(read_traffic([found.path]), "nothing can be learned")
