"""Running sums of one metric in one arm: a mean over requests, with the variance that units as clusters give it."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """A mean over requests.

    Attributes
    ----------
    requests, units : behind it.
    mean : NaN where there is none.
    variance : of the mean; infinite below two units.
    """

    requests: int
    units: int
    mean: float
    variance: float


@dataclass(slots=True)
class ArmSums:
    """Sums over units of n (requests) and s (sum of values): enough for the ratio mean S / N and its variance.

    V = U / (U - 1) sum (s - n S / N)^2 / N^2 (Cochran 1977, ch. 6), opened up into sums, so that a value is added or
    corrected in constant time. Values are centred on the first one, since the opened form cancels badly otherwise.
    """

    of_unit: dict[str, list[float]] = field(default_factory=dict)  # unit to [n, s]
    n: float = 0.0
    s: float = 0.0
    nn: float = 0.0
    ns: float = 0.0
    ss: float = 0.0
    centre: float | None = None

    def change(self, unit: str, before: float | None, after: float | None) -> None:
        """Take in that a request of a unit has the value ``after`` in the place of ``before``; None is no value."""
        if self.centre is None:
            self.centre = after or 0.0
        held = self.of_unit.setdefault(unit, [0.0, 0.0])
        self._count(held, -1.0)
        for value, sign in ((before, -1.0), (after, 1.0)):
            if value is not None:
                held[0] += sign
                held[1] += sign * (value - self.centre)
        self._count(held, 1.0)
        if held[0] == 0.0:
            del self.of_unit[unit]

    def means(self) -> Means:
        """Give the mean and its variance."""
        units = len(self.of_unit)
        if units == 0 or self.n <= 0.0:
            return Means(requests=0, units=0, mean=math.nan, variance=math.inf)
        mean = self.s / self.n
        squares = max(self.ss - 2.0 * mean * self.ns + mean * mean * self.nn, 0.0)
        variance = squares / self.n**2 * units / (units - 1) if units > 1 else math.inf
        return Means(requests=round(self.n), units=units, mean=mean + (self.centre or 0.0), variance=variance)

    def _count(self, held: list[float], sign: float) -> None:
        n, s = held
        self.n += sign * n
        self.s += sign * s
        self.nn += sign * n * n
        self.ns += sign * n * s
        self.ss += sign * s * s
