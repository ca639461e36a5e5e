"""What budgets hold: a fold over decisions, and over what their answers did cost."""

import hashlib
import json
import logging
import math
from collections import OrderedDict
from dataclasses import asdict, dataclass, replace
from typing import Any

from arbiter.purse import PacingOptions, Purse
from arbiter.records import Decision, Feedback, Outcome
from arbiter.wishes import Wish, Wishes

MOST_RESERVED = 20_000
"""Decisions whose cost may still be settled; the oldest are taken to have cost what was expected."""

FOLD_VERSION = 4
"""What the fold does. Raise it when the same events give another state: older texts are then left alone."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """What a decision costs, as far as is known.

    Attributes
    ----------
    owner : whose budget pays.
    expected_usd : by the router.
    called_usd : sum over the calls that were recorded, None before one told its cost.
    told_usd : what feedback said last.
    calls : the recorded ones; the same one again is a repeat, as it is in the ledger.
    """

    owner: str
    expected_usd: float
    called_usd: float | None = None
    told_usd: float | None = None
    calls: tuple[Outcome, ...] = ()

    @property
    def usd(self) -> float:
        """What was measured, by the calls before by feedback; else what was expected."""
        told = self.expected_usd if self.told_usd is None else self.told_usd
        return told if self.called_usd is None else self.called_usd

    def after(self, record: Outcome | Feedback) -> "_Cost":
        if record.cost_usd is None or record in self.calls:
            return self
        if isinstance(record, Feedback):
            return replace(self, told_usd=record.cost_usd)
        return replace(self, called_usd=(self.called_usd or 0.0) + record.cost_usd, calls=(*self.calls, record))


class Purses:
    """All tenants' budgets; not safe to share between threads.

    Parameters
    ----------
    options : the budget.
    before : what these go on from; it may be taken further only where these are thrown away afterwards. None starts
        anew.
    whole : whether to go on from all of that, or from the parts that fall to this process.

    Attributes
    ----------
    purses : owner to what it holds, as far as anything happened.
    wishes : of the latest requests.
    """

    def __init__(self, options: PacingOptions, before: "Purses | None" = None, *, whole: bool = False) -> None:
        self._options = options
        self._before = before
        self._whole = whole
        self.purses: dict[str, Purse] = {}
        self.wishes: Wishes = Wishes(None if before is None else before.wishes)
        self._costs: OrderedDict[str, _Cost] = OrderedDict()

    def all(self) -> dict[str, Purse]:
        """Give every owner's purse."""
        known = () if self._before is None else self._before.all()
        return {owner: self._purse(owner) for owner in {**dict.fromkeys(known), **self.purses}}

    def earned(self, owner: str, at: float) -> Purse:
        """Give the purse from which a request at this time would be paid; nothing changes."""
        return self._purse(owner).earned(self._options, owner, at)

    def decided(self, decision: Decision, owner: str, at: float, mine: bool = True) -> None:
        """Take a decision in: what its request brings, what it is expected to cost, and what was wanted.

        Parameters
        ----------
        decision : a repeat is left out.
        owner : who pays.
        at : seconds since 1970.
        mine : whether this process made it.
        """
        if self._cost(decision.id) is not None:
            return
        estimate = decision.estimates.get(decision.model)
        usd = estimate.cost_usd if estimate is not None and math.isfinite(estimate.cost_usd) else 0.0
        before = self._purse(owner)
        self.purses[owner] = before.earned(self._options, owner, at).paid(usd).counted(before.elapsed_s(at), mine)
        self._costs[decision.id] = _Cost(owner=owner, expected_usd=usd)
        if len(self._costs) > MOST_RESERVED:
            self._costs.popitem(last=False)
        wish = Wish.of(decision)
        if wish is not None:
            self.wishes.add(owner, wish)

    def answered(self, record: Outcome | Feedback) -> None:
        """Put what an answer did cost in the place of what was expected; of decisions long ago nothing is known."""
        known = self._cost(record.decision_id)
        if known is None:
            return
        now = self._costs[record.decision_id] = known.after(record)
        if now.usd != known.usd:
            self.purses[now.owner] = self._purse(now.owner).corrected(now.usd - known.usd)

    def _purse(self, owner: str) -> Purse:
        found = self.purses.get(owner)
        if found is None and self._before is not None:
            before = self._before._purse(owner)
            found = before if self._whole else before.part()
        return found or Purse(left_usd=self._options.start_usd)

    def _cost(self, decision_id: str) -> _Cost | None:
        found = self._costs.get(decision_id)
        return found if found is not None or self._before is None else self._before._cost(decision_id)

    def copy(self) -> "Purses":
        """Give the same budgets, which go on from here by themselves."""
        found = Purses(self._options)
        found.purses, found.wishes, found._costs = dict(self.purses), Wishes(self.wishes), self._costs.copy()
        return found

    def to_text(self) -> str:
        """Give everything as text; :func:`read_purses` gives it back to the last bit."""
        assert self._before is None, "a part of budgets is not kept"
        values = {
            "purses": {owner: asdict(purse) for owner, purse in self.purses.items()},
            "wishes": self.wishes.to_lists(),
            "costs": [[i, c.owner, c.expected_usd, c.called_usd, c.told_usd] for i, c in self._costs.items()],
        }
        return json.dumps(values, separators=(",", ":"))

    def _read(self, values: dict[str, Any]) -> None:
        self.purses = {owner: Purse(**{**fields, "own": 0.0}) for owner, fields in values["purses"].items()}
        self.wishes = Wishes.read(values["wishes"])
        for identity, owner, expected, called, told in values["costs"]:
            self._costs[identity] = _Cost(owner=owner, expected_usd=expected, called_usd=called, told_usd=told)


def read_purses(options: PacingOptions, text: str) -> Purses | None:
    """Rebuild a fold; None where the text is none, as another version may have written it.

    The calls of each decision are not in it: a ledger holds none twice, so that a fold over its events needs no more.
    Nor is who made the requests: whoever reads it made none of them.
    """
    found = Purses(options)
    try:
        found._read(json.loads(text))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        logger.warning("a snapshot of budgets cannot be read and is not used (%s: %s)", type(error).__name__, error)
        return None
    return found


def purses_name(options: PacingOptions) -> str | None:
    """Give what the snapshot of a fold is called: a fingerprint of what it depends on beside the ledger.

    None where that cannot be told: with a function that names the tenants.
    """
    if options.tenant is not None:
        return None
    o = options
    depends = (
        FOLD_VERSION,
        o.usd_per_request,
        o.usd_per_day,
        sorted(o.tenants.items()),
        o.start_usd,
        o.most_carried_usd,
    )
    return hashlib.sha256(repr(depends).encode()).hexdigest()
