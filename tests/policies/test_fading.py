"""Laws of what forgetting has left."""

import math

import numpy as np
import pytest

from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.policies.fading import MOST_NOTES, STEP, ArmFading, Fading
from arbiter.policies.lesson import Lesson

K, D = 3, 4
DECAY = 0.5 ** (1.0 / 50.0)


def test_what_is_left_worked_by_hand() -> None:
    """Halved after time 1, a tenth after time 2; nothing was known before time 1, all of the last is left."""
    arm = ArmFading().noted(1.0).faded(0.5).noted(2.0).faded(0.1).noted(3.0)
    assert [arm.left(at) for at in (0.5, 1.0, 2.0, 3.0, 4.0)] == pytest.approx([0.0, 0.05, 0.1, 1.0, 1.0])
    assert arm.left(1.5) == pytest.approx(math.sqrt(0.05 * 0.1))  # evenly in the logarithm
    assert arm.faded(0.0).left(3.0) < 1e-290 and arm.faded(0.0).noted(4.0).left(4.0) == 1.0


def test_notes_are_few_and_tell_what_is_left_to_a_step() -> None:
    """Ten thousand lessons of random distance, against the factors themselves; the oldest are told as gone."""
    rng = np.random.default_rng(0)
    arm, times, totals = ArmFading(), [], []
    for at in np.cumsum(rng.exponential(1.0, 10_000)).tolist():
        arm = arm.faded(DECAY).noted(at)
        times.append(at)
        totals.append(arm.total)
    assert len(arm.notes) <= MOST_NOTES
    true = np.exp(arm.total - np.array(totals))
    found = np.array([arm.left(at) for at in times])
    assert (np.abs(np.log(found[true > 0.01] / true[true > 0.01])) < STEP).all()
    assert (found[true < 0.001] == 0.0).all()


def test_a_clock_that_goes_back_or_stands_still_counts_what_is_latest_in_full() -> None:
    """Then age cannot be told by time."""
    arm = ArmFading()
    for at in (5.0, 5.0, 3.0):
        arm = arm.faded(0.5).noted(at)
    assert arm.left(5.0) == 1.0 and arm.left(3.0) == 0.0
    assert [at for at, _ in arm.notes] == sorted(at for at, _ in arm.notes)


def test_it_survives_its_arrays_and_an_older_version_that_had_none() -> None:
    """Bit for bit; what an older version learned counts in full until it is forgotten from now on."""
    fading = Fading.fresh(K).noted(1, 1.0).faded(1, 0.5).noted(1, 2.0).faded(0, 0.25)
    assert Fading.from_arrays(fading.arrays(), K) == fading
    assert Fading.from_arrays(Fading.fresh(K).arrays(), K) == Fading.fresh(K)
    old = Fading.from_arrays({}, K)
    assert old.left(2, 123.0) == 1.0 and old.faded(2, 0.5).left(2, 123.0) == pytest.approx(0.5)
    assert Fading.from_arrays(old.arrays(), K) == old


@pytest.mark.parametrize("half_life_s", [None, 300.0])
def test_a_correction_leaves_what_the_last_value_alone_would_have(half_life_s: float | None) -> None:
    """Under forgetting, by lessons and by the clock: all of 400 answers judged anew, in any order, to 5 %."""
    settings = BanditSettings(
        gate=GateSettings.fixed(0.1), half_life_feedback=50.0, half_life_s=half_life_s, noise_sd=1.0
    )
    rng = np.random.default_rng(1)
    contexts = np.concatenate([np.ones((400, 1)), rng.normal(size=(400, D - 1))], axis=1)
    first, last = rng.normal(0.0, 0.2, 400), rng.normal(-0.3, 0.2, 400)
    lessons = [
        [
            Lesson(arm=i % K, context=contexts[i], residual=r, timestamp=float(i))
            for i, r in enumerate(residuals.tolist())
        ]
        for residuals in (first, last)
    ]
    told, wanted = BanditPolicy.fresh(K, D, settings), BanditPolicy.fresh(K, D, settings)
    for before, after in zip(*lessons, strict=True):
        told, wanted = told.learned(before), wanted.learned(after)
    for i in rng.permutation(400).tolist():
        told = told.learned(
            Lesson(
                arm=i % K,
                context=contexts[i],
                residual=float(last[i]),
                known_residual=float(first[i]),
                known_weight=1.0,
                known_since=float(i),
                timestamp=1000.0,
            )
        )
    np.testing.assert_allclose(told.belief.gram, wanted.belief.gram)
    np.testing.assert_allclose(told.belief.mean, wanted.belief.mean, atol=0.02)


def test_a_correction_of_what_an_arm_never_learned_changes_nothing() -> None:
    """Where it was taken out and came back, its former life is over."""
    policy = BanditPolicy.fresh(K, D).learned(Lesson(arm=0, context=np.ones(D), residual=0.5, timestamp=1.0))
    back = policy.arranged([None, 1, 2], np.zeros(K, dtype=bool), np.ones(K))
    correction = Lesson(
        arm=0, context=np.ones(D), residual=-0.5, known_residual=0.5, known_weight=1.0, known_since=1.0, timestamp=2.0
    )
    assert (policy.learned(correction).belief.moment[0] < 0.0).all()
    assert not back.learned(correction).belief.moment.any()
