"""Real traffic for the demo: the data files of the PyPI package paretobandit, read without running its code."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbiter.errors import MissingExtraError, TrafficError
from arbiter_training.traffic.columns import IntArray
from arbiter_training.traffic.near_duplicates import near_duplicate_groups
from arbiter_training.traffic.read_jsonl import json_records
from arbiter_training.traffic.readers import traffic_from_records
from arbiter_training.traffic.table import TrafficTable

PACKAGE = "pareto_bandit"
FOLDER = Path("data", "examples")
FIRST_FILE, SECOND_FILE = "val.jsonl", "test_holdout.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoTraffic:
    """Two disjoint parts of judged traffic, every model scored on every request, with real dollar costs.

    Attributes
    ----------
    first : to log, learn and choose on.
    second : to evaluate on; holds no request that nearly repeats one of the first part.
    twins_removed : requests taken out of the second part because they did.
    """

    first: TrafficTable
    second: TrafficTable
    twins_removed: int


def load_demo_traffic() -> DemoTraffic:
    """Read both files and remove from the second what the first has already shown.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    TrafficError
        If its files are not what they were in version 0.1.1.
    """
    folder = demo_folder()
    first = read_pareto_file(folder / FIRST_FILE, "val")
    second = read_pareto_file(folder / SECOND_FILE, "test")
    keep, removed = _unseen(first, second)
    return DemoTraffic(first=first, second=second.select(keep), twins_removed=removed)


def demo_folder() -> Path:
    """Find the package's data; ``find_spec`` of a top-level package locates it without importing it.

    Raises
    ------
    MissingExtraError
        If the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError.of("paretobandit", "demo")
    return Path(next(iter(spec.submodule_search_locations))) / FOLDER


def read_pareto_file(path: Path, prefix: str) -> TrafficTable:
    """Read one JSONL file of paretobandit's shape.

    Parameters
    ----------
    path : the file.
    prefix : request ids are ``prefix-00001`` and so on.

    Raises
    ------
    TrafficError
        If the file is absent or a line is not of that shape.
    """
    if not path.is_file():
        raise TrafficError(f"{path}: no such file: pip install paretobandit==0.1.1")
    items = enumerate(json_records(path), start=1)
    records = [
        row for number, item in items for row in pareto_rows(f"{path}: row {number}", f"{prefix}-{number:05d}", item)
    ]
    return traffic_from_records(records, str(path))


def pareto_rows(place: str, request_id: str, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the rows of one request, one for each model.

    Only the prompt, the source benchmark, and each arm's reward and cost are taken: ``difficulty``, ``best_arm``,
    ``best_reward``, ``worst_reward``, ``reward_spread`` and ``near_best`` are computed from the outcomes and would
    give them away.

    Parameters
    ----------
    place : of the request, for messages.
    request_id : of the request.
    item : as the file has it.

    Raises
    ------
    TrafficError
        If the request is not of paretobandit's shape.
    """
    try:
        shared = {"request_id": request_id, "prompt": item["prompt"], "source": item["source"]}
        arms = item["arms"].items()
        return [shared | {"model": model, "quality": arm["reward"], "cost_usd": arm["cost"]} for model, arm in arms]
    except (KeyError, TypeError, AttributeError) as error:
        message = f"not of the shape of paretobandit 0.1.1 ({error!r:.80}): take the file of paretobandit==0.1.1"
        raise TrafficError(f"{place}: {message}") from error


def _unseen(first: TrafficTable, second: TrafficTable) -> tuple[list[int], int]:
    """Give the rows of the second part that are in no group with one of the first, and count the other requests."""
    prompts = list(dict.fromkeys([*first.prompt, *second.prompt]))
    groups: IntArray = near_duplicate_groups(prompts)
    group_of = dict(zip(prompts, groups.tolist(), strict=True))
    seen = {group_of[prompt] for prompt in first.prompt}
    keep = [row for row, prompt in enumerate(second.prompt) if group_of[prompt] not in seen]
    return keep, second.n_requests - len({second.request_id[row] for row in keep})
