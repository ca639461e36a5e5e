"""A gatekeeper that keeps the features it was fitted on, while the rest of the router reads others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from arbiter.features import FeatureBatch, Features
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.records import Query, TaskProfile
from arbiter.state import State, known_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFeatures:
    """Reads requests by its own features and leaves the router's aside.

    So that another encoder can estimate quality, though nobody has the labels to fit the gatekeeper on it anew. It
    costs encoding every request twice.

    Attributes
    ----------
    base : the gatekeeper.
    features : those it was fitted on; their evidence is the gatekeeper's keyword rules, or none.
    """

    base: Gatekeeper
    features: Features

    @property
    def rules(self) -> KeywordRules:
        """The base's keyword rules."""
        return self.base.rules

    def probabilities(self, queries: Sequence[Query], batch: FeatureBatch) -> HeadProbabilities:
        """See :meth:`arbiter.gatekeeper.protocol.Gatekeeper.probabilities`; ``batch`` is not read."""
        return self.base.probabilities(queries, self.features.transform(queries))

    def profiles(self, queries: Sequence[Query], heads: HeadProbabilities) -> list[TaskProfile]:
        """See :meth:`arbiter.gatekeeper.protocol.Gatekeeper.profiles`."""
        return self.base.profiles(queries, heads)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        parts = {"base": self.base.to_state(), "features": self.features.to_state()}
        return State(kind="gatekeeper_with_features", parts=parts)

    @classmethod
    def from_state(cls, state: State, readers: Mapping[str, Callable[[State], Gatekeeper]]) -> "OwnFeatures":
        """Rebuild from a bundle; ``readers`` rebuild the gatekeeper inside, by kind.

        Raises
        ------
        BundleError
            If the gatekeeper inside, or its encoder, is of no kind that is known here.
        """
        inside, features = state.parts["base"], state.parts["features"]
        base = known_reader(readers, inside, "gatekeeper")(inside)
        evidence = base.rules if features.settings["evidence"] else None
        return cls(base=base, features=Features.from_state(features, evidence))
