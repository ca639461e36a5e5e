"""Laws of the drift watch's errors: few false alarms whatever the feedback is like, and real changes found in time."""

from dataclasses import replace

import numpy as np
import pytest
from drift_streams import Delay, World, alarms, at_once, folded, stream

from arbiter.drift import DriftKind, DriftOptions

STREAMS, MOST = 60, 8
"""At 5 % three of 60 streams have a false alarm of a kind; 8 is as many as three binomial errors of 1.69 more allow."""


def exponential(rng: np.random.Generator) -> float:
    return float(rng.exponential(60.0))


def late(rng: np.random.Generator) -> float:
    return 200.0


SAME = World(rate=0.5)
YES_NO = World(rate=0.9, binary=True)
AT_ONCE = DriftOptions(block=100, judged_within_s=0)


DAY, NIGHT = World(per_s=2.0), World(per_s=0.2)


@pytest.mark.parametrize(
    ("worlds", "delay", "session", "options"),
    [
        ([(450, SAME)], late, 1, DriftOptions(block=50, judged_within_s=210)),
        # Judgements that come while their time runs out: half of them count.
        ([(400, SAME)], exponential, 1, DriftOptions(block=50, judged_within_s=42)),
        # Requests come ten times as fast by day as by night, judgements do not.
        ([(150, DAY), (150, NIGHT)], exponential, 1, DriftOptions(block=50, judged_within_s=60)),
        # Nearly every answer is fine, and learning has moved the traffic to the other model.
        ([(100, replace(YES_NO, share=0.25)), (200, replace(YES_NO, share=0.75))], at_once, 1, AT_ONCE),
        # Five requests in a row are of one topic, and of one who judges all or none.
        ([(600, SAME)], at_once, 5, DriftOptions(block=150, judged_within_s=0)),
    ],
    ids=["late", "in time or not", "day and night", "yes or no", "sessions"],
)
def test_what_stays_the_same_raises_few_alarms(
    worlds: list[tuple[int, World]], delay: Delay, session: int, options: DriftOptions
) -> None:
    """Of each kind in no more streams than alpha, 5 %, and three binomial errors."""
    found = alarms([stream(seed, worlds, delay, session) for seed in range(STREAMS)], options)
    assert all(count <= MOST for count in found.values()), found


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
