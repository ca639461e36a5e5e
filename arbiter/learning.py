"""How feedback changes a policy: a fold over the ledger, one judgement after the other."""

import math
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from arbiter.counterfactual import best
from arbiter.judgements import FeedbackRules, Judgement, JudgementFold
from arbiter.ledger import Ledger
from arbiter.policies.lesson import Evidence, Lesson
from arbiter.policies.protocol import Policy
from arbiter.records import Decision, Feedback
from arbiter.router import Router


@runtime_checkable
class LearningPolicy(Policy, Protocol):
    """A policy that feedback changes."""

    def learned(self, lesson: Lesson) -> "LearningPolicy":
        """Give the policy after one judged answer, or after the change of one."""
        ...


def after_feedback(
    router: Router,
    decision: Decision,
    before: Judgement | None,
    after: Judgement | None,
    timestamp: float | None = None,
) -> Router:
    """Give the router after what is known of a decision's answer went from ``before`` to ``after``.

    A decision that this router cannot learn from leaves it as it is: its policy does not learn, its catalog no longer
    holds the model, the decision's context means something else (another bundle made it, or none: the router had
    failed), or nothing was expected of the model. So a bundle that was trained on a ledger does not learn from the
    same feedback again.

    Parameters
    ----------
    router, decision : the decision is one that a router of the same context map made.
    before, after : what was known, None where nothing.
    timestamp : seconds since 1970 at which the judgement came.
    """
    policy = router.policy
    if after is None or before == after or not isinstance(policy, LearningPolicy):
        return router
    same = (decision.context_version, len(decision.context)) == (router.context_map.fingerprint, router.context_map.dim)
    if decision.model not in router.catalog or not same:
        return router
    estimate, context = decision.estimates.get(decision.model), np.array(decision.context)
    if estimate is None or not math.isfinite(estimate.quality) or not np.isfinite(context).all():
        return router  # one NaN would stay in the policy's sums for good
    lesson = Lesson(
        arm=router.catalog.position(decision.model),
        context=context,
        residual=after.quality - estimate.quality,
        weight=after.weight,
        known_residual=0.0 if before is None else before.quality - estimate.quality,
        known_weight=0.0 if before is None else before.weight,
        timestamp=timestamp,
        evidence=_evidence(decision, after.quality),
    )
    return replace(router, policy=policy.learned(lesson))


def _evidence(decision: Decision, quality: float) -> Evidence | None:
    """Say how a decision was made and what it was worth; None where it does not tell, or the bandit had no share."""
    share, estimate = decision.bandit_share, decision.estimates[decision.model]
    if not share or decision.quality_per_usd is None or decision.quality_per_s is None:
        return None
    spent = decision.quality_per_usd * estimate.cost_usd + decision.quality_per_s * estimate.latency_s
    offline = best(decision)
    if offline is None or not math.isfinite(spent):
        return None
    return Evidence(
        utility=quality - spent,
        propensity=decision.propensity,
        offline=float(offline == decision.model),
        share=share,
    )


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
                change = self.judgements.change(decision, event.record)
                self.router = after_feedback(self.router, decision, *change, event.timestamp)


def replay(router: Router, ledger: Ledger, rules: FeedbackRules | None = None) -> Replay:
    """Fold all feedback that a ledger holds into a freshly loaded router.

    Parameters
    ----------
    router, ledger : what learns, and from what.
    rules : what feedback is taken to mean; None takes the defaults.

    Raises
    ------
    LedgerError
        If the ledger cannot be read.
    """
    folded = Replay(router=router, judgements=JudgementFold(rules or FeedbackRules()))
    folded.catch_up(ledger)
    return folded
