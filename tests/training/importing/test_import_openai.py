"""OpenAI's JSONL: lines built from what the OpenAI SDK sent to a server on loopback and got back."""

import json
from pathlib import Path
from typing import Any

import openai_server
import pytest
from import_runs import imported, write_lines

from arbiter_training.importing.items import Reason

MESSAGES = [{"role": "user", "content": "Name the capital of France."}]


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    """Give a chat completion as the SDK's own model prints it."""
    openai = pytest.importorskip("openai", reason="openai is not installed: pip install openai")
    with openai_server.running() as server:
        server.behave = openai_server.answers("Paris", tokens=(11, 2))
        with openai.OpenAI(
            base_url=f"{server.url}/v1" if not server.url.endswith("/v1") else server.url, api_key="any"
        ) as client:
            said = client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    return json.loads(said.model_dump_json())  # type: ignore[no-any-return]  # a mapping


def batch(answer: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give the two files of a batch of three: answered, failed, never answered."""
    body = {"model": "gpt-4o-mini", "messages": MESSAGES}
    asked = [{"custom_id": f"c-{i}", "method": "POST", "url": "/v1/chat/completions", "body": body} for i in range(3)]
    good = {"id": "b-0", "custom_id": "c-0", "error": None, "response": {"status_code": 200, "body": answer}}
    bad = {"id": "b-1", "custom_id": "c-1", "error": {"code": "batch_expired", "message": "late"}, "response": None}
    return asked, [good, bad]


def test_the_two_files_of_a_batch_are_joined(answer: dict[str, Any], tmp_path: Path) -> None:
    """By custom_id, in whatever order they are given; a request without an answer is counted, not kept."""
    asked, answered = batch(answer)
    files = write_lines(tmp_path / "in.jsonl", asked), write_lines(tmp_path / "out.jsonl", answered)
    for order in (files, files[::-1]):
        found = imported(tmp_path, *order)
        assert found.report.format == "openai"
        assert found.dropped() == {Reason.OTHER_HALF: 2, Reason.NO_ANSWER: 1}
        good, bad = sorted(found.rows, key=lambda row: str(row["request_id"]))
        assert (good["prompt"], good["model"]) == (MESSAGES[0]["content"], answer["model"])
        assert (good["input_tokens"], good["output_tokens"], good["status"]) == (11, 2, "ok")
        assert good["timestamp"].timestamp() == answer["created"]
        assert (bad["model"], bad["status"]) == ("gpt-4o-mini", "error")


def test_an_output_without_its_input_says_so(answer: dict[str, Any], tmp_path: Path) -> None:
    """Nothing is left, so the import fails with the reason."""
    with pytest.raises(ValueError, match="none of 2 rows can be used, 2 of them: holds no text of its request"):
        imported(tmp_path, write_lines(tmp_path / "out.jsonl", batch(answer)[1]))


def test_stored_completions(answer: dict[str, Any], tmp_path: Path) -> None:
    """A completion with its messages; feedback comes by its id."""
    path = write_lines(tmp_path / "stored.jsonl", [answer | {"messages": MESSAGES, "metadata": {"session_id": "s"}}])
    feedback = write_lines(tmp_path / "feedback.jsonl", [{"id": answer["id"], "score": 0.5}])
    (row,) = imported(tmp_path, path, feedback=(feedback,)).rows
    assert (row["request_id"], row["session_id"], row["quality"]) == (answer["id"], "s", 0.5)


def test_fine_tuning_chats_need_the_name_of_their_model(tmp_path: Path) -> None:
    """The last answer is not part of the request; without a model nothing can be said of any."""
    chat = [{"role": "system", "content": "Be kind."}, *MESSAGES, {"role": "assistant", "content": "Paris."}]
    path = write_lines(tmp_path / "chats.jsonl", [{"messages": chat}, {"messages": chat}])
    with pytest.raises(ValueError, match=r"names no model .*say which with --model"):
        imported(tmp_path, path)
    from arbiter_training.importing import Mapped

    rows = imported(tmp_path, path, mapped=Mapped(model="gpt-4o")).rows
    assert [json.loads(row["messages"]) for row in rows] == [chat[:2], chat[:2]]
    assert len({row["request_id"] for row in rows}) == 2
