"""Laws of looking into a ledger now and then."""

import math
import threading

import pytest

from arbiter.errors import LedgerError
from arbiter.following import Follower


def test_it_looks_when_it_is_time_and_a_clock_set_back_is_no_excuse() -> None:
    """Not at the start, not within the interval, once after it; infinite never."""
    now, seen = [100.0], list[float]()
    follower = Follower([lambda: seen.append(now[0])], lambda: now[0], 2.0)
    never = Follower([lambda: seen.append(-1.0)], lambda: now[0], math.inf)
    for at in (100.0, 101.9, 102.0, 103.0, 50.0, 51.0, 52.5):
        now[0] = at
        for one in (follower, never):
            one.follow()
            one.close()
    assert seen == [102.0, 50.0, 52.5]


def test_a_look_that_fails_is_said_and_the_others_look(caplog: pytest.LogCaptureFixture) -> None:
    """It is tried again the next time."""
    now, seen = [0.0], list[float]()

    def fails() -> None:
        raise LedgerError("the disk is gone")

    follower = Follower([fails, lambda: seen.append(now[0])], lambda: now[0], 1.0)
    for at in (1.0, 2.0):
        now[0] = at
        follower.follow()
        follower.close()
    assert seen == [1.0, 2.0]
    assert caplog.text.count("the disk is gone") == 2


def test_nobody_waits_for_a_look_and_none_is_begun_beside_it() -> None:
    """While one is under way time may pass."""
    now, began, go = [0.0], threading.Semaphore(0), threading.Event()

    def slow() -> None:
        began.release()
        go.wait(10)

    follower = Follower([slow], lambda: now[0], 1.0)
    now[0] = 1.0
    follower.follow()
    assert began.acquire(timeout=10)
    now[0] = 5.0
    follower.follow()
    go.set()
    follower.close()
    assert not began.acquire(blocking=False)
