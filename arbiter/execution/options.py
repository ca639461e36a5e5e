"""How decisions are carried out, and with which keys."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from arbiter.errors import InvalidInputError
from arbiter.records import Completion
from arbiter.settings import DEFAULT_FALLBACKS
from arbiter.vocabulary import Complexity, Risk

DEFAULT_TIMEOUTS: Mapping[Complexity, float] = MappingProxyType(
    {
        Complexity.TRIVIAL: 0.5,
        Complexity.SIMPLE: 0.75,
        Complexity.MODERATE: 1.0,
        Complexity.COMPLEX: 1.5,
        Complexity.EXPERT: 2.0,
    }
)
"""By what a request's time limit is multiplied: hard questions are thought about for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One place where a candidate can be called.

    Attributes
    ----------
    litellm_params : passed to litellm with every call, before what the caller asks for: ``api_key``, ``api_base``,
        ``model`` where the provider calls it otherwise, ... Shown nowhere, and kept in no record.
    name : tells it from the candidate's others, in health and ledger.
    weight : share of the calls, against the candidate's others.
    """

    litellm_params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    name: str = ""
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.weight < math.inf:
            raise InvalidInputError(f"a deployment's weight must be a number above 0, got {self.weight}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionOptions:
    """How decisions are carried out.

    Attributes
    ----------
    deployments : candidate to where it is called; one, or several that share its calls by weight. A candidate that is
        not named is called as litellm calls it by itself, with the provider's key from the environment.
    time_limit_s : for a whole request that sets no ``max_latency_s`` of its own; multiplied by ``timeouts``. Of a
        stream: until its first part, and between any two parts.
    timeouts : multiplier for every complexity.
    retries : calls after the first that a request may cost, for every risk.
    most_wait_s : how long at most is waited before a candidate is asked again; where a provider asks for more, the
        request has failed.
    valid : tells whether an answer can be given; one that cannot is paid for, and the next candidate asked.
    params : passed to litellm with every call, before a deployment's own; such as ``{"drop_params": True}``.
    """

    deployments: Mapping[str, Deployment | Sequence[Deployment]] = field(default_factory=dict)
    time_limit_s: float = 30.0
    timeouts: Mapping[Complexity, float] = field(default_factory=lambda: DEFAULT_TIMEOUTS)
    retries: Mapping[Risk, int] = field(default_factory=lambda: DEFAULT_FALLBACKS)
    most_wait_s: float = 5.0
    valid: Callable[[Completion], bool] | None = None
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("time_limit_s", "most_wait_s"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise InvalidInputError(f"{name} must be a number of seconds above 0, got {getattr(self, name)}")
        for name, wanted in (("timeouts", Complexity), ("retries", Risk)):
            missing = [str(key) for key in wanted if key not in getattr(self, name)]
            if missing:
                raise InvalidInputError(f"{name} must name every {wanted.__name__.lower()}; add {', '.join(missing)}")
        for model, given in self.deployments.items():
            names = [one.name for one in deployments_of(given)]
            if not names or len(set(names)) < len(names):
                raise InvalidInputError(f"the deployments of {model} must have names that differ, got {names}")


def deployments_of(given: Deployment | Sequence[Deployment]) -> tuple[Deployment, ...]:
    """Give what stands for one or several deployments as several."""
    return (given,) if isinstance(given, Deployment) else tuple(given)
