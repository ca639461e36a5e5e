"""What forgetting has left of a judgement since it was learned, so that a correction of it counts no more than that."""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP = 0.05
"""Two notes lie at least so far apart, in the logarithm of what is left."""

MOST_NOTES = 128
"""Notes of an arm: with these what is left can be told down to exp(-6.4), a sixth of a percent."""

GONE = -700.0
"""Logarithm of what is left of what was forgotten whole."""

Note = tuple[float, float]
"""A time, in seconds since 1970, and the sum of the logarithms of all factors up to then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmFading:
    """How one arm has forgotten, along time; immutable.

    Attributes
    ----------
    total : sum of the logarithms of all factors by which what the arm knew has been multiplied.
    notes : the same at some moments of learning, in order of time; the last is the latest one.
    """

    total: float = 0.0
    notes: tuple[Note, ...] = ()

    def faded(self, factor: float) -> "ArmFading":
        """Take in that everything the arm knew counts ``factor`` of what it did."""
        if factor == 1.0:
            return self
        return ArmFading(total=self.total + (math.log(factor) if factor > 0.0 else GONE), notes=self.notes)

    def noted(self, at: float) -> "ArmFading":
        """Note that something was learned, at a time; a clock that went back stands still."""
        note = (max(at, self.notes[-1][0]) if self.notes else at, self.total)
        close = len(self.notes) > 1 and abs(self.total - self.notes[-2][1]) < STEP
        kept = self.notes[:-1] if close else self.notes[-MOST_NOTES + 1 :]
        return ArmFading(total=self.total, notes=(*kept, note))

    def left(self, at: float) -> float:
        """Give the part that is left of what was learned at a time: 0 where the arm had learned nothing by then.

        Between two notes the logarithm is taken to have changed evenly; they differ by about ``STEP``, save where
        something was forgotten at once.
        """
        place = bisect_right(self.notes, (at, math.inf)) - 1
        if place < 0:
            return 0.0
        (before, known), after = self.notes[place], self.notes[place + 1 : place + 2]
        if after and math.isfinite(before) and after[0][0] > before:
            known += (after[0][1] - known) * (at - before) / (after[0][0] - before)
        return math.exp(min(self.total - known, 0.0))


@dataclass(frozen=True, slots=True)
class Fading:
    """How K arms have forgotten; immutable.

    Attributes
    ----------
    arms : one each.
    """

    arms: tuple[ArmFading, ...]

    @classmethod
    def unknown(cls, n_arms: int) -> "Fading":
        """Begin where it is not known when arms learned what they know: forgetting counts from now on."""
        return cls((ArmFading(notes=((-math.inf, 0.0),)),) * n_arms)

    @classmethod
    def fresh(cls, n_arms: int) -> "Fading":
        """Begin with arms that have learned nothing."""
        return cls((ArmFading(),) * n_arms)

    def faded(self, arm: int, factor: float) -> "Fading":
        """Take in that everything an arm knew counts ``factor`` of what it did."""
        return self._changed(arm, self.arms[arm].faded(factor))

    def noted(self, arm: int, at: float) -> "Fading":
        """Note that an arm has learned something, at a time."""
        return self._changed(arm, self.arms[arm].noted(at))

    def left(self, arm: int, at: float | None) -> float:
        """Give the part that is left of what an arm learned at a time; 1 where the time is unknown."""
        return 1.0 if at is None else self.arms[arm].left(at)

    def arranged(self, old: list[int | None]) -> "Fading":
        """Give the same over another list of arms; None has learned nothing."""
        return Fading(tuple(ArmFading() if i is None else self.arms[i] for i in old))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give it as arrays: (K,) totals and (K, M, 2) notes, filled up with NaN."""
        notes = np.full((len(self.arms), max((len(arm.notes) for arm in self.arms), default=0), 2), np.nan)
        for rows, arm in zip(notes, self.arms, strict=True):
            rows[: len(arm.notes)] = np.array(arm.notes).reshape(-1, 2)
        return {"faded": np.array([arm.total for arm in self.arms]), "fading_notes": notes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_arms: int) -> "Fading":
        """Rebuild from :meth:`arrays`; unknown where they are not there, as an older version wrote none."""
        if "fading_notes" not in arrays:
            return cls.unknown(n_arms)
        pairs = zip(arrays["faded"].tolist(), arrays["fading_notes"].tolist(), strict=True)
        return cls(
            tuple(ArmFading(total=t, notes=tuple((a, b) for a, b in notes if not math.isnan(a))) for t, notes in pairs)
        )

    def _changed(self, arm: int, changed: ArmFading) -> "Fading":
        arms = list(self.arms)
        arms[arm] = changed
        return Fading(tuple(arms))
