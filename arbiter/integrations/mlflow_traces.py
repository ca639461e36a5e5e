"""Decisions as traces of MLflow, feedback as assessments of them; off unless asked for.

Everything is written by a thread of its own: no request waits for the store, and one that is away costs nobody an
answer. A trace costs MLflow some 10 to 30 ms, so this shows what was decided and takes it to other tools; the ledger
remains the truth. What it writes, ``arbiter import`` reads back with exact propensities.
"""

import atexit
import logging
import threading
import zlib
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from arbiter.errors import InvalidInputError, wordless
from arbiter.execution import Run
from arbiter.integrations.mlflow_stories import Call, Story, nanoseconds
from arbiter.integrations.mlflow_trace_store import TraceStore
from arbiter.integrations.quiet_mlflow import import_mlflow
from arbiter.ledger import Event, PromptStorage
from arbiter.records import Decision, Feedback, Outcome

logger = logging.getLogger(__name__)

AT_ONCE = 64
"""Most of what is waiting that is written between two looks at the store."""

REMEMBERED = 2_000
"""Decisions to which a call that is recorded later can still be added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOptions:
    """How traces are written.

    Attributes
    ----------
    share : of the decisions, by their ids: every process takes the same ones, with all that belongs to them.
    most_waiting : events that wait at most; what comes while so many do is lost, and counted.
    linger_s : seconds for which the writer gathers what belongs together.
    retry_s : seconds until a server that is away is looked for again.
    leave_s : seconds that closing waits for the writer while it writes.
    """

    share: float = 1.0
    most_waiting: int = 10_000
    linger_s: float = 0.2
    retry_s: float = 5.0
    leave_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise InvalidInputError(
                f"share must lie in (0, 1], got {self.share}; 0.01 traces one decision in a hundred"
            )


@dataclass(frozen=True, slots=True)
class _Over:
    """A request that is over, and what may be kept of its texts."""

    run: Run
    prompts: PromptStorage


_Item = Event | _Over


class Traces:
    """Writes traces and assessments, for ``ServiceOptions.listeners``; close it after the service.

    Of requests as much is written as the ledger keeps: texts, hashes, or nothing; of answers the same.

    Parameters
    ----------
    uri : of the tracking store or server; None takes MLflow's own setting (``MLFLOW_TRACKING_URI``).
    experiment : made where it does not exist.
    options : None takes the defaults.

    Attributes
    ----------
    lost : decisions, calls and judgements that could not be written; each time the log says why.

    Raises
    ------
    MissingExtraError
        If mlflow is not installed.
    """

    def __init__(
        self, uri: str | None = None, experiment: str = "arbiter serving", options: TraceOptions | None = None
    ) -> None:
        mlflow = import_mlflow()
        self._store = TraceStore(mlflow, uri or str(mlflow.get_tracking_uri()), experiment)
        self._options = options or TraceOptions()
        self._stories: OrderedDict[str, Story] = OrderedDict()
        self._waiting: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._taken, self._settled = 0, 0
        self.lost = 0
        self._writer = threading.Thread(target=self._run, name="arbiter-traces", daemon=True)
        self._writer.start()
        atexit.register(self.close)

    def recorded(self, events: Sequence[Event]) -> None:
        """Take events to be written; see :class:`arbiter.telling.Listener`."""
        self._take([event for event in events if self._wanted(event.decision_id)])

    def carried_out(self, run: Run, prompts: PromptStorage) -> None:
        """Take a request that is over to be written."""
        if self._wanted(run.decision.id):
            self._take([_Over(run, prompts)])

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Wait until all that was taken before is written, or lost; give False where that takes longer."""
        with self._changed:
            wanted = self._taken
            return self._changed.wait_for(lambda: self._settled >= wanted, timeout_s)

    def close(self) -> None:
        """Write what is waiting, or give it up where the store is away, and end the writer; twice is no error."""
        atexit.unregister(self.close)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join(self._options.leave_s)
        if self._writer.is_alive():
            logger.error("traces: %s does not answer; %d events may be lost", self._store.shown, len(self._waiting))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _wanted(self, decision_id: str) -> bool:
        return self._options.share >= 1.0 or zlib.crc32(decision_id.encode()) < self._options.share * 2.0**32

    def _take(self, items: Sequence[_Item]) -> None:
        with self._changed:
            room = 0 if self._closing else max(self._options.most_waiting - len(self._waiting), 0)
            taken = items[:room]
            self._waiting.extend(taken)
            self._taken += len(taken)
            self.lost += len(items) - len(taken)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                self._changed.wait_for(lambda: self._closing, self._options.linger_s)
                group = [self._waiting[i] for i in range(min(len(self._waiting), AT_ONCE))]
            there = self._answers()
            if there:
                self._write_all(group)
            with self._changed:
                if not there and not self._closing:
                    self._changed.wait_for(lambda: self._closing, self._options.retry_s)
                    continue
                gone = len(group) if there else len(self._waiting)  # closing: nobody will look again
                self.lost += 0 if there else gone
                for _ in range(gone):
                    self._waiting.popleft()
                self._settled += gone
                self._changed.notify_all()

    def _answers(self) -> bool:
        why = self._store.away()
        if why:
            logger.warning("traces: %s is away (%s); %d events wait", self._store.shown, why, len(self._waiting))
        return not why

    def _write_all(self, group: Sequence[_Item]) -> None:
        """Write; what the store refuses is lost, and the others do not fall with it."""
        try:
            self._write(group)
        except self._store.failures as error:
            if len(group) > 1:
                for item in group:
                    self._write_all([item])
                return
            with self._changed:
                self.lost += 1
            logger.error("traces: %s did not take an event: %s", self._store.shown, wordless(error))
            logger.debug("it said: %s", error)

    def _write(self, group: Sequence[_Item]) -> None:
        for decision_id in self._told(group):
            self._store.write(self._stories[decision_id])
        for item in group:
            if isinstance(item, Event) and isinstance(item.record, Feedback) and item.record.quality is not None:
                self._store.assess(item.record, item.timestamp)

    def _told(self, group: Sequence[_Item]) -> list[str]:
        """Take in what happened; give the decisions of which there is more to tell than before."""
        changed: dict[str, None] = {}
        for item in group:
            match item:
                case _Over(run=run, prompts=prompts):
                    self._carried_out(run, prompts)
                    changed[run.decision.id] = None
                case Event(record=Decision() as decision) if decision.id not in self._stories:
                    self._remember(Story(decided=item))
                    changed[decision.id] = None
                case Event(record=Decision() as decision):
                    changed[decision.id] = None
                case Event(record=Outcome() as outcome) if outcome.decision_id in self._stories:
                    calls = self._stories[outcome.decision_id].calls
                    calls.setdefault(outcome.attempt, Call.recorded(item))
                    changed[outcome.decision_id] = None
        return [decision_id for decision_id in changed if decision_id in self._stories]

    def _carried_out(self, run: Run, prompts: PromptStorage) -> None:
        story = self._stories.get(run.decision.id)
        if story is None:
            return
        began = nanoseconds(story.decided.timestamp)
        story.calls = {t.attempt.number: Call.carried_out(run, t, began, prompts) for t in run.tried}

    def _remember(self, story: Story) -> None:
        self._stories[story.decision.id] = story
        while len(self._stories) > REMEMBERED:
            self._stories.popitem(last=False)
