"""The projection held against what came: fitted on the first half of a log, it must cover the second."""

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from arbiter.planning.backtest import Backtest, backtest
from arbiter_training.traffic import read_traffic

FILES = (
    "gsm8k_gpt4_mixtral.parquet",
    "llmrouter_train.parquet",
    "mmlu_pro_stem.parquet",
    "paretobandit_train_part_k3.parquet",
    "paretobandit_val_k3.parquet",
    "paretobandit_val_k4.parquet",
)


@functools.cache
def costs_of(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Give the costs of each model, and where in the log its requests stand, in [0, 1)."""
    table = read_traffic(path)
    place = {request: i for i, request in enumerate(dict.fromkeys(table.request_id))}
    at = np.array([place[request] for request in table.request_id]) / len(place)
    known = ~np.isnan(table.cost_usd)
    rows = {model: known & (table.model == model) for model in table.models}
    return {model: (table.cost_usd[where], at[where]) for model, where in rows.items()}


def tried(data_dir: Path, name: str, count: int = 2) -> Iterator[Backtest]:
    """Project each part of a log from the one before it, for every model with 50 requests or more in each."""
    for model, (costs, at) in costs_of(data_dir / "traffic" / name).items():
        parts = [costs[(at * count).astype(int) == k] for k in range(count)]
        if min(each.size for each in parts) >= 50:
            for past, future in itertools.pairwise(parts):
                yield backtest("all", model, past, future)


@pytest.mark.parametrize("name", FILES)
def test_the_second_half_lies_in_the_band_of_the_first(data_dir: Path, name: str) -> None:
    """Every model, on logs that are sorted by subject as well as on shuffled ones."""
    found = list(tried(data_dir, name))
    assert len(found) >= 2
    assert [each.model for each in found if not each.inside] == []


def test_the_band_is_no_wider_than_the_log_moves(data_dir: Path) -> None:
    """On a shuffled log the ends lie within a fifth of the projection; a band that says nothing covers everything."""
    for name in ("gsm8k_gpt4_mixtral.parquet", "paretobandit_val_k3.parquet"):
        for each in tried(data_dir, name):
            assert each.high_usd / each.low_usd < 1.5


def test_other_splits_are_covered_about_as_often_as_the_band_promises(data_dir: Path) -> None:
    """Each third to eighth from the one before it: measured 651 of 777, 84 %, of which 96 to 100 % on shuffled logs.

    Sixteen models that answered the same questions are in or out together, so the 777 are far fewer in effect: between
    75 and 95 % is what is asked for.
    """
    found = [each.inside for name in FILES for count in (3, 4, 5, 6, 8) for each in tried(data_dir, name, count)]
    assert len(found) > 700
    assert 0.75 <= float(np.mean(found)) <= 0.95
