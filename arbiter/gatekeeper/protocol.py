"""What every gatekeeper offers."""

from collections.abc import Sequence
from typing import Protocol

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.records import Query, TaskProfile
from arbiter.state import State


class Gatekeeper(Protocol):
    """Predicts complexity, harm, stake and domain of requests."""

    @property
    def rules(self) -> KeywordRules:
        """Keyword rules: they may raise harm and stake above what anybody else says, never lower them."""
        ...

    def probabilities(self, queries: Sequence[Query], batch: FeatureBatch) -> HeadProbabilities:
        """Give the probabilities of every head, for n requests."""
        ...

    def profiles(self, queries: Sequence[Query], heads: HeadProbabilities) -> list[TaskProfile]:
        """Turn probabilities into verdicts, one profile per request."""
        ...

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        ...
