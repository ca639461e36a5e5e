"""What a chain of models cannot do that a use case asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from arbiter.planning.use_case import UseCase
from arbiter.records import Candidate
from arbiter.vocabulary import Capability, GapSeverity

ACTIONS: Mapping[GapSeverity, str] = MappingProxyType(
    {
        GapSeverity.NONE: "nothing to do",
        GapSeverity.MINOR: "monitor",
        GapSeverity.MODERATE: "plan mitigation",
        GapSeverity.SIGNIFICANT: "work around",
        GapSeverity.BLOCKING: "find another model",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A capability that is missing.

    Attributes
    ----------
    capability : what is asked for.
    severity : blocking: required, and no model of the chain has it; significant: required, and the primary lacks it;
        moderate: wanted, and the primary lacks it, or required, and a fallback does; minor: wanted, and a fallback
        lacks it.
    models : of the chain, without it.
    """

    capability: Capability
    severity: GapSeverity
    models: tuple[str, ...]

    @property
    def action(self) -> str:
        """What to do about it."""
        return ACTIONS[self.severity]


def find_gaps(case: UseCase, chain: Sequence[Candidate]) -> tuple[Gap, ...]:
    """Give what the chain lacks, the gravest first; a capability that all have is no gap."""
    found = []
    for capability in sorted(case.limits.capabilities | case.limits.wanted):
        lacking = [candidate for candidate in chain if capability not in candidate.capabilities]
        if lacking:
            severity = _severity(capability in case.limits.capabilities, chain, lacking)
            models = tuple(candidate.name for candidate in lacking)
            found.append(Gap(capability=capability, severity=severity, models=models))
    return tuple(sorted(found, key=lambda gap: (-gap.severity.rank, gap.capability)))


def _severity(required: bool, chain: Sequence[Candidate], lacking: Sequence[Candidate]) -> GapSeverity:
    primary = chain[0] in lacking
    if required:
        if len(lacking) == len(chain):
            return GapSeverity.BLOCKING
        return GapSeverity.SIGNIFICANT if primary else GapSeverity.MODERATE
    return GapSeverity.MODERATE if primary else GapSeverity.MINOR
