"""To which use case of a plan a request belongs, by the labels that it carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arbiter.records import Decision

UNTOLD = ""
"""Name of no use case: of what several segments claim, or none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """The segments of a plan's use cases.

    Attributes
    ----------
    cases : name of the use case to column to value; an empty segment claims nothing by itself.
    """

    cases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every label that a segment names."""
        return tuple(sorted({column for segment in self.cases.values() for column in segment}))

    def case_of(self, labels: Mapping[str, str]) -> str:
        """Name the use case of a request.

        It is the one whose segment the labels match. What no segment claims goes to the use case without one, where
        there is just one such; what several claim is nobody's.
        """
        claimed = [
            name
            for name, segment in self.cases.items()
            if segment and all(labels.get(column) == value for column, value in segment.items())
        ]
        open_to_all = [name for name, segment in self.cases.items() if not segment]
        found = claimed or open_to_all
        return found[0] if len(found) == 1 else UNTOLD


def decision_labels(decision: Decision) -> dict[str, str]:
    """Give what a ledger knows of a request that a segment may name."""
    profile = decision.profile
    return {
        "domain": str(profile.domain),
        "complexity": str(profile.complexity),
        "risk": str(profile.risk),
        "task_type": str(profile.task_type),
        "strategy": str(decision.strategy),
        "policy_version": decision.policy_version,
        "user": decision.user or "",
        "session_id": decision.session_id or "",
    }
