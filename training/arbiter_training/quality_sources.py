"""How much a quality counts in learning, by who gave it: a person, code, a model, behaviour."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.judgements import PRECISION
from arbiter.vocabulary import FeedbackSource
from arbiter_training.traffic.columns import FloatArray
from arbiter_training.traffic.outcomes import QUALITY_SOURCES, OutcomeMatrix, sources_of
from arbiter_training.traffic.table import TrafficTable

UNKNOWN = "unknown"

NAMES = (*map(str, QUALITY_SOURCES), UNKNOWN)
"""Of the sources, by number; the last is that of -1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWeights:
    """Inverse noise variance of one quality of each source, against a person's; 0 leaves it out.

    The defaults are those of learning online (:data:`arbiter.judgements.PRECISION`): a prior, not a measurement.
    Weights answer noise. A source that errs to one side errs with a small weight, too, as far as it is all there is.

    Attributes
    ----------
    human, code, judge, implicit, preference : of the sources; reference answers are ``code``.
    unknown : of qualities whose log names no source.
    """

    human: float = PRECISION[FeedbackSource.HUMAN]
    code: float = PRECISION[FeedbackSource.CODE]
    judge: float = PRECISION[FeedbackSource.JUDGE]
    implicit: float = PRECISION[FeedbackSource.IMPLICIT]
    preference: float = PRECISION[FeedbackSource.PREFERENCE]
    unknown: float = 1.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0.0 <= value < math.inf:
                raise InvalidInputError(f"quality_sources: {name} must be a number from 0 up, got {value}")

    def trust(self, outcomes: OutcomeMatrix) -> FloatArray:
        """Give the (n, K) weight of each outcome's source."""
        return np.asarray([getattr(self, name) for name in NAMES])[outcomes.quality_source]

    def heard(self, outcomes: OutcomeMatrix) -> FloatArray:
        """Give the (n, K) qualities, NaN also where their source counts nothing.

        Raises
        ------
        InvalidInputError
            If no quality is left of those that there are.
        """
        quality = np.where(self.trust(outcomes) > 0.0, outcomes.quality, np.nan)
        if np.isnan(quality).all() and not np.isnan(outcomes.quality).all():
            told = ", ".join(f"{name} {count:,}" for name, count in counted(outcomes).items())
            raise InvalidInputError(f"quality_sources leaves no quality to learn from; the log has {told}")
        return quality


def counted(outcomes: OutcomeMatrix) -> dict[str, int]:
    """Give how many outcomes each source judged, the most first."""
    codes = Counter(outcomes.quality_source[~np.isnan(outcomes.quality)].tolist())
    return {NAMES[code]: count for code, count in codes.most_common()}


def shares_told(outcomes: OutcomeMatrix) -> str:
    """Say who judged, in a sentence that follows others; nothing where the log names nobody."""
    counts = counted(outcomes)
    if set(counts) <= {UNKNOWN}:
        return ""
    total = sum(counts.values())
    return f" Judged by {', '.join(f'{name} {count / total:.0%}' for name, count in counts.items())}."


def judged_only(table: TrafficTable, sources: Sequence[str]) -> TrafficTable:
    """Give a table in which the qualities of other sources are unknown; of no sources, the table as it is.

    Raises
    ------
    InvalidInputError
        If a name is no source, or none of these has judged anything.
    """
    for name in sources:
        if name not in NAMES:
            raise InvalidInputError(f"no source of quality is called {name!r}; there are {', '.join(NAMES)}")
    if not sources:
        return table
    wanted = np.isin(np.asarray(NAMES)[sources_of(table)], sources)
    if np.isnan(table.quality[wanted]).all():
        raise InvalidInputError(f"no row is judged by {', '.join(sources)}")
    return replace(table, quality=np.where(wanted, table.quality, np.nan))
