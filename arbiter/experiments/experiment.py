"""What an experiment is, and which arm a request belongs to."""

import hashlib
from dataclasses import dataclass

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.experiments.guards import Guards
from arbiter.records import Query
from arbiter.router import Router
from arbiter.vocabulary import Arm, AssignmentUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A challenger that decides for a share of the users, sessions or requests.

    Attributes
    ----------
    name : tells it from other experiments of the same ledger.
    challenger : the other router; it does not learn while it is tried.
    share : of the units that get the challenger, in (0, 1). Raising it later keeps those that have it.
    unit : what keeps its arm. A request without a user is assigned by its session, one without either by itself.
    salt : two experiments of one salt assign alike; empty takes the name.
    guards : makes it a canary: it stops by itself once the challenger is surely worse. None never stops.
    """

    name: str
    challenger: Router
    share: float = 0.1
    unit: AssignmentUnit = AssignmentUnit.USER
    salt: str = ""
    guards: Guards | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidInputError("an experiment needs a name, so that the ledger tells it from others")
        if not 0.0 < self.share < 1.0:
            raise InvalidInputError(
                f"share must lie between 0 and 1, got {self.share}; for all traffic swap the router"
            )

    def unit_of(self, query: Query, rng: np.random.Generator) -> tuple[AssignmentUnit, str]:
        """Give by what a request is assigned: the unit asked for, or the next finer one that is known."""
        known = {AssignmentUnit.USER: query.user, AssignmentUnit.SESSION: query.session_id}
        order = list(AssignmentUnit)
        for unit in order[order.index(self.unit) :]:
            name = known.get(unit)
            if name:
                return unit, name
        return AssignmentUnit.REQUEST, rng.bytes(16).hex()

    def arm_of(self, unit_id: str) -> Arm:
        """Give the arm of a unit: the same whenever it is asked, in every process."""
        return Arm.CHALLENGER if place(self.salt or self.name, unit_id) < self.share else Arm.CONTROL


def place(salt: str, unit_id: str) -> float:
    """Give a unit's place in [0, 1): as good as uniform over units, and over salts.

    The first 53 bits of SHA-256 over the salt, its length and the unit.
    """
    text = f"{len(salt)}:{salt}:{unit_id}".encode("utf-8", "surrogatepass")
    return (int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11) / 2.0**53
