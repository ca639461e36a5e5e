"""Economy mode: the less a quota leaves, the more a dollar weighs."""

from collections.abc import Sequence
from dataclasses import dataclass

from arbiter.errors import InvalidInputError
from arbiter.governance.protocols import Quota
from arbiter.records import Economy


@dataclass(frozen=True, slots=True, kw_only=True)
class EconomyOptions:
    """When and how far choices become cheaper.

    Once less than ``from_share`` of a quota is unspent, a dollar weighs ``from_share / unspent`` times what the
    strategy says: a rule of thumb, not an optimum. Constraints and the tier that a risk needs stand as they are, so a
    risky request still goes to a candidate that may answer it.

    Attributes
    ----------
    from_share : unspent share of the quota at which it begins, in (0, 1].
    most : greatest factor.
    """

    from_share: float = 0.25
    most: float = 50.0

    def __post_init__(self) -> None:
        if not 0.0 < self.from_share <= 1.0 or not 1.0 <= self.most < float("inf"):
            raise InvalidInputError(
                f"from_share must lie in (0, 1] and most from 1 up, got {self.from_share} and {self.most}"
            )

    def economy(self, quotas: Sequence[Quota]) -> Economy | None:
        """Give the economy that the scarcest quota asks for; None where all are ample, or there is none."""
        scarcest = min(quotas, key=lambda quota: quota.unspent_share, default=None)
        if scarcest is None or scarcest.unspent_share >= self.from_share:
            return None
        share = scarcest.unspent_share
        factor = self.most if share * self.most <= self.from_share else self.from_share / share
        return Economy(account=f"{scarcest.account}, {scarcest.period}", left_share=share, factor=factor)
