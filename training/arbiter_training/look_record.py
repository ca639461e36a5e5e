"""Looks that were taken at a growing log, kept from call to call, so that each knows of those before it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from arbiter.errors import InvalidInputError
from arbiter_training.sequential import LookPlan

SAMPLE = 48
"""Requests of a look that are remembered by hash, to see that the next log holds them too; the smallest hashes, so
that they are the same ones in whatever order the log comes."""

HASH_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRecord:
    """What was planned before the first look, and what was looked at since.

    Attributes
    ----------
    plan : fixed by the first look.
    quality_per_usd : what money is worth in the utility that is followed; fixed by the first look.
    against : what the challenger is held against: ``"version 3"``, or the name of a constant model.
    looks : requests (or sessions) at each look, rising.
    sample : hashes of some requests of the last look, from :func:`sample_of`.
    """

    plan: LookPlan
    quality_per_usd: float
    against: str
    looks: tuple[int, ...] = ()
    sample: tuple[str, ...] = ()

    def agreed(self, asked: Mapping[str, object]) -> "LookRecord":
        """Give the record, if what is asked now is what was planned.

        Thresholds (margin, budget, floors) may change from look to look: the bounds hold whatever they are held
        against. What the bounds are made of may not.

        Parameters
        ----------
        asked : ``alpha``, ``quality_per_usd`` and, where the user named one, ``planned_units``.

        Raises
        ------
        InvalidInputError
            If one differs.
        """
        planned = {**asdict(self.plan), "quality_per_usd": self.quality_per_usd}
        changed = [f"{name} {planned[name]}, now {value}" for name, value in asked.items() if value != planned[name]]
        if changed:
            raise InvalidInputError(
                f"{len(self.looks)} looks at this challenger were taken under another plan ({'; '.join(changed)}); a "
                "plan that changes after a look bounds no error: go on with the first, or train a new challenger"
            )
        return self

    def earlier(self, units: int, request_ids: Iterable[object]) -> tuple[int, ...]:
        """Give the looks before this one. To look at the very same log again is the same look.

        Parameters
        ----------
        units : requests (or sessions) now.
        request_ids : of the log.

        Raises
        ------
        InvalidInputError
            If the log is not the earlier one, grown.
        """
        if not self.looks:
            return ()
        ids = list(request_ids)
        if units == self.looks[-1] and sample_of(ids) == self.sample:
            return self.looks[:-1]
        gone = set(self.sample) - {_hash(each) for each in ids}
        if gone or units <= self.looks[-1]:
            raise InvalidInputError(
                f"this log ({units} requests or sessions) is not that of the last look ({self.looks[-1]}) grown: "
                "looks are at one growing log; give all traffic since the first of them"
            )
        return self.looks

    def after(self, earlier: tuple[int, ...], units: int, request_ids: Iterable[object]) -> "LookRecord":
        """Give the record with this look in it."""
        return replace(self, looks=(*earlier, units), sample=sample_of(request_ids))

    def sentence(self) -> str:
        """Say where in the plan this is."""
        plan, number = self.plan, len(self.looks)
        if plan.method == "anytime":
            return f"look {number}; the bound holds at any number of looks (chance of a false promotion {plan.alpha:g})"
        return (
            f"look {number}, at {self.looks[-1]} of {plan.planned_units} planned requests or sessions (chance of a "
            f"false promotion over all looks {plan.alpha:g})"
        )

    def to_text(self) -> str:
        """Give JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> "LookRecord":
        """Read what :meth:`to_text` wrote."""
        found: dict[str, Any] = json.loads(text)
        return cls(
            plan=LookPlan(**found["plan"]),
            quality_per_usd=float(found["quality_per_usd"]),
            against=str(found["against"]),
            looks=tuple(found["looks"]),
            sample=tuple(found["sample"]),
        )


def sample_of(request_ids: Iterable[object]) -> tuple[str, ...]:
    """Give the smallest hashes of some ids (a bottom-k sketch), rising."""
    return tuple(sorted({_hash(each) for each in request_ids})[:SAMPLE])


def contest_key(files: Mapping[str, str], champion: int | None) -> str:
    """Name the contest of a challenger and a champion.

    Parameters
    ----------
    files : name to sha256, of the challenger's manifest: what it is, whatever its folder or date.
    champion : version; None where nothing serves yet.
    """
    content = json.dumps([sorted(files.items()), champion])
    return f"arbiter.looks.{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _hash(value: object) -> str:
    return hashlib.sha256(str(value).encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
