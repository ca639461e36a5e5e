"""How feedback changes a policy: a fold over the ledger, one judgement after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from arbiter.ledger import Event, Ledger
from arbiter.policies.protocol import Policy
from arbiter.records import Decision, Feedback
from arbiter.router import Router


@runtime_checkable
class LearningPolicy(Policy, Protocol):
    """A policy that feedback changes."""

    def learned(self, arm: int, context: NDArray[np.float64], residual: float) -> "LearningPolicy":
        """Give the policy after one judged answer."""
        ...

    def corrected(self, arm: int, context: NDArray[np.float64], change: float) -> "LearningPolicy":
        """Give the policy after a judgement that it learned from has moved by ``change``."""
        ...


@dataclass(slots=True)
class JudgementFold:
    """The feedback so far, per decision: what the next judgement adds to or corrects.

    Of several sources the mean counts; of repeated feedback of one source and key the last value.

    Attributes
    ----------
    seen : decision id to (source, key) to quality.
    """

    seen: dict[str, dict[tuple[str, str], float]] = field(default_factory=dict)

    def change(self, feedback: Feedback) -> tuple[float | None, float | None]:
        """Take a judgement in; give the decision's quality before it and after it, None where unknown."""
        before = self.seen.get(feedback.decision_id, {})
        after = dict(before)
        if feedback.quality is not None:
            after[(str(feedback.source), feedback.key)] = feedback.quality
            self.seen[feedback.decision_id] = after
        return _mean(before), _mean(after)


def after_feedback(router: Router, decision: Decision, before: float | None, after: float | None) -> Router:
    """Give the router after the judged quality of a decision went from ``before`` to ``after``.

    A decision that this router cannot learn from leaves it as it is: its policy does not learn, its catalog no longer
    holds the model, or the decision's context has another length (it was made by another bundle).
    """
    policy = router.policy
    if after is None or before == after or not isinstance(policy, LearningPolicy):
        return router
    if decision.model not in router.catalog or len(decision.context) != router.context_map.dim:
        return router
    arm, context = router.catalog.position(decision.model), np.array(decision.context)
    if before is None:
        return replace(router, policy=policy.learned(arm, context, after - decision.estimates[decision.model].quality))
    return replace(router, policy=policy.corrected(arm, context, after - before))


def replay(router: Router, ledger: Ledger) -> tuple[Router, JudgementFold]:
    """Fold all feedback that a ledger holds into a freshly loaded router.

    Returns
    -------
    router, fold : the state at the ledger's end.
    """
    fold = JudgementFold()
    decisions: dict[str, Decision] = {}
    for _, event in ledger.events():
        router = _replayed(router, event, decisions, fold)
    return router, fold


def _replayed(router: Router, event: Event, decisions: dict[str, Decision], fold: JudgementFold) -> Router:
    if isinstance(event.record, Decision):
        decisions[event.record.id] = event.record
    elif isinstance(event.record, Feedback):
        decision = decisions[event.record.decision_id]
        return after_feedback(router, decision, *fold.change(event.record))
    return router


def _mean(judgements: dict[tuple[str, str], float]) -> float | None:
    values: Sequence[float] = tuple(judgements.values())
    return sum(values) / len(values) if values else None
