"""How feedback changes a policy: a fold over the ledger, one judgement after the other."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from arbiter.ledger import Ledger
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
    holds the model, the decision's context means something else (another bundle made it, or none: the router had
    failed), or nothing was expected of the model. So a bundle that was trained on a ledger does not learn from the
    same feedback again.
    """
    policy = router.policy
    if after is None or before == after or not isinstance(policy, LearningPolicy):
        return router
    same = (decision.context_version, len(decision.context)) == (router.context_map.fingerprint, router.context_map.dim)
    if decision.model not in router.catalog or not same:
        return router
    arm, context = router.catalog.position(decision.model), np.array(decision.context)
    if before is not None:
        return replace(router, policy=policy.corrected(arm, context, after - before))
    estimate = decision.estimates.get(decision.model)
    if estimate is None or not math.isfinite(estimate.quality) or not np.isfinite(context).all():
        return router  # one NaN would stay in the policy's sums for good
    return replace(router, policy=policy.learned(arm, context, after - estimate.quality))


@dataclass(slots=True, kw_only=True)
class Replay:
    """A router with the feedback of a ledger folded into it; it can go on where it stopped.

    Attributes
    ----------
    router : with everything learned so far.
    judgements : the feedback so far.
    position : sequence number of the last event taken in.
    """

    router: Router
    judgements: JudgementFold = field(default_factory=JudgementFold)
    position: int = 0

    def catch_up(self, ledger: Ledger) -> None:
        """Take in what the ledger holds after ``position``.

        Raises
        ------
        LedgerError
            If it cannot be read.
        """
        for position, event in ledger.events(self.position):
            self.position = position
            if isinstance(event.record, Feedback):
                # Looked up one by one: all decisions of a ledger would not fit into memory.
                decision = ledger.decision(event.record.decision_id)
                self.router = after_feedback(self.router, decision, *self.judgements.change(event.record))


def replay(router: Router, ledger: Ledger) -> Replay:
    """Fold all feedback that a ledger holds into a freshly loaded router.

    Raises
    ------
    LedgerError
        If the ledger cannot be read.
    """
    folded = Replay(router=router)
    folded.catch_up(ledger)
    return folded


def _mean(judgements: Mapping[tuple[str, str], float]) -> float | None:
    return sum(judgements.values()) / len(judgements) if judgements else None
