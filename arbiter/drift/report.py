"""What drift is looked for, and what was found."""

import math
from dataclasses import dataclass
from enum import StrEnum

from arbiter.errors import InvalidInputError

LEAST_PER_SIDE = 20
"""Decisions, or sessions of them, on either side without which a comparison is not made."""


class DriftKind(StrEnum):
    """What has changed."""

    TRAFFIC = "traffic"
    QUALITY = "quality"
    FEEDBACK_RATE = "feedback_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftOptions:
    """How drift is looked for.

    Attributes
    ----------
    block : decisions of one block; the first block is what later ones are held against.
    alpha : chance of any false alarm, ever, of each kind of drift.
    judged_within_s : seconds after its decision within which a judgement counts. A block's qualities and feedback rates
        are compared once all of its decisions have had that time: so much later is their drift known. Judgements that
        come later count for nothing.
    follow_s : seconds of serving after which a service looks into its ledger, in the background; infinite never does.
    """

    block: int = 500
    alpha: float = 0.05
    judged_within_s: float = 3600.0
    follow_s: float = 10.0

    def __post_init__(self) -> None:
        if self.block < 2 * LEAST_PER_SIDE:
            raise InvalidInputError(f"block must be {2 * LEAST_PER_SIDE} decisions or more, got {self.block}")
        if not 0.0 < self.alpha < 1.0:
            raise InvalidInputError(f"alpha must lie between 0 and 1, got {self.alpha}")
        if not 0.0 <= self.judged_within_s < math.inf:
            raise InvalidInputError(f"judged_within_s must be seconds from 0 up, got {self.judged_within_s}")
        if not self.follow_s > 0.0:
            raise InvalidInputError(f"follow_s must be above 0, got {self.follow_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One change that chance does not explain.

    Attributes
    ----------
    kind : traffic, quality of a model against its estimate, or a model's feedback rate.
    what : the feature or the model.
    block : number of the block, from 1; the first one is 0.
    before, after : means in the first block and in this one.
    p_value, level : of the test, and the level that it had to pass.
    """

    kind: DriftKind
    what: str
    block: int
    before: float
    after: float
    p_value: float
    level: float

    @property
    def ends_evaluation(self) -> bool:
        """Whether an offline evaluation of before does not hold after it; a rate tells of feedback alone."""
        return self.kind is not DriftKind.FEEDBACK_RATE

    @property
    def subject(self) -> str:
        """What is told of once: the traffic, whichever its features; the quality or the feedback rate of one model."""
        return str(self.kind) if self.kind is DriftKind.TRAFFIC else f"{self.kind} of {self.what}"

    @property
    def text(self) -> str:
        """The same in words."""
        said = {
            DriftKind.TRAFFIC: f"traffic: {self.what}",
            DriftKind.QUALITY: f"quality of {self.what} less its estimate",
            DriftKind.FEEDBACK_RATE: f"share of {self.what}'s answers that are judged",
        }
        return f"{said[self.kind]} went from {self.before:.3g} to {self.after:.3g} (p {self.p_value:.0e})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """What was found in a ledger.

    Attributes
    ----------
    blocks : full blocks, the first one included: so many are compared in traffic.
    judged_blocks : those whose time to be judged is over: so many are compared in quality and feedback rate.
    counted, uncounted : judgements that count, and those that do not: they came too late, or concern another model than
        the chosen one, an experiment's challenger, another bundle's decision.
    found : changes, in the order in which they became known; of very many the latest.
    latest : what holds now: of each model and feature the last comparison that could be made, where it found a change.
    """

    blocks: int = 0
    judged_blocks: int = 0
    counted: int = 0
    uncounted: int = 0
    found: tuple[Drift, ...] = ()
    latest: tuple[Drift, ...] = ()

    @property
    def evaluation_holds(self) -> bool:
        """Whether an offline evaluation on the first block's time still speaks for today's traffic and models."""
        return not any(drift.ends_evaluation for drift in self.latest)
