"""Drift as a fold over a ledger's events, with bounded memory."""

import math
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from arbiter.drift.blocks import Block, Row, is_comparable, judged_rows, significant, traffic_rows
from arbiter.drift.means import MeanSums
from arbiter.drift.report import Drift, DriftKind, DriftOptions, DriftReport
from arbiter.drift.telling import tell
from arbiter.ledger import Event
from arbiter.records import Decision, Feedback, Outcome
from arbiter.vocabulary import Arm

MOST_WAITING = 20_000
"""Decisions that may wait for a judgement at a time; of what comes while so many do, traffic alone is watched. So each
decision that is awaited has the same time, at any traffic."""

MOST_FOUND = 1_000
"""Changes that are remembered; what holds now is remembered beside."""


@dataclass(slots=True)
class Awaited:
    """A decision whose answer may still be judged.

    Attributes
    ----------
    block : number of its block.
    model, expected : the chosen one, and its estimate of quality, None where there is none.
    at : seconds since 1970.
    session : its session, None where it has none.
    quality : the last judgement.
    """

    block: int
    model: str
    expected: float | None
    at: float
    session: str | None = None
    quality: float | None = None


class DriftFold:
    """Holds every block against the first one: each once for traffic, once for quality and feedback rate.

    Traffic is compared when a block is full, quality and rate when each of its decisions has had the same time to be
    judged. That time is told by the events' own timestamps, so that all who read a ledger come to the same. What an
    experiment's challenger decided is left out, as are answers that another model than the chosen one gave. Decisions
    whose context another bundle made begin anew: what was learned is not comparable.

    Parameters
    ----------
    options : block size, error, time for judgements; None takes the defaults.
    remembered : changes of the past that are kept; None keeps all.

    Attributes
    ----------
    version : fingerprint and length of the contexts that are compared.
    first : the first block, None before the first decision.
    blocks : later ones that are not full or may still be judged, by number; the first one, too, until then.
    waiting : decisions that may still be judged, by id, in the order of the ledger.
    now : what holds, by kind and feature or model.
    found : the latest changes.
    full, judged, counted, uncounted : as in :class:`DriftReport`.
    """

    def __init__(self, options: DriftOptions | None = None, remembered: int | None = MOST_FOUND) -> None:
        self.options = options or DriftOptions()
        self._remembered = remembered
        self._begin(("", 0))

    def _begin(self, version: tuple[str, int]) -> None:
        self.version = version
        self.first: Block | None = None
        self.blocks: dict[int, Block] = {}
        self.waiting: OrderedDict[str, Awaited] = OrderedDict()
        self.now: dict[tuple[DriftKind, str], Drift] = {}
        self.found: deque[Drift] = deque(maxlen=self._remembered)
        self.full = self.judged = self.counted = self.uncounted = 0

    @property
    def report(self) -> DriftReport:
        """What was found so far, of the latest context version."""
        return DriftReport(
            blocks=self.full,
            judged_blocks=self.judged,
            counted=self.counted,
            uncounted=self.uncounted,
            found=tuple(self.found),
            latest=tuple(self.now.values()),
        )

    def take(self, record: Decision | Outcome | Feedback, at: float) -> None:
        """Take the ledger's next event in.

        Parameters
        ----------
        record : in the order of the ledger.
        at : when it happened, in seconds since 1970.
        """
        self._settle(at)
        match record:
            case Decision():
                self._decided(record, at)
            case Outcome(ok=True):
                self._answered(record)
            case Feedback(quality=float(quality)):
                self._judged(record.decision_id, quality, at)

    def _decided(self, decision: Decision, at: float) -> None:
        context = np.array(decision.context, dtype=np.float64)
        challenges = decision.assignment is not None and decision.assignment.arm is Arm.CHALLENGER
        if challenges or not is_comparable(context):
            return
        if (decision.context_version, context.size) != self.version:
            self._begin((decision.context_version, context.size))
        block = self.blocks.get(self.full)
        if block is None:
            block = self.blocks[self.full] = Block(self.full, MeanSums.of(context.size))
            self.first = self.first or block
        block.traffic.add(context, decision.session_id)
        if len(self.waiting) < MOST_WAITING:
            block.waiting += 1
            self.waiting[decision.id] = _awaited(decision, block.number, at)
        if block.n == self.options.block:
            self._filled(block)

    def _filled(self, block: Block) -> None:
        self.full += 1
        if self.first is not None and block is not self.first:
            self._tell(traffic_rows(self.first, block), block.number)
        self._end(block)

    def _answered(self, outcome: Outcome) -> None:
        awaited = self.waiting.get(outcome.decision_id)
        if awaited is not None and awaited.quality is None and outcome.model != awaited.model:
            del self.waiting[outcome.decision_id]  # what is said of a stand-in's answer says nothing of the chosen one
            block = self.blocks[awaited.block]
            block.waiting -= 1
            self._end(block)

    def _judged(self, decision_id: str, quality: float, at: float) -> None:
        awaited = self.waiting.get(decision_id)
        if awaited is None or abs(at - awaited.at) > self.options.judged_within_s:
            self.uncounted += 1
            return
        self.counted += 1
        awaited.quality = quality

    def _settle(self, at: float) -> None:
        """Take in what is known of the decisions whose time is over; a clock may have been set back, too."""
        while self.waiting:
            decision_id, awaited = next(iter(self.waiting.items()))
            if abs(at - awaited.at) <= self.options.judged_within_s:
                return
            del self.waiting[decision_id]
            block = self.blocks[awaited.block]
            block.settle(awaited.model, awaited.expected, awaited.quality, awaited.session)
            self._end(block)

    def _end(self, block: Block) -> None:
        """Compare a block that is full and waits for nothing more, and forget it."""
        if block.waiting > 0 or block.number >= self.full:
            return
        del self.blocks[block.number]
        self.judged += 1
        if self.first is not None and block is not self.first:
            self._tell(judged_rows(self.first, block), block.number)

    def _tell(self, rows: list[Row], number: int) -> None:
        for row in rows:
            drift = significant(row, rows, number, self.options.alpha)
            self.now.pop((row.kind, row.what), None)
            if drift is not None:
                self.now[(row.kind, row.what)] = drift
                self.found.append(drift)


def _awaited(decision: Decision, block: int, at: float) -> Awaited:
    estimate = decision.estimates.get(decision.model)
    expected = None if estimate is None or not math.isfinite(estimate.quality) else estimate.quality
    return Awaited(block, decision.model, expected, at, decision.session_id)


def drift_of(events: Iterable[Event], options: DriftOptions | None = None) -> DriftReport:
    """Look for drift in a ledger's events.

    Parameters
    ----------
    events : all of them, in order.
    options : block size, error, time for judgements.

    Returns
    -------
    report : of the latest context version, with every change that was found; the log says what holds.
    """
    fold = DriftFold(options, remembered=None)
    for event in events:
        fold.take(event.record, event.timestamp)
    tell(fold.report.latest, fold.options)
    return fold.report
