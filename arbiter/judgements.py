"""What feedback says of decisions: sources of different noise, corrections, preferences, and rewards of one's own."""

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from arbiter.errors import InvalidInputError
from arbiter.own_code import OwnCode
from arbiter.records import Decision, Feedback
from arbiter.vocabulary import FeedbackSource

PRECISION: Mapping[FeedbackSource, float] = {
    FeedbackSource.HUMAN: 1.0,
    FeedbackSource.CODE: 1.0,
    FeedbackSource.JUDGE: 0.5,
    FeedbackSource.IMPLICIT: 0.2,
    FeedbackSource.PREFERENCE: 0.2,
}
"""Inverse noise variance of one judgement by who gave it, against a person's: a prior, not a measurement."""


REFERENCE = "reference"
"""How tables call the source of a quality that was found by comparing with a reference answer: a check by code."""


def source_named(name: object) -> FeedbackSource | None:
    """Give the source that a table's ``quality_source`` means; None where it names none.

    What follows a colon says who or how: ``judge:gpt-4o``, ``implicit:rephrase``.
    """
    kind = str(name).partition(":")[0]
    if kind == REFERENCE:
        return FeedbackSource.CODE
    return FeedbackSource(kind) if kind in list(FeedbackSource) else None


Reward = Callable[[Decision, Feedback], float | None]
"""A reward of the user's own making: the quality in [0, 1] that a feedback on a decision stands for, None for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackRules:
    """What feedback is taken to mean; the same must hold whenever a ledger is folded.

    Attributes
    ----------
    precision : source to the inverse noise variance of one judgement of it, against the reference's 1; 0 ignores it.
    reward : None takes the feedback's own quality; else it must give the same for the same.
    version : names the reward, and changes when it does. Without it a fold by this reward is never taken up from a
        snapshot, since nobody could tell whether it was the same reward.
    """

    precision: Mapping[FeedbackSource, float] = field(default_factory=lambda: PRECISION)
    reward: Reward | None = None
    version: str = ""

    def __post_init__(self) -> None:
        if strange := [str(source) for source in self.precision if source not in list(FeedbackSource)]:
            raise InvalidInputError(f"unknown source {', '.join(strange)}; there are {', '.join(FeedbackSource)}")
        for source in FeedbackSource:
            value = self.precision.get(source)
            if not isinstance(value, int | float) or not 0.0 <= value < math.inf:
                raise InvalidInputError(
                    f"the precision of {source} must be a number from 0 up, got {value!r}; "
                    "change some of them by {**arbiter.judgements.PRECISION, ...}"
                )

    def quality(self, decision: Decision, feedback: Feedback) -> float | None:
        """Give the quality that a feedback stands for.

        Raises
        ------
        InvalidInputError
            If the user's reward fails, or is outside [0, 1].
        """
        with OwnCode("the reward"):
            found = feedback.quality if self.reward is None else self.reward(decision, feedback)
            if found is not None and not 0.0 <= found <= 1.0:
                raise InvalidInputError(f"a reward must lie in [0, 1] or be None, got {found!r:.80} for {feedback}")
        return found

    def known(self, decision: Decision, said: Iterable[Feedback]) -> "Judgement | None":
        """Give what is known of a decision's answer after some feedback, in order; None where nothing.

        Of several sources the mean counts, weighed by how noisy each is; of repeated feedback of one source and key
        the last value. What the user's reward fails on says nothing: a service that has the reward refuses it, but
        another process may have recorded it, and one such feedback must not stop all learning.
        """
        last: dict[tuple[FeedbackSource, str], float] = {}
        for feedback in said:
            with contextlib.suppress(InvalidInputError):
                quality = self.quality(decision, feedback)
                if quality is not None:
                    last[(feedback.source, feedback.key)] = quality
        return together(last, self.precision)

    @property
    def fingerprint(self) -> str | None:
        """What tells these rules from others; None where that cannot be told."""
        if self.reward is not None and not self.version:
            return None
        return repr((sorted((str(source), value) for source, value in self.precision.items()), self.version))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of one decision's answer.

    Attributes
    ----------
    quality : mean over the sources, weighed by their precision.
    weight : sum of these precisions.
    since : seconds since 1970 at which the answer was first judged; None where unknown.
    """

    quality: float
    weight: float
    since: float | None = field(default=None, compare=False)


def together(
    last: Mapping[tuple[FeedbackSource, str], float], precision: Mapping[FeedbackSource, float] = PRECISION
) -> Judgement | None:
    """Give the mean of what several said of one answer, weighed by how noisy each is; None where nobody counts.

    Parameters
    ----------
    last : source and key to the last quality that it gave.
    precision : source to the inverse noise variance of one judgement of it.
    """
    weights = [precision[source] for source, _ in last]
    total = sum(weights)
    if total <= 0.0:
        return None
    return Judgement(sum(w * q for w, q in zip(weights, last.values(), strict=True)) / total, total)


PREFERENCE_SCALE = 0.25
"""Difference in quality at which the better answer is preferred in 73 of 100 comparisons."""


def preferred(winner: Decision, loser: Decision) -> tuple[Feedback, Feedback]:
    """Read "this answer is better than that one" as a judgement of each.

    Parameters
    ----------
    winner, loser : decisions on the same request.

    Returns
    -------
    feedback : of the winner and of the loser, with source ``preference``; repeating it changes nothing.

    Raises
    ------
    InvalidInputError
        If it is one decision, or nothing was expected of a model.

    Notes
    -----
    One gradient step of the logistic paired-comparison model of Bradley and Terry (1952): with P = sigmoid((q_w - q_l)
    / 0.25) the winner is judged at q_w + 0.25 (1 - P) and the loser as far below q_l, both cut to [0, 1]. Theory and
    code part where arms are coupled: here each learns on its own, at a preference's low precision.
    """
    expected = [decision.estimates.get(decision.model) for decision in (winner, loser)]
    if winner.id == loser.id:
        raise InvalidInputError(f"a preference must be between two decisions, got {winner.id} twice")
    if expected[0] is None or expected[1] is None:
        lacking = winner if expected[0] is None else loser
        raise InvalidInputError(
            f"nothing was expected of {lacking.model} in decision {lacking.id}, so a preference says nothing of its "
            "quality; give it as feedback(quality=...)"
        )
    q_winner, q_loser = expected[0].quality, expected[1].quality
    surprise = PREFERENCE_SCALE / (1.0 + math.exp((q_winner - q_loser) / PREFERENCE_SCALE))
    source = FeedbackSource.PREFERENCE
    return (
        Feedback(decision_id=winner.id, quality=min(q_winner + surprise, 1.0), source=source, key=loser.id),
        Feedback(decision_id=loser.id, quality=max(q_loser - surprise, 0.0), source=source, key=winner.id),
    )
