"""What a bundle may hold, by kind: arbiter's own components, and those that a user registers."""

from collections.abc import Callable
from typing import Any

from arbiter.encoders.registry import ENCODERS
from arbiter.errors import InvalidInputError
from arbiter.estimates.adopted import AdoptedQuality
from arbiter.estimates.blend import BlendedQuality
from arbiter.estimates.quality import RatedQuality
from arbiter.estimates.task_prior import TaskRatedQuality
from arbiter.gatekeeper.cold_start import KeywordGatekeeper
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.gatekeeper.own_features import OwnFeatures
from arbiter.policies import BanditPolicy, ConstantPolicy, GreedyPolicy
from arbiter.state import State, known_reader

Reader = Callable[[State], Any]

GATEKEEPERS: dict[str, Reader] = {
    "learned_gatekeeper": LearnedGatekeeper.from_state,
    "keyword_gatekeeper": KeywordGatekeeper.from_state,
    "gatekeeper_with_features": lambda state: OwnFeatures.from_state(state, GATEKEEPERS),
}
QUALITY_MODELS: dict[str, Reader] = {
    "blended_quality": BlendedQuality.from_state,
    "rated_quality": RatedQuality.from_state,
    "task_rated_quality": TaskRatedQuality.from_state,
    "adopted_quality": lambda state: AdoptedQuality.from_state(state, QUALITY_MODELS),
}
POLICIES: dict[str, Reader] = {
    "bandit_policy": BanditPolicy.from_state,
    "greedy_policy": GreedyPolicy.from_state,
    "constant_policy": ConstantPolicy.from_state,
}

PARTS: dict[str, dict[str, Reader]] = {
    "encoder": ENCODERS,
    "gatekeeper": GATEKEEPERS,
    "quality": QUALITY_MODELS,
    "policy": POLICIES,
}
"""The parts of a router that a user may write, and the readers of each."""

OWN = frozenset((part, kind) for part, readers in PARTS.items() for kind in readers)
"""Arbiter's own, whose names are taken."""


def register(part: str, kind: str, reader: Reader) -> None:
    """Let bundles hold a component of one's own.

    A bundle keeps a component's kind, settings and arrays, never its code: a process that loads the bundle must have
    registered the kind before, by importing the module that does (on the command line ``ARBITER_PLUGINS=FILE.py``).

    Parameters
    ----------
    part : ``encoder``, ``gatekeeper``, ``quality`` or ``policy``.
    kind : what ``to_state()`` of the component names.
    reader : rebuilds it from its state. Registering a kind again replaces its reader.

    Raises
    ------
    InvalidInputError
        If there is no such part, or the kind is one of arbiter's own.
    """
    if part not in PARTS:
        raise InvalidInputError(f"{part!r} is no part that can be registered; there are {', '.join(PARTS)}")
    if (part, kind) in OWN:
        raise InvalidInputError(f"{kind!r} is a kind of arbiter's own; give yours another name")
    PARTS[part][kind] = reader


def reader_of(part: str, state: State) -> Reader:
    """Find what rebuilds a component.

    Raises
    ------
    BundleError
        If nobody registered its kind.
    """
    return known_reader(PARTS[part], state, part)
