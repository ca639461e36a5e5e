"""A ledger whose writes happen on a thread of its own, so that a decision does not wait for the disk."""

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from arbiter.errors import InvalidInputError, LedgerError, UnknownDecisionError
from arbiter.ledger.events import Event, EventKind
from arbiter.ledger.protocol import EventCount, Judged, Ledger, Pruned, Snapshot
from arbiter.records import Decision, Feedback

GROUP_EVENTS = 512
"""Most events of one commit: the cost of a commit is spread thin, and no reader waits long for the write lock."""

LINGER_S = 0.005
"""How long the writer lets a group gather that nobody waits for: encoding it would hold up, by the interpreter's lock,
the call that the decision was made for; a provider takes longer than this to answer."""


class BufferedLedger:
    """Writes decisions and outcomes in the background, in their order, many per commit.

    Appending a decision or an outcome puts it in a bounded queue and returns; when the queue is full it waits. What is
    in the queue is lost if the process is killed: it is acknowledged by :meth:`flush`, not by :meth:`append`.
    Feedback is written before ``append`` returns, after everything that was queued: it is acknowledged at once.
    Reading decisions writes the queue first, so a ledger always shows what was appended; what only concerns feedback is
    read at once.

    When writing fails, the queue is kept; the next append raises the error, and the writer tries again, as it does at a
    flush before that raises. What such an append brought is in the queue all the same, as long as there is room: an
    outage that is shorter than the queue loses nothing. An event that the ledger refuses is dropped, and the next
    append says so. The writer does not cross a fork: the other process is refused everything, and closing does nothing
    there.

    Parameters
    ----------
    ledger : where the events go; closed together with this.
    max_pending : length of the queue.
    timeout_s : how long an append waits for room, and a flush for the writer, while nothing at all is written: a writer
        that is slow, as under many threads on few cores, is waited for as long as it goes on.
    """

    def __init__(self, ledger: Ledger, *, max_pending: int = 10_000, timeout_s: float = 60.0) -> None:
        self._ledger = ledger
        self._max_pending = max_pending
        self._timeout_s = timeout_s
        self._pending: deque[Event] = deque()
        self._changed = threading.Condition()
        self._error: LedgerError | InvalidInputError | None = None
        self._queued = 0  # events ever queued
        self._settled = 0  # of these, written or refused
        self._waiting = 0  # callers who wait for the writer
        self._closing = False
        self._process = os.getpid()
        self._writer = threading.Thread(target=self._run, name="arbiter-ledger", daemon=True)
        self._writer.start()
        atexit.register(self.close)

    @property
    def identity(self) -> str:
        """See :attr:`arbiter.ledger.protocol.Ledger.identity`."""
        return self._ledger.identity

    def append(self, event: Event) -> None:
        """Queue an event, or write it if it is feedback; raises also what went wrong since the last append."""
        if event.kind is EventKind.FEEDBACK:
            self.flush()
            self._ledger.append(event)
        else:
            self._enqueue((event,))

    def append_many(self, events: Iterable[Event]) -> None:
        """Queue events, or write them if there is feedback among them."""
        events = tuple(events)
        if any(event.kind is EventKind.FEEDBACK for event in events):
            self.flush()
            self._ledger.append_many(events)
        else:
            self._enqueue(events)

    def flush(self) -> None:
        """Wait until everything that was appended before is written.

        Raises
        ------
        LedgerError
            If it cannot be written, or not in time.
        """
        self._require_own_process()
        with self._changed:
            if not isinstance(self._error, UnknownDecisionError | InvalidInputError):
                self._error = None  # what failed then may go through now: the writer tries again
            self._raise_error()
            wanted = self._queued
            done = self._await(lambda: self._settled >= wanted)
            self._raise_error()
            if not done:
                raise LedgerError(f"the ledger's writer wrote nothing for {self._timeout_s} s; is its disk stuck?")

    def decision_event(self, decision_id: str) -> Event:
        """See :meth:`arbiter.ledger.protocol.Ledger.decision_event`."""
        self.flush()
        return self._ledger.decision_event(decision_id)

    def decision(self, decision_id: str) -> Decision:
        """See :meth:`arbiter.ledger.protocol.Ledger.decision`."""
        self.flush()
        return self._ledger.decision(decision_id)

    def answered(self, response_id: str) -> str:
        """See :meth:`arbiter.ledger.protocol.Ledger.answered`."""
        self.flush()
        return self._ledger.answered(response_id)

    def events(self, after: int = 0) -> Iterator[tuple[int, Event]]:
        """See :meth:`arbiter.ledger.protocol.Ledger.events`."""
        self.flush()
        return self._ledger.events(after)

    def feedback_for(self, decision_id: str) -> tuple[Feedback, ...]:
        """See :meth:`arbiter.ledger.protocol.Ledger.feedback_for`."""
        self.flush()
        return self._ledger.feedback_for(decision_id)

    def judged(self, after: int = 0) -> Iterator[Judged]:
        """See :meth:`arbiter.ledger.protocol.Ledger.judged`."""
        return self._ledger.judged(after)

    def outcomes(self, after: int, most: int) -> list[tuple[int, Event]]:
        """See :meth:`arbiter.ledger.protocol.Ledger.outcomes`; those that are still in the queue come later."""
        return self._ledger.outcomes(after, most)

    def last_judged(self) -> int:
        """See :meth:`arbiter.ledger.protocol.Ledger.last_judged`."""
        return self._ledger.last_judged()

    def snapshot(self, name: str) -> Snapshot | None:
        """See :meth:`arbiter.ledger.protocol.Ledger.snapshot`."""
        return self._ledger.snapshot(name)

    def keep_snapshot(self, name: str, snapshot: Snapshot) -> None:
        """See :meth:`arbiter.ledger.protocol.Ledger.keep_snapshot`."""
        self._ledger.keep_snapshot(name, snapshot)

    def prune(self, before: float) -> Pruned:
        """See :meth:`arbiter.ledger.protocol.Ledger.prune`."""
        self.flush()
        return self._ledger.prune(before)

    def pruned_through(self) -> int:
        """See :meth:`arbiter.ledger.protocol.Ledger.pruned_through`."""
        return self._ledger.pruned_through()

    def counts(self) -> tuple[EventCount, ...]:
        """See :meth:`arbiter.ledger.protocol.Ledger.counts`."""
        self.flush()
        return self._ledger.counts()

    def close(self) -> None:
        """Write what is queued, stop the writer, and close the ledger; closing twice is no error.

        Raises
        ------
        LedgerError
            If something could not be written; the message says how many events are lost.
        """
        if os.getpid() != self._process:
            return  # queue and connection are the other process's
        with self._changed:
            if self._closing:
                return
            self._closing = True
            error, self._error = self._error, None  # one more try
            self._changed.notify_all()
        atexit.unregister(self.close)
        settled = -1
        while self._writer.is_alive() and settled != self._settled:
            settled = self._settled
            self._writer.join(self._timeout_s)
        if self._writer.is_alive():
            raise LedgerError(f"the ledger's writer wrote nothing for {self._timeout_s} s; is its disk stuck?")
        self._ledger.close()
        lost, error = len(self._pending), self._error or error
        if lost:
            raise LedgerError(f"{lost} events could not be written before closing: {error}") from error
        if error is not None:
            raise error

    def __enter__(self) -> "BufferedLedger":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _require_own_process(self) -> None:
        """Refuse what nobody would write; before the lock, which another thread may have held at the fork."""
        if os.getpid() != self._process:
            raise LedgerError("the ledger was opened before a fork; open one in each process, after it")

    def _enqueue(self, events: tuple[Event, ...]) -> None:
        self._require_own_process()
        with self._changed:
            if self._closing:
                self._raise_error()
                raise LedgerError("the ledger is closed; open it again")
            self._await(self._has_room)
            if not self._has_room():
                self._raise_error()
                raise LedgerError(f"the ledger's queue of {self._max_pending} events stays full; is its disk stuck?")
            idle = not self._pending
            self._pending.extend(events)
            self._queued += len(events)
            if idle or len(self._pending) >= GROUP_EVENTS:
                self._changed.notify_all()
            self._raise_error()

    def _has_room(self) -> bool:
        return len(self._pending) < self._max_pending

    def _await(self, reached: Callable[[], bool]) -> bool:
        """Wait for something, or an error; give up when the writer settles nothing for the time that is set."""
        if reached() or self._error is not None:
            return True
        self._waiting += 1
        self._changed.notify_all()
        try:
            while not reached() and self._error is None:
                before = self._settled

                def went_on(before: int = before) -> bool:
                    return self._settled != before or self._error is not None

                if not self._changed.wait_for(went_on, self._timeout_s):
                    return reached()
            return True
        finally:
            self._waiting -= 1

    def _hurried(self) -> bool:
        """Tell whether the writer should let nothing more gather."""
        return self._waiting > 0 or self._closing or len(self._pending) >= GROUP_EVENTS

    def _raise_error(self) -> None:
        """Raise what went wrong, once; the writer goes on after that."""
        if self._error is not None:
            error, self._error = self._error, None
            self._changed.notify_all()
            raise LedgerError(f"an earlier write to the ledger failed: {error}") from error

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: (self._pending and self._error is None) or self._closing)
                if not self._pending or self._error is not None:  # closing
                    return
                self._changed.wait_for(self._hurried, LINGER_S)
                group = [self._pending[i] for i in range(min(len(self._pending), GROUP_EVENTS))]
            settled, error = self._write(group)
            with self._changed:
                for _ in range(settled):
                    self._pending.popleft()
                self._settled += settled
                self._error = error or self._error
                self._changed.notify_all()

    def _write(self, group: list[Event]) -> tuple[int, LedgerError | InvalidInputError | None]:
        """Write events; give how many are settled, from the first, and what went wrong."""
        try:
            self._ledger.append_many(group)
        except (UnknownDecisionError, InvalidInputError) as refused:
            if len(group) == 1:
                return 1, refused
            return self._write_one_by_one(group)  # one is refused: the others must not fall with it
        except LedgerError as error:
            return 0, error
        return len(group), None

    def _write_one_by_one(self, group: list[Event]) -> tuple[int, LedgerError | InvalidInputError | None]:
        refusal: LedgerError | InvalidInputError | None = None
        for done, event in enumerate(group):
            settled, error = self._write([event])
            if settled == 0:
                return done, error
            refusal = refusal or error
        return len(group), refusal
