"""Laws of the drift watch's errors: few false alarms whatever the feedback is like, and real changes found in time."""

from dataclasses import replace

import numpy as np
import pytest
from drift_streams import Delay, World, alarms, at_once, folded, stream

from arbiter.drift import DriftKind, DriftOptions


def exponential(rng: np.random.Generator) -> float:
    return float(rng.exponential(60.0))


def late(rng: np.random.Generator) -> float:
    return 200.0


SAME, OFTEN = World(), World(rate=0.8)
YES_NO = World(rate=0.9, binary=True)
AT_ONCE = DriftOptions(block=100, judged_within_s=0)


DAY, NIGHT = World(rate=0.8, per_s=2.0), World(rate=0.8, per_s=0.2)


Case = tuple[list[tuple[int, World]], Delay, int, DriftOptions]
CASES: dict[str, Case] = {
    "late": ([(600, SAME)], late, 1, DriftOptions(block=100, judged_within_s=210)),
    # Judgements that come while their time runs out: half of them count.
    "in time or not": ([(600, OFTEN)], exponential, 1, DriftOptions(block=100, judged_within_s=42)),
    # Requests come ten times as fast by day as by night, judgements do not.
    "day and night": ([(150, DAY), (150, NIGHT)] * 2, exponential, 1, DriftOptions(block=100, judged_within_s=60)),
    # Nearly every answer is fine, and learning has moved the traffic to the other model.
    "yes or no": ([(100, replace(YES_NO, share=0.25)), (200, replace(YES_NO, share=0.75))], at_once, 1, AT_ONCE),
    # Five requests in a row are of one topic, and of one who judges all or none.
    "sessions": ([(600, OFTEN)], at_once, 5, DriftOptions(block=150, judged_within_s=0)),
}


@pytest.mark.parametrize(("streams", "most"), [(40, 6), pytest.param(400, 33, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES)
def test_what_stays_the_same_raises_few_alarms(case: str, streams: int, most: int) -> None:
    """Of each kind in no more streams than alpha, 5 %, and three binomial errors: 2 + 3 x 1.38, 20 + 3 x 4.36."""
    worlds, delay, session, options = CASES[case]
    found = alarms([stream(seed, worlds, delay, session) for seed in range(streams)], options)
    assert all(count <= most for count in found.values()), found


@pytest.mark.parametrize(
    ("then", "kind", "what"),
    [
        (World(shift=0.5), DriftKind.TRAFFIC, {"log of prompt tokens"}),
        (World(drop=0.25 * 0.7), DriftKind.QUALITY, {"a"}),
        (World(rate=0.25), DriftKind.FEEDBACK_RATE, {"a", "b"}),
    ],
)
def test_what_changes_is_found_in_its_first_block(then: World, kind: DriftKind, what: set[str]) -> None:
    """Prompts longer by half their spread, a model that loses 25 %, half the feedback gone; judged 200 requests late.

    In each of ten streams, with 200 decisions a block: in the first block of which all is changed.
    """
    options = DriftOptions(block=200, judged_within_s=250)
    for seed in range(10):
        events = stream(seed, [(400, World()), (500, then)], late)
        found = [drift for drift in folded(events, options).found if drift.kind is kind]
        assert {drift.what for drift in found if drift.block == 2} & what, (seed, found)
