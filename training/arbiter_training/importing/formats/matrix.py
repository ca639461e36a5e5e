"""Outcome matrices: one record a request, with what several models made of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbiter_training.importing.fields import dollars, first, mapping, number, text
from arbiter_training.importing.items import Call, Item, Reason, Refused, UnusableError
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages

COST_ENDS = ("|total_cost", "_cost", "|cost", ".cost", "/cost")
ANSWER_ENDS = ("|model_response", "_response", "|response", ".response", "/response")
SCORE_ENDS = ("_score", "|score", ".score", "/score")

PROMPTS = ("prompt", "query", "question", "origin_query")
IDS = ("sample_id", "request_id", "index", "id", "question_id")
GROUPS = ("dataset", "eval_name", "benchmark", "source", "task")
NOT_MODELS = frozenset(
    (*PROMPTS, *IDS, *GROUPS, "oracle_model_to_route_to", "ground_truth", "answer", "difficulty", "best_arm",
     "best_reward", "worst_reward", "reward_spread", "domain", "complexity", "risk", "category", "split")
)  # fmt: skip
"""Columns that are about the request; those that name the outcome must not become candidates either."""


class OutcomeMatrix:
    """Reads Avengers-Pro (``records``, ``usages``), ParetoBandit (``arms``) and RouterBench's columns per model.

    In the last, a model is a column of scores that has a column of costs or answers beside it, or whose name ends in
    ``_score``. Every model was asked on every request by design, so no propensity is needed.
    """

    name = "matrix"
    judges = False

    def recognises(self, record: Record) -> bool:
        """By a request together with a mapping of models, or with columns in pairs."""
        if first(record, *PROMPTS) is None:
            return False
        if isinstance(record.get("records"), Mapping) or isinstance(record.get("arms"), Mapping):
            return True
        return len(_columns(record)) >= 2

    def read(self, record: Record) -> Iterator[Item]:
        """Give a row for each model that was scored."""
        found = first(record, *PROMPTS)
        if found is None:
            raise UnusableError(Reason.NO_REQUEST)
        request, cells = read_messages(found), _cells(record)
        if not cells:
            raise UnusableError(Reason.NO_MODEL)
        group = text(first(record, *GROUPS))
        own = "/".join(part for part in (group, text(first(record, *IDS))) if part)
        for model, cell in cells.items():
            try:
                call = _call(str(model), cell)
            except UnusableError as error:
                yield Refused.of(error)
                continue
            call.request, call.request_id = request, own if first(record, *IDS) is not None else ""
            if group:
                call.extras["dataset"] = group
            yield call


def _call(model: str, cell: Mapping[str, Any]) -> Call:
    if not model:
        raise UnusableError(Reason.NO_MODEL)
    return Call(
        model=model,
        request=None,
        quality=number(first(cell, "score", "reward", "quality"), f"score of {model}", high=1.0),
        cost_usd=dollars(cell.get("cost")),
        answer=first(cell, "response", "prediction", "answer"),
        latency_s=number(cell.get("latency"), "latency"),
        input_tokens=number(first(cell, "prompt_tokens", "input_tokens"), "input tokens"),
        output_tokens=number(first(cell, "completion_tokens", "output_tokens"), "output tokens"),
    )


def _cells(record: Record) -> dict[str, Mapping[str, Any]]:
    scores, usages, arms = mapping(record.get("records")), mapping(record.get("usages")), mapping(record.get("arms"))
    if arms:
        return {model: mapping(cell) for model, cell in arms.items()}
    if scores:
        return {model: {**mapping(usages.get(model)), "score": score} for model, score in scores.items()}
    return _columns(record)


def _columns(record: Record) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name in record:
        model = next((name.removesuffix(end) for end in SCORE_ENDS if name.endswith(end)), name)
        beside = [end for end in (*COST_ENDS, *ANSWER_ENDS) if model + end in record]
        if model and name not in NOT_MODELS and (beside or model != name):
            cost = next((record[model + end] for end in COST_ENDS if model + end in record), None)
            answer = next((record[model + end] for end in ANSWER_ENDS if model + end in record), None)
            found[model] = {"score": record[name], "cost": cost, "response": answer}
    return found
