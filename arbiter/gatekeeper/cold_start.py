"""The gatekeeper of the first day: keyword rules alone, until there is a trained one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HEADS, HeadProbabilities
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.records import Query, TaskProfile
from arbiter.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordGatekeeper:
    """Answers from keyword rules; also what the router degrades to when a trained gatekeeper breaks.

    Attributes
    ----------
    rules : weighted terms.
    """

    rules: KeywordRules = field(default_factory=KeywordRules.default)

    def probabilities(self, queries: Sequence[Query], batch: FeatureBatch) -> HeadProbabilities:
        """See :meth:`arbiter.gatekeeper.protocol.Gatekeeper.probabilities`."""
        profiles = [self.rules.profile(query) for query in queries]
        rows = [[p.probabilities[head][label] for head in HEADS for label in HEADS[head]] for p in profiles]
        return HeadProbabilities(stacked=np.array(rows, dtype=np.float64))

    def profiles(self, queries: Sequence[Query], heads: HeadProbabilities) -> list[TaskProfile]:
        """See :meth:`arbiter.gatekeeper.protocol.Gatekeeper.profiles`."""
        return [self.rules.profile(query) for query in queries]

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="keyword_gatekeeper", parts={"rules": self.rules.to_state()})

    @classmethod
    def from_state(cls, state: State) -> "KeywordGatekeeper":
        """Rebuild from a bundle."""
        return cls(rules=KeywordRules.from_state(state.parts["rules"]))
