"""The one form in which a fitted component is written down: plain settings, arrays, texts, and parts of the same form.

A component gives its state by ``to_state()`` and is rebuilt by the function registered for its ``kind`` in
:mod:`arbiter.components`; no class name or code is ever read from a file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import BundleError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What there is to know of one fitted component.

    Attributes
    ----------
    kind : names the component's reader in the registry, e.g. ``"static_encoder"``.
    settings : JSON-ready values.
    arrays : name to array; any numeric dtype and shape.
    texts : name to text that is kept as a file of its own, e.g. a tokenizer's JSON.
    parts : name to the state of a component inside this one.
    """

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, "State"] = field(default_factory=dict)

    def array(self, name: str, dtype: type[np.generic] | None = None) -> NDArray[Any]:
        """Give the array ``name``, converted to ``dtype`` where that is given."""
        array = self.arrays[name]
        return array if dtype is None else array.astype(dtype)


def known_reader(readers: Mapping[str, Callable[[State], T]], state: State, part: str) -> Callable[[State], T]:
    """Find what rebuilds a component.

    Parameters
    ----------
    readers : kind to reader.
    state : the component's.
    part : of the router that it is, for the message.

    Raises
    ------
    BundleError
        If its kind has no reader.
    """
    if state.kind not in readers:
        raise BundleError(
            f"unknown {part} {state.kind!r}; known are {', '.join(sorted(readers))}. One of your own must be "
            "registered: first import the module that calls arbiter.components.register, or name it in ARBITER_PLUGINS"
        )
    return readers[state.kind]


class Stateful(Protocol):
    """A component that can be written into a bundle."""

    def to_state(self) -> State:
        """Give everything that is needed to rebuild the component."""
        ...
