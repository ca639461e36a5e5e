"""Laws of claims and their verdicts."""

import math

import numpy as np
import pytest

from arbiter_training.claims.figures import MET, MISSED, OPEN, Finding, Target
from arbiter_training.claims.table import line, markdown, metrics, to_dict
from arbiter_training.simulator.compare import Spread


def spread(low: float, high: float) -> Spread:
    return Spread(value=(low + high) / 2.0, low=low, high=high)


@pytest.mark.parametrize(
    ("target", "low", "high", "verdict"),
    [
        (Target(least=0.85), 0.86, 0.9, MET),
        (Target(least=0.85), 0.8, 0.9, OPEN),
        (Target(least=0.85), 0.7, 0.84, MISSED),
        (Target(most=0.002), -0.1, 0.001, MET),
        (Target(most=0.002), 0.003, 0.004, MISSED),
        (Target(least=0.98, most=1.02), 0.985, 1.015, MET),
        (Target(least=0.98, most=1.02), 0.97, 1.03, OPEN),
        (Target(least=0.98, most=1.02), 1.03, 1.05, MISSED),
        (Target(least=0.0), math.nan, math.nan, OPEN),
    ],
)
def test_a_claim_is_met_where_the_whole_interval_says_so(target: Target, low: float, high: float, verdict: str) -> None:
    """Missed where the whole interval says the contrary, else undecided."""
    assert target.verdict(spread(low, high)) == verdict


def test_a_table_says_everything_once() -> None:
    """Arbiter's interval, the target, the verdict and the rivals; programs get the same."""
    finding = Finding(
        ground="K=3",
        claim="stationary",
        what="utility",
        found=Spread.of(np.array([0.1, 0.2, 0.3])),
        target=Target(least=0.0),
        others={"LinUCB": spread(0.0, 0.2)},
    )
    said, table = line(finding), markdown([finding])
    assert "at least 0" in said and "LinUCB 0.1000 ± 0.1000" in said
    assert table.splitlines()[0] == "| K=3 |  | arbiter | claimed |  | LinUCB |"
    assert "| at least 0 | undecided | 0.1000 ± 0.1000 |" in table
    (told,) = to_dict([finding])
    assert told["target"] == {"least": 0.0, "most": None} and told["verdict"] == finding.verdict
    assert metrics([finding])["K=3/stationary/utility/LinUCB high"] == 0.2
