"""The experience store: how each model did on each type of task, as a view on the ledger; and a selector upon it.

The names of other systems' experience stores and selectors are mapped to arbiter's own in ``docs/experience.md``.
"""

import threading
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.feedback_details import read_feedback
from arbiter.intake import Request
from arbiter.ledger import Ledger
from arbiter.records import Decision, Outcome
from arbiter.route_options import RouteOptions
from arbiter.service import Arbiter
from arbiter.tallies import LedgerFold, Tally
from arbiter.vocabulary import FallbackReason, TaskType

LEAST_CALLS = 10
"""Calls from which a model may be called the best at something, where nobody says how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPerformance:
    """How one model did on one type of task.

    Attributes
    ----------
    model, task_type : of what.
    calls : attempts that were recorded, and answers that were judged or measured without one.
    success_rate : share of them that did not fail; None without calls.
    judged : answers with a judged quality.
    quality : their mean; None without any.
    latency_s, cost_usd : means of what was measured; None where nothing was.
    """

    model: str
    task_type: TaskType
    calls: int = 0
    success_rate: float | None = None
    judged: int = 0
    quality: float | None = None
    latency_s: float | None = None
    cost_usd: float | None = None

    @property
    def delivered(self) -> float | None:
        """Expected quality of asking it once: success rate x quality of its answers; None where one is not known."""
        return None if self.quality is None or self.success_rate is None else self.success_rate * self.quality


class Experience:
    """What a ledger says of models by task type; safe to share between threads.

    A view: it holds nothing that is not in the ledger, survives restarts with it, and sees what other processes record.
    Each question first takes in what is new.

    Parameters
    ----------
    ledger : whose decisions, outcomes and feedback.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._fold = LedgerFold()
        self._lock = threading.Lock()

    def performance(self, model: str, task_type: TaskType | str) -> TaskPerformance:
        """Give how a model did on a type of task; zero calls where it was never asked.

        Raises
        ------
        InvalidInputError
            If there is no such type of task.
        LedgerError
            If the ledger cannot be read.
        """
        task = _task(task_type)
        return _performance(model, task, self._tallies().get((model, task), Tally()))

    def ranking(self, task_type: TaskType | str, at_least: int = 1) -> tuple[TaskPerformance, ...]:
        """Give the models with at least so many calls on a type of task, best first.

        Best is who delivers most (:attr:`TaskPerformance.delivered`); then, among those of which no answer was judged,
        who succeeds most often; equals are ranked by cost, then by name. It is what was seen, without regard to which
        requests each model was given: to compare models fairly, use ``arbiter evaluate`` on ``arbiter export``.

        Raises
        ------
        InvalidInputError
            If there is no such type of task.
        LedgerError
            If the ledger cannot be read.
        """
        task = _task(task_type)
        rows = [_performance(model, kind, tally) for (model, kind), tally in self._tallies().items() if kind is task]
        return tuple(sorted((row for row in rows if row.calls >= max(at_least, 1)), key=_rank))

    def best(self, task_type: TaskType | str, at_least: int = LEAST_CALLS) -> str | None:
        """Give the first of the ranking; None where no model has that many calls."""
        ranked = self.ranking(task_type, at_least)
        return ranked[0].model if ranked else None

    def _tallies(self) -> dict[tuple[str, TaskType], Tally]:
        with self._lock:
            self._fold.catch_up(self._ledger)
            return self._fold.by_task()


class ExecutionDetails(TypedDict, total=False):
    """What is known of one call, each left out where it is not.

    ``model`` that was called (default: the chosen one), ``latency_s``, ``cost_usd``, ``quality`` of the answer in
    [0, 1] and the ``reason`` of a failure.
    """

    model: str
    latency_s: float | None
    cost_usd: float | None
    quality: float | None
    reason: FallbackReason


class Selector:
    """A service under the names of a model selector that learns from execution.

    Parameters
    ----------
    service : routes, records and learns; stays open.
    """

    def __init__(self, service: Arbiter) -> None:
        self._service = service
        self.experience = Experience(service.ledger)

    def select(self, request: Request, **options: Unpack[RouteOptions]) -> str:
        """Give the model for a request; its execution cannot be recorded: see :meth:`select_with_details`."""
        return self.select_with_details(request, **options).model

    def select_with_details(self, request: Request, **options: Unpack[RouteOptions]) -> Decision:
        """Give the decision for a request: :meth:`arbiter.service.Arbiter.route`."""
        return self._service.route(request, **options)

    def get_fallback_chain(self, decision: Decision, max_length: int = 3) -> tuple[str, ...]:
        """Give the models to try, in order, the chosen one first.

        Raises
        ------
        InvalidInputError
            If the length is below 1.
        """
        if max_length < 1:
            raise InvalidInputError(f"max_length must be 1 or more, got {max_length}")
        return (decision.model, *decision.fallbacks)[:max_length]

    def record_execution(self, decision: Decision, success: bool, **details: Unpack[ExecutionDetails]) -> None:
        """Record one call, and learn from the quality of its answer where that is known.

        Parameters
        ----------
        decision : for which the call was made.
        success : whether it brought an answer.
        details : see :class:`ExecutionDetails`.

        Raises
        ------
        InvalidInputError
            If a call that failed has a quality, or a name or value is wrong.
        UnknownDecisionError, LedgerError
            As :meth:`arbiter.service.Arbiter.feedback`.
        """
        known = ExecutionDetails.__optional_keys__
        if unknown := sorted(set(details) - known):
            raise InvalidInputError(f"unknown detail {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        quality = details.get("quality")
        if quality is not None and not success:
            raise InvalidInputError("a call that failed has no answer to judge; leave quality out")
        measured = read_feedback(decision.id, quality, {name: details.get(name) for name in ("cost_usd", "latency_s")})
        outcome = Outcome(
            decision_id=decision.id,
            model=details.get("model") or decision.model,
            ok=success,
            cost_usd=measured.cost_usd,
            latency_s=measured.latency_s,
            fallback_reason=None if success else details.get("reason", FallbackReason.ERROR),
        )
        self._service.record(outcome)
        if quality is not None:
            self._service.feedback(decision.id, quality=quality)


def _task(task_type: TaskType | str) -> TaskType:
    try:
        return TaskType(task_type)
    except ValueError:
        raise InvalidInputError(f"unknown task type {task_type!r}; there are {', '.join(TaskType)}") from None


def _performance(model: str, task_type: TaskType, tally: Tally) -> TaskPerformance:
    calls = tally.calls + tally.untold
    return TaskPerformance(
        model=model,
        task_type=task_type,
        calls=calls,
        success_rate=1.0 - tally.reasons.total() / calls if calls else None,
        judged=len(tally.quality),
        quality=_mean(tally.quality),
        latency_s=_mean(tally.latency_s),
        cost_usd=_mean(tally.cost_usd),
    )


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _rank(row: TaskPerformance) -> tuple[bool, float, float, str]:
    worth = row.success_rate or 0.0 if row.delivered is None else row.delivered
    return row.delivered is None, -worth, float("inf") if row.cost_usd is None else row.cost_usd, row.model
