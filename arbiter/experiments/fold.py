"""What a ledger says of an experiment: a fold over its events, with the moment at which a guard was passed."""

import math
from dataclasses import dataclass, field

from arbiter.experiments.arm_sums import ArmSums, Means
from arbiter.experiments.guards import METRICS, Guards, Harm, harm
from arbiter.judgements import FeedbackRules
from arbiter.ledger import Ledger
from arbiter.records import Decision, Feedback, Outcome
from arbiter.vocabulary import NO_FAILURE, Arm, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """When and why a canary stopped.

    Attributes
    ----------
    sequence : number of the event in the ledger after which it did; the same in every process that folds it.
    timestamp : of that event, seconds since 1970.
    harm : what was surely worse.
    """

    sequence: int
    timestamp: float
    harm: Harm

    @property
    def text(self) -> str:
        """The same in words."""
        low = self.harm.interval[0]
        return f"the challenger is surely worse in {self.harm.metric}: beyond its guard by at least {low:.3g}"


@dataclass(slots=True, kw_only=True)
class _Tracked:
    """A decision of the experiment and what is known of it."""

    arm: Arm
    unit: str
    values: dict[str, float] = field(default_factory=dict)
    said: list[Feedback] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ExperimentFold:
    """Follows one experiment through a ledger; it can go on where it stopped.

    A request counts for the arm that it was assigned to, whoever answered it in the end. Its cost is that of all its
    calls, a failed one included; a cost or a latency that feedback tells goes before.

    Attributes
    ----------
    experiment : its name.
    rules : what feedback is taken to mean.
    guards : when it stops; None never stops.
    position : number of the last event taken in.
    stop : set once, and never again unset.
    decisions : by arm.
    """

    experiment: str
    rules: FeedbackRules
    guards: Guards | None = None
    position: int = 0
    stop: Stop | None = None
    decisions: dict[Arm, int] = field(default_factory=lambda: dict.fromkeys(Arm, 0))
    _tracked: dict[str, _Tracked] = field(default_factory=dict)
    _sums: dict[Arm, dict[str, ArmSums]] = field(
        default_factory=lambda: {arm: {metric: ArmSums() for metric in METRICS} for arm in Arm}
    )

    def catch_up(self, ledger: Ledger) -> None:
        """Take in the events that are new; raises LedgerError if the ledger cannot be read."""
        for sequence, event in ledger.events(self.position):
            changed = self._take(ledger, event.record)
            if changed and self.stop is None and self.guards is not None:
                worst = max(self.harms(self.guards), key=lambda found: found.interval[0])
                if worst.interval[0] > 0.0:
                    self.stop = Stop(sequence=sequence, timestamp=event.timestamp, harm=worst)
            self.position = sequence

    def means(self, metric: str) -> dict[Arm, Means]:
        """Give both arms' means of a metric."""
        return {arm: self._sums[arm][metric].means() for arm in Arm}

    def harms(self, guards: Guards) -> list[Harm]:
        """Compare the arms in every metric that guards look at."""
        means = {metric: self.means(metric) for metric in guards.margins()}
        return [harm(metric, guards, found[Arm.CONTROL], found[Arm.CHALLENGER]) for metric, found in means.items()]

    def progress(self, guards: Guards) -> Progress:
        """Say what was shown so far: safe is within every guard, at the guards' confidence."""
        if self.stop is not None:
            return Progress.HARMFUL
        harms = self.harms(guards)
        if any(found.interval[0] > 0.0 for found in harms):
            return Progress.HARMFUL
        return Progress.SAFE if all(found.interval[1] <= 0.0 for found in harms) else Progress.UNDECIDED

    def _take(self, ledger: Ledger, record: Decision | Outcome | Feedback) -> bool:
        """Take in one event; say whether a value changed."""
        if isinstance(record, Decision):
            place = record.assignment
            if place is not None and place.experiment == self.experiment:
                self.decisions[place.arm] += 1
                self._tracked[record.id] = _Tracked(arm=place.arm, unit=place.unit_id)
            return False
        one = self._tracked.get(record.decision_id)
        if one is None:
            return False
        if isinstance(record, Outcome):
            return self._outcome(one, record)
        one.said.append(record)
        known = self.rules.known(ledger.decision(record.decision_id), one.said)
        found = {"quality": None if known is None else known.quality, "cost_usd": record.cost_usd}
        return self._change(one, {**found, "latency_s": record.latency_s})

    def _outcome(self, one: _Tracked, outcome: Outcome) -> bool:
        at_fault = not outcome.ok and outcome.fallback_reason not in NO_FAILURE
        failed = max(one.values.get("failures", 0.0), float(at_fault))
        cost = None if outcome.cost_usd is None else one.values.get("cost_usd", 0.0) + outcome.cost_usd
        latency = outcome.latency_s if outcome.ok else None
        return self._change(one, {"failures": failed, "cost_usd": cost, "latency_s": latency})

    def _change(self, one: _Tracked, values: dict[str, float | None]) -> bool:
        changed = False
        for metric, value in values.items():
            before = one.values.get(metric)
            if value is not None and math.isfinite(value) and value != before:
                self._sums[one.arm][metric].change(one.unit, before, value)
                one.values[metric] = value
                changed = True
        return changed
