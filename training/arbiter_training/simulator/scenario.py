"""What happens during a simulated stream."""

from dataclasses import dataclass
from pathlib import Path

from arbiter.errors import InvalidInputError
from arbiter_training.recipe import changed, read_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityChange:
    """A model's answers become better or worse without a word.

    Attributes
    ----------
    model : its name in the traffic.
    at : share of the stream after which it happens, in [0, 1].
    factor : multiplies its quality, cut to [0, 1].
    """

    model: str = ""
    at: float = 1.0 / 3.0
    factor: float = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficChange:
    """Requests of some kind become more or less frequent, among those that the traffic has.

    Attributes
    ----------
    holds : text in a prompt that tells the kind, in whatever case; an empty one changes nothing.
    at : as in :class:`QualityChange`.
    factor : weight of such a request after it, against that before it, where all others weigh 1.
    """

    holds: str = ""
    at: float = 1.0 / 3.0
    factor: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A model's prices change, and the router is told.

    Attributes
    ----------
    model, at : as in :class:`QualityChange`.
    factor : multiplies its prices.
    """

    model: str = ""
    at: float = 0.5
    factor: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A model cannot be called for a while, and the router is told.

    Attributes
    ----------
    model : its name.
    start, end : shares of the stream between which it is out.
    """

    model: str = ""
    start: float = 0.4
    end: float = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A model of the traffic that is added during the stream.

    Attributes
    ----------
    model, at : as in :class:`QualityChange`.
    scored : answers of it that are judged before it is added.
    """

    model: str = ""
    at: float = 1.0 / 3.0
    scored: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A stream and what happens in it; the fields are the keys of a TOML file.

    Attributes
    ----------
    name : for people.
    feedback_rate : share of the answers that are judged.
    delay : requests between an answer and its judgement.
    budget_usd : dollars per request to pace to; None paces nothing.
    quality, prices, outages, traffic : what happens.
    newcomer : who is added; a model of no name adds nobody.
    """

    name: str = "stationary"
    feedback_rate: float = 1.0
    delay: int = 0
    budget_usd: float | None = None
    quality: tuple[QualityChange, ...] = ()
    prices: tuple[PriceChange, ...] = ()
    outages: tuple[Outage, ...] = ()
    traffic: TrafficChange = TrafficChange()
    newcomer: Newcomer = Newcomer()

    def __post_init__(self) -> None:
        if not 0.0 <= self.feedback_rate <= 1.0:
            raise InvalidInputError(f"feedback_rate must lie in [0, 1], got {self.feedback_rate}")
        if self.delay < 0:
            raise InvalidInputError(f"delay must be 0 or more requests, got {self.delay}")
        shares = [self.newcomer.at, self.traffic.at, *(e.at for e in self.quality), *(e.at for e in self.prices)]
        shares += [share for e in self.outages for share in (e.start, e.end)]
        if not all(0.0 <= share <= 1.0 for share in shares):
            raise InvalidInputError(f"what happens must happen at shares of the stream in [0, 1], got {shares}")
        if backwards := [event for event in self.outages if event.start >= event.end]:
            one = backwards[0]
            raise InvalidInputError(f"an outage ends after its start, that of {one.model} is {one.start} to {one.end}")
        if self.newcomer.scored < 0:
            raise InvalidInputError(f"a newcomer's scored answers are 0 or more, got {self.newcomer.scored}")
        factors = [self.traffic.factor, *(e.factor for e in self.quality), *(e.factor for e in self.prices)]
        if not all(factor > 0.0 for factor in factors):
            raise InvalidInputError("factors must be above 0")

    @property
    def models(self) -> frozenset[str]:
        """Every model that something happens to."""
        named = [self.newcomer.model]
        named += [event.model for event in self.quality] + [event.model for event in self.prices]
        return frozenset(name for name in (*named, *(event.model for event in self.outages)) if name)


def read_scenario(path: Path) -> Scenario:
    """Read a scenario from a TOML file.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or is not TOML, or a key or value is not one of :class:`Scenario`.
    """
    values = read_toml(path, "scenario")
    # A tuple's first item tells `changed` what its items are, so where events are given they need one to begin with.
    start = Scenario(
        name=path.stem,
        budget_usd=1.0 if "budget_usd" in values else None,
        quality=(QualityChange(),) if "quality" in values else (),
        prices=(PriceChange(),) if "prices" in values else (),
        outages=(Outage(),) if "outages" in values else (),
    )
    return changed(start, values, str(path))
