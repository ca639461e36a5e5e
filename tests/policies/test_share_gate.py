"""Laws of the share that a bandit decides."""

import math

import numpy as np
import pytest

from arbiter.errors import InvalidInputError
from arbiter.policies.gate import Gate, GateSettings
from arbiter.policies.lesson import Evidence


def stream(gain: float, n: int, share: float = 0.1, seed: int = 0) -> list[Evidence]:
    """Give judged decisions between two candidates: the offline policy takes the first, the bandit the second."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        bandit = rng.random() < share
        utility = float(rng.normal(0.7 + (gain if bandit else 0.0), 0.1))
        propensity = share if bandit else 1.0 - share
        found.append(Evidence(utility=utility, propensity=propensity, offline=float(not bandit), share=share))
    return found


def test_the_comparison_is_unbiased_by_enumeration() -> None:
    """Summed over both choices and their probabilities, phi is the difference in utility, whatever the baseline."""
    share, first, second = 0.3, 0.6, 0.9
    for baseline in (0.0, 0.5, 7.0):
        total = 0.0
        for p, offline, utility in ((1 - share, 1.0, first), (share, 0.0, second)):
            gate = Gate(settings=GateSettings(), share=share, baseline=baseline, changed=np.zeros((2, 2)))
            total += p * gate.after(Evidence(utility=utility, propensity=p, offline=offline, share=share)).gain
        assert total == pytest.approx(second - first)


def test_the_share_grows_for_a_better_bandit_and_shrinks_for_a_worse_one() -> None:
    """Within its range, at a fixed seed; where both are equal it stays low, unless a margin lets it grow."""
    cases = ((0.2, 0.0, 0.95), (-0.2, 0.0, 0.05), (0.0, 0.05, 0.95))
    for gain, margin, expected in cases:
        gate = Gate.closed(2, GateSettings(margin=margin))
        for evidence in stream(gain, 2000):
            gate = gate.after(evidence)
            assert 0.05 <= gate.share <= 0.95
        assert gate.share == pytest.approx(expected)


def followed(gain: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Give the shares along n judgements of policies that choose differently on two of five requests."""
    gate, shares = Gate.closed(2, GateSettings()), []
    for _ in range(n):
        differ, bandit = rng.random() < 0.4, rng.random() < gate.share
        utility = float(rng.normal(0.9 + gain * (differ and bandit), 0.13))
        propensity = (gate.share if bandit else 1.0 - gate.share) if differ else 1.0
        offline = float(not (differ and bandit))
        gate = gate.after(Evidence(utility=utility, propensity=propensity, offline=offline, share=gate.share))
        shares.append(gate.share)
    return np.array(shares)


def test_chance_alone_seldom_opens_the_gate() -> None:
    """Of 60 runs of 900 judgements with nothing between the policies one in twenty passes a half; 8 are allowed."""
    rng = np.random.default_rng(0)
    assert sum(followed(0.0, 900, rng).max() > 0.5 for _ in range(60)) <= 8
    assert all(followed(0.2, 900, rng)[-1] > 0.5 for _ in range(5))


def test_a_fixed_share_never_moves() -> None:
    """Neither by the comparison nor by an alarm."""
    gate = Gate.closed(2, GateSettings.fixed(0.1))
    for evidence in stream(0.3, 300):
        gate, alarm = gate.after(evidence).watched(1, 3.0)
        assert gate.share == 0.1 and not alarm


def test_an_alarm_by_hand() -> None:
    """Surprises of -2.25 add 2 each: the eighth passes 15, the sums start anew, and the other candidate's stay."""
    gate = Gate.closed(2, GateSettings())
    gate, _ = gate.watched(1, 1.25)
    for i in range(8):
        gate, alarm = gate.watched(0, -2.25)
        assert alarm == (i == 7)
    assert gate.share == 0.95
    assert gate.changed.tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_unchanged_candidates_raise_few_alarms() -> None:
    """400 runs of 500 normal surprises expect 400 x 500 x 2 / 14,396 = 28 alarms at most; 45 are allowed."""
    rng, alarms = np.random.default_rng(3), 0
    for _ in range(400):
        gate = Gate.closed(1, GateSettings())
        for surprise in rng.normal(size=500):
            gate, alarm = gate.watched(0, float(surprise))
            alarms += alarm
    assert alarms <= 45


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": 0.5, "most": 0.3}, "starts at 0.5, outside of its range from 0.05 to 0.3"),
        ({"least": -0.1}, r"least must lie in \[0, 1\]"),
        ({"memory": 0.0}, "memory must be above 0"),
        ({"alarm": float("nan")}, "alarm must be above 0"),
        ({"margin": math.inf}, "margin must be a number from 0 up"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float], message: str) -> None:
    """In words."""
    with pytest.raises(InvalidInputError, match=message):
        GateSettings(**wrong)
