"""A gatekeeper that asks an assessor first, and falls back on the one that the bundle brought."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HEADS, SLICES, HeadProbabilities
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.opinion import Assessor, Opinion
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.gatekeeper.task_type import task_type
from arbiter.records import Query, TaskProfile
from arbiter.state import State
from arbiter.vocabulary import Complexity, Domain, Risk

FloatArray = NDArray[np.float64]

RISKS = ("harm", "stake")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedHeads(HeadProbabilities):
    """Probabilities that follow opinions, and the opinions.

    Attributes
    ----------
    opinions : n, one per request.
    """

    opinions: tuple[Opinion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedGatekeeper:
    """Follows an assessor where it speaks, and the base gatekeeper elsewhere.

    Keyword rules may raise harm and stake above what the assessor says, never lower them.

    Attributes
    ----------
    base : answers where the assessor says nothing.
    assessor : is asked once per request.
    """

    base: Gatekeeper
    assessor: Assessor

    @property
    def rules(self) -> KeywordRules:
        """The base's keyword rules."""
        return self.base.rules

    def probabilities(self, queries: Sequence[Query], batch: FeatureBatch) -> AssessedHeads:
        """See :meth:`arbiter.gatekeeper.protocol.Gatekeeper.probabilities`.

        Raises
        ------
        InvalidInputError
            If the assessor does not give one opinion per request.
        """
        stacked = self.base.probabilities(queries, batch).stacked.copy()
        opinions = tuple(self.assessor.opinions(queries))
        if len(opinions) != len(queries):
            raise InvalidInputError(
                f"the assessor gave {len(opinions)} opinions of {len(queries)} requests; give one each"
            )
        for row, opinion in zip(stacked, opinions, strict=True):
            for head in opinion.said:
                row[SLICES[head]] = self._followed(opinion, head, row[SLICES[head]])
        return AssessedHeads(stacked=stacked, opinions=opinions)

    def _followed(self, opinion: Opinion, head: str, base: FloatArray) -> FloatArray:
        spoken = opinion.probabilities(head, base)
        if head not in RISKS or self.assessor.lowers_risk:
            return spoken
        tails = np.maximum(_tails(spoken), _tails(base))  # P(level or above): the greater of the two, at every level
        return np.asarray(-np.diff(tails, append=0.0))

    def profiles(self, queries: Sequence[Query], heads: HeadProbabilities) -> list[TaskProfile]:
        """See :meth:`arbiter.gatekeeper.protocol.Gatekeeper.profiles`; ``heads`` are those of :meth:`probabilities`."""
        profiles = self.base.profiles(queries, heads)
        if not isinstance(heads, AssessedHeads):
            return profiles
        return [
            self._profile(query, profile, opinion, heads.stacked[i])
            for i, (query, profile, opinion) in enumerate(zip(queries, profiles, heads.opinions, strict=True))
        ]

    def _profile(self, query: Query, base: TaskProfile, opinion: Opinion, stacked: FloatArray) -> TaskProfile:
        if not opinion.said:
            return replace(base, fell_back=opinion.error)
        verdicts = {head: opinion.verdict(head) for head in opinion.said}
        domain = Domain(verdicts.get("domain", base.domain))
        complexity = Complexity(verdicts.get("complexity", base.complexity))
        harm_by_rule, stake_by_rule, _ = self.rules.raised(query)
        harm = self._risk(verdicts.get("harm"), base.harm, harm_by_rule)
        stake = self._risk(verdicts.get("stake"), base.stake, stake_by_rule)
        parts = {h: dict(zip(HEADS[h], stacked[columns].tolist(), strict=True)) for h, columns in SLICES.items()}
        return replace(
            base,
            complexity=complexity,
            risk=max(harm, stake),
            domain=domain,
            task_type=task_type(domain, complexity, query.input_tokens, query.n_images),
            harm=harm,
            stake=stake,
            probabilities=parts,
            source=self.assessor.source,
            confidence=parts["domain"][domain] * parts["complexity"][complexity],
        )

    def _risk(self, verdict: str | None, base: Risk, by_rule: Risk) -> Risk:
        if verdict is None:
            return base
        return max(Risk(verdict), by_rule, Risk.MINIMAL if self.assessor.lowers_risk else base)

    def to_state(self) -> State:
        """Give what a bundle keeps: the base. An assessor belongs to the process that asks it."""
        return self.base.to_state()


def assessed(gatekeeper: Gatekeeper, assessor: Assessor | None) -> Gatekeeper:
    """Give a gatekeeper that asks ``assessor`` first, instead of the one that it may ask already; None asks nobody."""
    base = gatekeeper.base if isinstance(gatekeeper, AssessedGatekeeper) else gatekeeper
    return base if assessor is None else AssessedGatekeeper(base=base, assessor=assessor)


def _tails(probabilities: FloatArray) -> FloatArray:
    return np.asarray(np.cumsum(probabilities[::-1])[::-1])
