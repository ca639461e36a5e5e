"""The projection held against what came: fitted on the first half of a log, it must cover the second."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from arbiter.planning.backtest import Backtest, backtest
from arbiter_training.traffic import TrafficTable, read_traffic

FILES = (
    "gsm8k_gpt4_mixtral.parquet",
    "llmrouter_train.parquet",
    "mmlu_pro_stem.parquet",
    "paretobandit_train_part_k3.parquet",
    "paretobandit_val_k3.parquet",
    "paretobandit_val_k4.parquet",
)


def halves(table: TrafficTable, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Give the costs of a model on the requests of the first and of the second half of a log."""
    requests = list(dict.fromkeys(table.request_id))
    first = set(requests[: len(requests) // 2])
    rows = (table.model == model) & ~np.isnan(table.cost_usd)
    early = np.array([request in first for request in table.request_id])
    return table.cost_usd[rows & early], table.cost_usd[rows & ~early]


def tried(data_dir: Path, name: str) -> Iterator[Backtest]:
    """Give the test of every model with 100 requests or more."""
    table = read_traffic(data_dir / "traffic" / name)
    for model in table.models:
        past, future = halves(table, model)
        if past.size + future.size >= 100:
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
