"""Outcome matrices, RouteLLM's tables and TensorZero: authored in their documented shapes."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from import_runs import imported, write_lines

from arbiter.errors import MissingExtraError
from arbiter_training.importing.items import Reason
from arbiter_training.traffic import pivot, read_traffic
from arbiter_training.traffic.demo_data import FIRST_FILE, demo_folder, read_pareto_file

AVENGERS = {
    "query": "What is 2 + 2?", "records": {"a": 1.0, "b": 0.0}, "usages": {"a": {"cost": 0.01}, "b": {"cost": 0.002}},
    "dataset": "math", "index": 7,
}  # fmt: skip
PARETO = {
    "prompt": "What is 2 + 2?", "difficulty": 0.4, "best_arm": "a", "best_reward": 1.0, "worst_reward": 0.0,
    "reward_spread": 1.0, "arms": {"a": {"reward": 1.0, "cost": 0.01}, "b": {"reward": 0.0, "cost": 0.002}},
    "source": "math", "id": 7,
}  # fmt: skip
BENCH = {
    "sample_id": "7", "prompt": '["What is 2 + 2?"]', "eval_name": "math", "a": "1.0", "b": "0.0",
    "a|model_response": "4", "b|model_response": "5", "a|total_cost": "0.01", "b|total_cost": "0.002",
    "oracle_model_to_route_to": "a",
}  # fmt: skip
SCORES = {"id": "7", "task": "math", "prompt": "What is 2 + 2?", "a_response": "4", "a_score": "1", "a_cost": "0.01",
          "b_response": "5", "b_score": "0", "b_cost": "0.002"}  # fmt: skip


@pytest.mark.parametrize(
    "record", [AVENGERS, PARETO, BENCH, SCORES], ids=["avengers", "pareto", "routerbench", "scores"]
)
def test_four_shapes_of_a_matrix_say_the_same(tmp_path: Path, record: dict[str, Any]) -> None:
    """A row a model, found out, with nothing of the outcome but quality and cost."""
    path = write_lines(tmp_path / "matrix.jsonl", [record, record | {"index": 8, "id": "8", "sample_id": "8"}])
    found = imported(tmp_path, path)
    assert found.report.format == "matrix" and found.report.kept == 4 and found.report.by_design == 4
    told = [(r["request_id"], r["prompt"], r["model"], r["quality"], r["cost_usd"]) for r in found.rows[:2]]
    assert told == [("math/7", "What is 2 + 2?", "a", 1.0, 0.01), ("math/7", "What is 2 + 2?", "b", 0.0, 0.002)]
    assert not {"best_arm", "oracle_model_to_route_to", "difficulty"} & set(found.rows[0])
    assert pivot(read_traffic(found.path)).full_information


def test_a_matrix_as_csv(tmp_path: Path) -> None:
    """Numbers are text there."""
    with (tmp_path / "matrix.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(BENCH))
        writer.writeheader()
        writer.writerow(BENCH)
    assert [row["quality"] for row in imported(tmp_path, tmp_path / "matrix.csv").rows] == [1.0, 0.0]


def test_a_wrong_cell_costs_its_row_and_no_other(tmp_path: Path) -> None:
    """Three models, one score of 7: two rows."""
    record = AVENGERS | {"records": {"a": 1.0, "b": 7, "c": None}}
    found = imported(tmp_path, write_lines(tmp_path / "matrix.jsonl", [record]))
    assert [(row["model"], row["quality"]) for row in found.rows] == [("a", 1.0), ("c", None)]
    assert found.dropped() == {Reason.BAD_NUMBER: 1}


def test_route_llm(tmp_path: Path) -> None:
    """Right and wrong of two models; marks out of ten."""
    path = tmp_path / "gsm8k.csv"
    path.write_text("prompt,mixtral-8x7b,gpt-4-1106\nWhat is 2 + 2?,False,True\nAnd 3 + 3?,True,True\n")
    found = imported(tmp_path, path)
    assert found.report.format == "routellm"
    assert [(row["model"], row["quality"]) for row in found.rows[:2]] == [("mixtral-8x7b", 0.0), ("gpt-4-1106", 1.0)]
    path.write_text("prompt,mixtral-8x7b,gpt-4-1106\nWhat is 2 + 2?,7.5,9\n")
    assert [row["quality"] for row in imported(tmp_path, path).rows] == [0.75, 0.9]


def test_tensorzero(tmp_path: Path) -> None:
    """The variant is the candidate; feedback comes by inference and by episode, dry runs are no feedback."""
    inference = {
        "id": "i-1", "function_name": "chat", "variant_name": "gpt_4o_short", "episode_id": "e-1",
        "input": json.dumps({"system": "Be brief.", "messages": [
            {"role": "user", "content": [{"type": "text", "text": "What is a moor?"}]}]}),
        "processing_time_ms": 1500, "timestamp": "2026-03-01 10:00:00", "tags": {"arbiter.propensity": "0.5"},
    }  # fmt: skip
    feedback = [
        {"metric_name": "solved", "inference_id": "i-1", "value": True},
        {"metric_name": "solved", "target_id": "i-2", "value": False, "tags": {"tensorzero::human_feedback": "true"}},
        {"metric_name": "stars", "episode_id": "e-1", "value": 3},
        {"metric_name": "solved", "inference_id": "i-1", "value": False, "dryrun": True},
    ]
    found = imported(tmp_path, write_lines(tmp_path / "log.jsonl", [inference, inference | {"id": "i-2"}, *feedback]))
    assert found.report.format == "tensorzero" and found.dropped() == {Reason.INTERNAL: 1}
    first, second = found.rows
    assert (first["model"], first["latency_s"], first["session_id"]) == ("gpt_4o_short", 1.5, "e-1")
    assert (first["propensity"], first["quality"], second["quality"]) == (0.5, 1.0, 0.0)
    assert [m["role"] for m in json.loads(first["messages"])] == ["system", "user"]
    assert found.report.feedback_names == {"solved: read": 2, "stars: not a quality": 1}


def test_the_demos_real_file_says_the_same_as_its_own_reader(tmp_path: Path) -> None:
    """Every request, model, quality and cost of paretobandit's file, to the last bit."""
    try:
        folder = demo_folder()
    except MissingExtraError as error:
        pytest.skip(str(error))
    found = imported(tmp_path, folder / FIRST_FILE)
    own = read_pareto_file(folder / FIRST_FILE, "val")
    assert found.report.format == "matrix" and found.dropped() == {}
    pairs = [(r["prompt"], r["model"], r["quality"], r["cost_usd"]) for r in found.rows]
    assert sorted(pairs) == sorted(zip(own.prompt, own.model, own.quality, own.cost_usd, strict=True))
