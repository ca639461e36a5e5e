"""What a user may ask a router to reach: a budget, a quality, or a share of the strongest model."""

import math
from dataclasses import dataclass
from enum import StrEnum

from arbiter.errors import InvalidInputError

OF = "-of "


class TargetKind(StrEnum):
    """What is asked for."""

    BUDGET = "budget"
    QUALITY = "quality"
    STRONG_SHARE = "strong_share"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A number to reach on average over requests.

    Attributes
    ----------
    kind : ``budget``: US dollars per request, not to exceed. ``quality``: to reach, as cheaply as can be.
        ``strong_share``: share of requests for the model of the best mean quality, to meet.
    value : the number; of a relative quality, the factor.
    of : the model whose mean quality the factor is of; None for an absolute quality.

    Raises
    ------
    InvalidInputError
        If the number cannot be such a target.
    """

    kind: TargetKind
    value: float
    of: str | None = None

    def __post_init__(self) -> None:
        most = 1.0 if self.of is None and self.kind is not TargetKind.BUDGET else math.inf
        if not (0.0 <= self.value <= most and math.isfinite(self.value)):
            bounds = f"in [0, {most:g}]" if math.isfinite(most) else "a number from 0 up"
            raise InvalidInputError(f"a target of {self.kind} must be {bounds}, got {self.value}")

    def __str__(self) -> str:
        if self.kind is TargetKind.BUDGET:
            return f"at most ${self.value:.3g} per request"
        if self.kind is TargetKind.STRONG_SHARE:
            return f"{self.value:.1%} of requests to the strongest model"
        return f"quality {self.value:g}" if self.of is None else f"{self.value:g} of the quality of {self.of}"


def read_target(
    *, budget: float | None = None, quality: str | None = None, strong_share: float | None = None
) -> Target:
    """Read a target from the three options, of which exactly one must be given.

    Parameters
    ----------
    budget : US dollars per request.
    quality : a number in [0, 1], or a factor of a model's quality such as ``0.95-of gpt-4o``.
    strong_share : in [0, 1].

    Raises
    ------
    InvalidInputError
        If none or several are given, or one is no such number.
    """
    options = {"budget": budget, "quality": quality, "strong-share": strong_share}
    given = [name for name, value in options.items() if value is not None]
    if len(given) != 1:
        raise InvalidInputError(
            f"give one of --budget, --quality and --strong-share, got {' and '.join(given) or 'none'}"
        )
    if budget is not None:
        return Target(kind=TargetKind.BUDGET, value=budget)
    if strong_share is not None:
        return Target(kind=TargetKind.STRONG_SHARE, value=strong_share)
    number, of, model = str(quality).partition(OF)
    try:
        value = float(number)
    except ValueError:
        raise InvalidInputError(f'a quality is a number such as 0.9, or "0.95-of gpt-4o"; got {quality!r}') from None
    return Target(kind=TargetKind.QUALITY, value=value, of=model.strip() if of else None)
