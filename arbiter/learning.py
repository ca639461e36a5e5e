"""How feedback changes a policy: a fold over the ledger, one judgement after the other."""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np

from arbiter.counterfactual import best
from arbiter.errors import InvalidInputError, wordless
from arbiter.judgements import FeedbackRules, Judgement
from arbiter.ledger import Judged, Ledger
from arbiter.policies.lesson import Evidence, Lesson
from arbiter.policies.protocol import Policy
from arbiter.records import Decision
from arbiter.router import Router
from arbiter.snapshots import read_policy, snapshot_name

logger = logging.getLogger(__name__)


@runtime_checkable
class LearningPolicy(Protocol):
    """A policy that feedback changes."""

    def learned(self, lesson: Lesson) -> Policy:
        """Give the policy after one judged answer, or after the change of one."""
        ...


@runtime_checkable
class MarkedPolicy(Protocol):
    """A policy that remembers how far it has learned from which ledger; one that does not learns all of it anew.

    Attributes
    ----------
    marks : ledger's identity to the number of the last feedback taken in.
    """

    @property
    def marks(self) -> Mapping[str, int]:
        """See the class."""
        ...

    def marked(self, ledger: str, position: int) -> Policy:
        """Give the policy that remembers this, too."""
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
    arm = router.catalog.place_of(decision.model)
    if arm is None or not same:
        return router
    estimate, context = decision.estimates.get(decision.model), np.array(decision.context)
    if estimate is None or not math.isfinite(estimate.quality) or not np.isfinite(context).all():
        return router  # one NaN would stay in the policy's sums for good
    lesson = Lesson(
        arm=arm,
        context=context,
        residual=after.quality - estimate.quality,
        weight=after.weight,
        known_residual=0.0 if before is None else before.quality - estimate.quality,
        known_weight=0.0 if before is None else before.weight,
        known_since=None if before is None else before.since,
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

    Feedback is folded in the order of the ledger, whichever process recorded it, so that all come to the same state,
    bit for bit.

    Attributes
    ----------
    router : with everything learned so far.
    rules : what feedback is taken to mean.
    position : sequence number of the last feedback taken in.
    """

    router: Router
    rules: FeedbackRules = field(default_factory=FeedbackRules)
    position: int = 0

    def catch_up(self, ledger: Ledger) -> int:
        """Take in the feedback that the ledger holds after ``position``; give how much it was.

        Raises
        ------
        LedgerError
            If it cannot be read.
        """
        if not isinstance(self.router.policy, LearningPolicy):
            self.position = max(self.position, ledger.last_judged())
            return 0
        taken = 0
        for judged in ledger.judged(self.position):
            self._tell_failing(judged)
            before = self._known_before(judged)
            after = self.rules.known(judged.decision, (*judged.earlier, judged.feedback))
            learned = after_feedback(self.router, _answered(judged), before, after, judged.timestamp)
            if learned is not self.router and ledger.identity:
                learned = _marked(learned, ledger.identity, judged.sequence)
            self.router, self.position = learned, judged.sequence
            taken += 1
        return taken

    def _known_before(self, judged: Judged) -> Judgement | None:
        known = self.rules.known(judged.decision, judged.earlier)
        if known is None:
            return None
        said = zip(judged.earlier_at, judged.earlier, strict=True)
        first = (at for at, one in said if self.rules.known(judged.decision, (one,)) is not None)
        return replace(known, since=next(first, None))

    def _tell_failing(self, judged: Judged) -> None:
        """Log a feedback that the reward fails on, once; it teaches nothing."""
        try:
            self.rules.quality(judged.decision, judged.feedback)
        except InvalidInputError as error:
            logger.error("feedback %d is not learned: %s", judged.sequence, wordless(error.__cause__ or error))


def replay(router: Router, ledger: Ledger, rules: FeedbackRules | None = None) -> Replay:
    """Fold the feedback that a ledger holds into a loaded router.

    The fold starts behind what the router has learned from this ledger already (a bundle that was saved from a serving
    router says how far), or at the ledger's snapshot of this very fold where that is further. A missing or damaged
    snapshot costs time, nothing else, as long as no judged decisions were deleted; then the log says so.

    Parameters
    ----------
    router, ledger : what learns, and from what.
    rules : what feedback is taken to mean; None takes the defaults.

    Raises
    ------
    LedgerError
        If the ledger cannot be read.
    """
    folded = resumed(router, ledger, rules or FeedbackRules())
    folded.catch_up(ledger)
    return folded


def resumed(router: Router, ledger: Ledger, rules: FeedbackRules) -> Replay:
    """Give the fold as far as bundle and snapshot know it; see :func:`replay`."""
    pruned, known = ledger.pruned_through(), _mark(router, ledger.identity)
    last = max(ledger.last_judged(), pruned)  # of a ledger whose feedback was all deleted, too
    if known > last:
        logger.warning("the bundle has learned from event %d, the ledger ends at %d: was it restored?", known, last)
    found = Replay(router=router, rules=rules, position=min(known, last))
    name = snapshot_name(router, rules)
    snapshot = None if name is None else ledger.snapshot(name)
    policy = None if snapshot is None else read_policy(snapshot.payload)
    if snapshot is not None and policy is not None and found.position <= snapshot.position <= last:
        found = Replay(router=replace(router, policy=policy), rules=rules, position=snapshot.position)
    if isinstance(router.policy, LearningPolicy) and pruned > found.position:
        logger.warning("judged decisions were deleted from the ledger that this router had not learned from")
    return found


def _answered(judged: Judged) -> Decision:
    """Give the decision under the name of who answered; a stand-in's answer says nothing of how the choice was made."""
    if judged.served == judged.decision.model:
        return judged.decision
    return replace(judged.decision, model=judged.served, bandit_share=None)


def _mark(router: Router, ledger: str) -> int:
    return router.policy.marks.get(ledger, 0) if isinstance(router.policy, MarkedPolicy) else 0


def _marked(router: Router, ledger: str, position: int) -> Router:
    policy = router.policy
    return replace(router, policy=policy.marked(ledger, position)) if isinstance(policy, MarkedPolicy) else router
