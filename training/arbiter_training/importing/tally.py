"""What an import has counted so far: sums that add, so that blocks may be counted apart and a killed import goes on."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from arbiter_training.importing.items import Reason
from arbiter_training.importing.personal import redacted

EXAMPLES = 3
"""Kept of each reason."""

EXAMPLE_CHARS = 160


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts over rows that were read.

    Attributes
    ----------
    rows : read, of calls and of what is none; judgements are counted apart.
    dropped : reason to rows.
    examples : reason to the places and values of the first few, without personal data.
    feedback : judgements read.
    feedback_names : name and what became of it (``"read"``, ``"other name"``, ``"not a quality"``) to judgements.
    cached : answers from a cache, whose cost and latency are left unknown.
    naive : times without a zone.
    personal : kind of personal data to finds.
    redacted : whether these were replaced.
    languages : of the requests looked at.
    """

    rows: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    feedback: int = 0
    feedback_names: Counter[str] = field(default_factory=Counter)
    cached: int = 0
    naive: int = 0
    personal: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    redacted: bool = False

    def drop(self, reason: Reason, place: str, detail: str = "") -> None:
        """Count a row that is left out."""
        self.dropped[str(reason)] += 1
        held = self.examples.setdefault(str(reason), [])
        if len(held) < EXAMPLES:
            text = " ".join(f"{place}: {detail}".split()) if detail else place
            held.append(redacted(text.encode("utf-8", "replace").decode())[0][:EXAMPLE_CHARS])

    def add(self, other: "Tally") -> None:
        """Add what another stretch counted."""
        self.rows += other.rows
        self.feedback += other.feedback
        self.cached += other.cached
        self.naive += other.naive
        self.redacted = self.redacted or other.redacted
        for name in ("dropped", "feedback_names", "personal", "languages"):
            getattr(self, name).update(getattr(other, name))
        for reason, examples in other.examples.items():
            held = self.examples.setdefault(reason, [])
            held += examples[: EXAMPLES - len(held)]

    def to_state(self) -> dict[str, Any]:
        """Give plain JSON values."""
        return {name: dict(value) if isinstance(value := getattr(self, name), Counter) else value for name in FIELDS}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Tally":
        """Build it from :meth:`to_state`."""
        counted = {name: Counter(state[name]) for name in ("dropped", "feedback_names", "personal", "languages")}
        return cls(**{**state, **counted})


FIELDS = tuple(f.name for f in fields(Tally))
