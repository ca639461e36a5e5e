"""LiteLLM's payloads, produced by LiteLLM, and its spend table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from import_runs import Imported, imported, reason_of, write_lines
from litellm_logs import record_payloads

from arbiter_training.importing.formats.litellm_payload import LiteLLMPayload
from arbiter_training.importing.formats.litellm_spend import LiteLLMSpend
from arbiter_training.importing.items import Call, Reason


@pytest.fixture(scope="module")
def payloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of what LiteLLM's callback was handed."""
    return record_payloads(tmp_path_factory.mktemp("litellm") / "payloads.jsonl")


@pytest.fixture(scope="module")
def read(payloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """Give it imported, its format found out."""
    return imported(tmp_path_factory.mktemp("out"), payloads)


def raw(payloads: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in payloads.read_text().splitlines()]


def row_of(read: Imported, words: str) -> dict[str, Any]:
    (row,) = (r for r in read.rows if words in f"{r['prompt']}{r['messages']}")
    return row


def test_the_format_is_found_out(read: Imported) -> None:
    """By what is in the payload; six calls are four requests."""
    assert read.report.format == "litellm" and read.report.rows_read == 6 and read.report.kept == 4
    assert read.dropped() == {str(Reason.FOLDED): 2}


def test_a_plain_call_keeps_every_fact(read: Imported, payloads: Path) -> None:
    """Messages, tokens, cost, times as in the payload; and the choice that arbiter wrote into its metadata."""
    row, said = row_of(read, "monad"), raw(payloads)[0]
    assert json.loads(row["messages"])[0] == {"role": "system", "content": "Be brief."}
    assert (row["model"], row["status"]) == ("gpt-4o-mini", "ok")
    assert (row["cost_usd"], row["input_tokens"]) == (said["response_cost"], said["prompt_tokens"])
    assert row["latency_s"] == pytest.approx(said["endTime"] - said["startTime"], abs=1e-6)
    assert row["timestamp"].timestamp() == pytest.approx(said["startTime"], abs=1e-6)
    assert (row["propensity"], row["decision_id"], row["policy_version"]) == (0.25, "d-1", "p1")
    assert row["ttft_s"] is None, "there is no first token without streaming"


def test_retry_and_fallback_are_one_row_about_the_model_that_was_chosen(read: Imported, payloads: Path) -> None:
    """Chosen gpt-4o failed twice; gpt-4o-mini answered, and gets no row."""
    row = row_of(read, "falls back")
    attempts = [p for p in raw(payloads) if "falls back" in json.dumps(p["messages"])]
    assert (row["model"], row["status"], row["attempts"]) == ("gpt-4o", "rate_limited", 3.0)
    assert (row["served_by"], row["quality"]) == ("gpt-4o-mini", None)
    assert row["served_cost_usd"] == attempts[2]["response_cost"]
    assert row["latency_s"] == pytest.approx(attempts[1]["endTime"] - attempts[0]["startTime"], abs=1e-5)


def test_a_stream_has_a_first_token_and_its_whole_latency(read: Imported, payloads: Path) -> None:
    """The payload's response_time is the time to the first token here."""
    row = row_of(read, "slowly")
    (said,) = (p for p in raw(payloads) if p["stream"])
    assert row["stream"] is True and row["ttft_s"] < row["latency_s"]
    assert row["latency_s"] == pytest.approx(said["endTime"] - said["startTime"], abs=1e-6)
    assert row["ttft_s"] == pytest.approx(said["response_time"], abs=1e-6)


def test_an_answer_from_the_cache_says_nothing_of_its_model(payloads: Path, tmp_path: Path) -> None:
    """It has neither cost nor latency, and is a request like others."""
    said = raw(payloads)[0] | {"cache_hit": True, "response_cost": 0.0}
    found = imported(tmp_path, write_lines(tmp_path / "cached.jsonl", [said]))
    (row,) = found.rows
    assert row["cache_hit"] is True and row["cost_usd"] is None and row["latency_s"] is None
    assert found.report.cached == 1


def test_a_failure_is_a_row_with_its_kind(read: Imported) -> None:
    """Not a row with quality 0."""
    row = row_of(read, "Too much")
    assert (row["status"], row["quality"]) == ("error", None)


def test_answers_are_kept_where_that_is_asked_for(read: Imported, payloads: Path, tmp_path: Path) -> None:
    """Of the model that the row is about: not the words of the one that answered in its place."""
    assert "answer" not in read.rows[0]
    found = imported(tmp_path, payloads, answers=True)
    assert row_of(found, "monad")["answer"] == "A monoid." and row_of(found, "slowly")["answer"] == "One two three."
    assert row_of(found, "falls back")["answer"] is None


@pytest.mark.parametrize("key", ["litellm_call_id", "trace_id", "id"])
def test_feedback_finds_its_call_by_any_id(payloads: Path, tmp_path: Path, key: str) -> None:
    """By the header's call id, by the trace, by the response's own id."""
    said = raw(payloads)[0]
    feedback = write_lines(
        tmp_path / "feedback.jsonl", [{"request_id": said[key], "value": "thumbs_up", "source": "human"}]
    )
    found = imported(tmp_path, payloads, feedback=(feedback,))
    row = row_of(found, "monad")
    assert (row["quality"], row["quality_source"]) == (1.0, "human")
    assert (found.report.feedback, found.report.feedback_joined, found.report.judged) == (1, 1, 1)


def test_feedback_on_a_fallback_is_about_who_answered(payloads: Path, tmp_path: Path) -> None:
    """The chosen model's quality stays unknown."""
    attempts = [p for p in raw(payloads) if "falls back" in json.dumps(p["messages"])]
    feedback = write_lines(tmp_path / "f.jsonl", [{"trace_id": attempts[0]["trace_id"], "value": 0.5}])
    row = row_of(imported(tmp_path, payloads, feedback=(feedback,)), "falls back")
    assert (row["quality"], row["served_quality"]) == (None, 0.5)


def spend_rows(payloads: Path) -> Iterator[dict[str, Any]]:
    """Give the payloads as rows of the spend table, as LiteLLM derives them (reference: schema of 1.109.1)."""
    for said in raw(payloads):
        yield {
            "request_id": said["id"], "call_type": said["call_type"], "api_key": "hash", "spend": said["response_cost"],
            "total_tokens": said["total_tokens"], "prompt_tokens": said["prompt_tokens"],
            "completion_tokens": said["completion_tokens"], "startTime": _stamp(said["startTime"]),
            "endTime": _stamp(said["endTime"]), "completionStartTime": _stamp(said["completionStartTime"]),
            "model": said["model"], "model_group": said["model_group"], "cache_hit": str(bool(said["cache_hit"])),
            "metadata": json.dumps({name: said[name] for name in ("cost_breakdown", "error_information")}),
            "messages": json.dumps(said["messages"]),
            "response": "{}", "session_id": said["trace_id"], "status": said["status"],
            "litellm_call_id": said["litellm_call_id"],
        }  # fmt: skip


def _stamp(epoch: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def test_the_spend_table_says_the_same_as_the_payloads(payloads: Path, read: Imported, tmp_path: Path) -> None:
    """Rows, models, costs and latencies are equal; there is no trace, but the session joins the attempts."""
    path = write_lines(tmp_path / "spend.jsonl", spend_rows(payloads))
    found = imported(tmp_path, path)
    assert found.report.format == "litellm-spend" and found.report.kept == read.report.kept
    for name in ("model", "cost_usd", "status", "served_by", "attempts"):
        assert [row[name] for row in found.rows] == [row[name] for row in read.rows], name
    pairs = zip(found.rows, read.rows, strict=True)
    assert all(a["latency_s"] == pytest.approx(b["latency_s"], abs=2e-6) for a, b in pairs)


def test_the_spend_table_as_csv(payloads: Path, tmp_path: Path) -> None:
    """The same rows come of CSV."""
    import csv

    rows = list(spend_rows(payloads))
    with (tmp_path / "spend.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    found, same = imported(tmp_path, tmp_path / "spend.csv"), write_lines(tmp_path / "spend.jsonl", rows)
    (tmp_path / "again").mkdir()
    assert found.rows == imported(tmp_path / "again", same).rows


BASE = {
    "litellm_call_id": "c", "startTime": 1.8e9, "endTime": 1.8e9 + 2, "hidden_params": {}, "model": "gpt-4o",
    "messages": [{"role": "user", "content": "hello there"}], "status": "success", "call_type": "acompletion",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metadata": {"internal_call_origin": "autorouter_classifier"}}, Reason.INTERNAL),
        ({"metadata": {"is_silent_experiment": True}}, Reason.INTERNAL),
        ({"metadata": {"turn_type": "sub_agent"}}, Reason.SUB_AGENT),
        ({"call_type": "aembedding"}, Reason.NOT_A_CALL),
        ({"messages": "redacted-by-litellm"}, Reason.NO_REQUEST),
        ({"messages": None}, Reason.NO_REQUEST),
        ({"messages": [{"role": "system", "content": "only"}]}, Reason.NO_USER),
        ({"model": "", "model_group": ""}, Reason.NO_MODEL),
        ({"response_cost": -1}, Reason.BAD_NUMBER),
        ({"prompt_tokens": "many"}, Reason.BAD_NUMBER),
        ({"startTime": "yesterday"}, Reason.BAD_TIME),
        ({"messages": [{"role": "user", "content": "Write a 3-word title for this conversation"}]}, Reason.TITLE),
        ({"metadata": {"spend_logs_metadata": {"arbiter": {"propensity": 0}}}}, Reason.BAD_NUMBER),
    ],
)
def test_what_cannot_be_a_row_is_refused_with_its_reason(change: dict[str, Any], reason: Reason) -> None:
    """Each by one record that differs from a good one in one place."""
    assert reason_of(LiteLLMPayload(), BASE | change) == reason


def test_a_cost_of_zero_is_no_price(tmp_path: Path) -> None:
    """LiteLLM writes 0, and a breakdown of zeros, where it knows no price; its diagnosis tells a free model apart."""
    said = BASE | {"response_cost": 0.0, "completion_tokens": 5, "cost_breakdown": {"total_cost": 0.0}}
    (unknown,) = LiteLLMPayload().read(said)
    (missing,) = LiteLLMPayload().read(said | {"zero_cost_diagnostic": {"reason": "missing_pricing_key"}})
    (free,) = LiteLLMPayload().read(said | {"zero_cost_diagnostic": None})
    (uncounted,) = LiteLLMPayload().read(said | {"completion_tokens": 0, "zero_cost_diagnostic": None})
    assert isinstance(unknown, Call) and isinstance(missing, Call)
    assert isinstance(free, Call) and isinstance(uncounted, Call)
    assert (unknown.cost_usd, missing.cost_usd, free.cost_usd, uncounted.cost_usd) == (None, None, 0.0, None)
    assert (uncounted.input_tokens, uncounted.output_tokens) == (None, None)


def test_the_spend_table_without_prompts_says_what_to_switch_on() -> None:
    """Without store_prompts_in_spend_logs there is nothing to learn from."""
    row = {"api_key": "h", "spend": 0.1, "startTime": "2026-01-01 00:00:00", "model": "gpt-4o", "messages": "{}"}
    assert reason_of(LiteLLMSpend(), row) == Reason.NO_REQUEST
    assert reason_of(LiteLLMSpend(), row | {"request_id": "x_background_cost"}) == Reason.INTERNAL


def of_decision(call: str, model: str, at: float, **more: Any) -> dict[str, Any]:
    """Give the payload of a call that arbiter's decision for gpt-4o, taken with probability .25, led to."""
    told = {"decision_id": "d", "model": "gpt-4o", "propensity": 0.25, "action_probs": {"gpt-4o": 0.25, "mini": 0.75}}
    metadata = {"spend_logs_metadata": {"arbiter": told}}
    times = {"startTime": 1.8e9 + at, "endTime": 1.8e9 + at + 1}
    cost = {"response_cost": 0.5, "completion_tokens": 3}
    return {**BASE, "litellm_call_id": call, "model": f"openai/{model}", "trace_id": call, "metadata": metadata,
            **times, **cost, **more}  # fmt: skip


FAILS = {"status": "failure", "response_cost": 0.0, "completion_tokens": 0}


@pytest.mark.parametrize(
    ("calls", "wanted"),
    [
        ([of_decision("a", "gpt-4o", 0)], ("ok", 0.5, None, None, 1.0)),
        ([of_decision("b", "mini", 0)], ("error", None, "mini", 0.5, None)),
        (
            [of_decision("a", "gpt-4o", 0, **FAILS, error_information={"error_class": "RateLimitError"}),
             of_decision("b", "mini", 2)],
            ("rate_limited", None, "mini", 0.5, None),
        ),
        (
            [of_decision("a", "gpt-4o", 0, **FAILS, error_information={"error_class": "RateLimitError"}),
             of_decision("b", "mini", 2, **FAILS, error_information={"error_class": "Timeout"})],
            ("rate_limited", None, None, None, 1.0),
        ),
        ([of_decision("a", "gpt-4o", 0), of_decision("b", "mini", 2)], ("ok", 0.5, "mini", 0.5, None)),
    ],
    ids=["its choice", "a stand-in alone", "a stand-in", "both failed", "cascade"],
)  # fmt: skip
def test_calls_of_one_decision_are_one_row_about_its_choice(
    calls: list[dict[str, Any]], wanted: tuple[Any, ...], tmp_path: Path
) -> None:
    """With the choice's propensity, whoever answered; a judgement is of who did. As in `arbiter export`."""
    said = write_lines(tmp_path / "said.jsonl", [{"request_id": "d", "value": 1.0, "source": "human"}])
    found = imported(tmp_path, write_lines(tmp_path / "log.jsonl", calls), feedback=(said,))
    (row,) = found.rows
    held = tuple(row.get(name) for name in ("status", "cost_usd", "served_by", "served_cost_usd", "quality"))
    assert held == wanted and (row["model"], row["propensity"], row["decision_id"]) == ("gpt-4o", 0.25, "d")
    assert row.get("served_quality") == (1.0 if wanted[2] else None) and "_stand_in" not in row
