"""Laws of the share that a bandit decides."""

import math
from dataclasses import replace

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
            gate = replace(Gate.closed(2, GateSettings()), share=share, baseline=baseline)
            total += p * gate.after(Evidence(utility=utility, propensity=p, offline=offline, share=share)).gain
        assert total == pytest.approx(second - first)


def test_what_a_newcomers_cap_has_moved_is_no_evidence() -> None:
    """The offline choice of a newcomer would be .95 and is .2, the others share .8: no bandit explains that."""
    gate = Gate.closed(2, GateSettings())
    for propensity, offline in ((0.2, 1.0), (0.8, 0.0)):
        assert gate.after(Evidence(utility=0.9, propensity=propensity, offline=offline, share=0.05)) is gate
    assert gate.after(Evidence(utility=0.9, propensity=0.95, offline=1.0, share=0.05)) is not gate


def test_the_share_grows_for_a_better_bandit_and_shrinks_for_a_worse_one() -> None:
    """Within its range, at a fixed seed; where both are equal it stays low, unless a margin lets it grow."""
    least, most = GateSettings().least, GateSettings().most
    cases = ((0.2, 0.0, most), (-0.2, 0.0, least), (0.0, 0.05, most))
    for gain, margin, expected in cases:
        gate = Gate.closed(2, GateSettings(margin=margin))
        for evidence in stream(gain, 2000):
            gate = gate.after(evidence)
            assert least <= gate.share <= most
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


def test_the_slow_alarm_by_hand() -> None:
    """Surprises of -1 add 0.75 each: the 21st passes 15, the sums start anew, and the other candidate's stay."""
    gate = Gate.closed(2, GateSettings())
    gate, _ = gate.watched(1, 1.0)
    for i in range(21):
        gate, alarm = gate.watched(0, -1.0)
        assert alarm == (i == 20)
    assert gate.share == GateSettings().most
    assert gate.changed.tolist() == [[0.0, 0.0], [0.0, 0.75]]
    assert not gate.jumped.any() and gate.spread.tolist() == [1.0, 1.0]


def test_the_quick_alarm_by_hand() -> None:
    """A surprise of 2 or more adds 1: the fifth passes 4.5, in either direction, in the candidate's own measure."""
    for surprise, own in ((-2.0, 1.0), (30.0, 1.0), (-3.0, 1.5)):
        gate = Gate.closed(1, GateSettings(), np.array([own]))
        found = []
        for _ in range(5):
            gate, alarm = gate.watched(0, surprise)
            found.append(alarm)
        assert found == [False] * 4 + [True]
        assert not gate.changed.any() and not gate.jumped.any()


def judged_once(rng: np.random.Generator, kind: str, n: int) -> np.ndarray:
    """Give (n,) surprises of mean 0 and standard deviation 1."""
    if kind == "normal":
        return rng.normal(size=n)
    if kind == "t3":
        return rng.standard_t(3, size=n) / math.sqrt(3.0)
    p = float(kind.removeprefix("fails "))
    return (p - (rng.random(n) < p)) / math.sqrt(p * (1.0 - p))


def alarms(gate: Gate, surprises: np.ndarray) -> int:
    """Count the alarms along surprises of the first candidate."""
    found = 0
    for surprise in surprises.tolist():
        gate, alarm = gate.watched(0, surprise)
        found += alarm
    return found


@pytest.mark.parametrize(
    ("kind", "per_alarm"), [("normal", 14_000), ("t3", 57_000), ("fails 0.05", 125_000), ("fails 0.1", 6_000)]
)
def test_unchanged_candidates_raise_few_alarms(kind: str, per_alarm: int) -> None:
    """100,000 judgements: no more alarms than four standard errors above what the documented rate expects, plus one."""
    expected = 100_000 / per_alarm
    found = alarms(Gate.closed(1, GateSettings()), judged_once(np.random.default_rng(3), kind, 100_000))
    assert found <= expected + 4.0 * math.sqrt(expected) + 1.0


def test_a_candidate_is_soon_measured_by_its_own_scatter() -> None:
    """Three times what was thought would be an alarm in some 60 judgements; of 20,000 at most 8 come, half at first."""
    surprises = 3.0 * judged_once(np.random.default_rng(3), "normal", 20_000)
    gate = Gate.closed(1, GateSettings())
    assert alarms(gate, surprises) <= 8
    for surprise in surprises[:1000].tolist():
        gate, _ = gate.watched(0, surprise)
    assert gate.spread[0] == pytest.approx(3.0, rel=0.25)


def test_no_candidate_is_measured_by_less_than_half_of_what_all_scatter() -> None:
    """One that was never judged but perfect would else change with every word."""
    gate = Gate.closed(2, GateSettings(), np.array([0.01, 0.8]))
    assert gate.spread.tolist() == [0.5, 0.8]
    for _ in range(400):
        gate, _ = gate.watched(1, 0.0)
    assert gate.spread[1] == 0.5


def delays(shift: float, runs: int, rng: np.random.Generator) -> tuple[float, float]:
    """Give the mean number of judgements to the alarm, and to that of a slow sum alone whose measure is known."""
    both, alone = [], []
    for surprises in rng.normal(-shift, 1.0, size=(runs, 400)):
        bounded = np.clip(-surprises, -3.0, 3.0) - 0.25
        walked = np.r_[0.0, bounded.cumsum()]
        alone.append(int((walked - np.minimum.accumulate(walked) > 15.0).argmax()))
        gate, alarm, n = Gate.closed(1, GateSettings()), False, 0
        while not alarm:
            gate, alarm = gate.watched(0, float(surprises[n]))
            n += 1
        both.append(n)
    return float(np.mean(both)), float(np.mean(alone))


@pytest.mark.parametrize(("shift", "at_most"), [(0.5, 1.1), (1.0, 1.05), (1.5, 0.97), (2.0, 0.9), (2.5, 0.8)])
def test_a_large_change_is_found_sooner_and_a_small_one_as_soon(shift: float, at_most: float) -> None:
    """On 300 runs, by this factor of its judgements on average."""
    both, alone = delays(shift, 300, np.random.default_rng(4))
    assert both <= at_most * alone


def test_a_gate_comes_back_from_what_a_bundle_keeps() -> None:
    """To the bit."""
    gate, _ = Gate.closed(2, GateSettings(), np.array([0.7, 1.2])).watched(0, -2.0)
    again = Gate.closed(2, GateSettings()).restored(gate.numbers, gate.arrays)
    assert again.numbers == gate.numbers
    assert all(np.array_equal(again.arrays[name], array) for name, array in gate.arrays.items())


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
