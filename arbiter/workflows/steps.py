"""What a workflow is: steps, each of them a request that can use what the earlier ones gave."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from arbiter.errors import InvalidInputError
from arbiter.route_options import RouteOptions
from arbiter.workflows.evaluators import Evaluator, require_names

INPUT = "input"
"""What a prompt calls that with which a run was started."""

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request of a workflow.

    Attributes
    ----------
    name : of its answer, for later prompts.
    prompt : text in which ``{input}`` stands for the run's input, and ``{NAME}`` for the answer of the earlier step of
        that name. Other braces are text.
    system : system prompt; the same holds.
    carry : whether the earlier steps that carry, too, go before it as turns of one conversation.
    options : limits and wishes, as of ``route``.
    params : passed to the provider, such as ``{"max_tokens": 300}``.
    evaluators : judge its answer; what they say is feedback.
    """

    name: str
    prompt: str
    system: str = ""
    carry: bool = False
    options: RouteOptions = field(default_factory=lambda: RouteOptions())
    params: Mapping[str, Any] = field(default_factory=dict)
    evaluators: Sequence[Evaluator] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """Steps in their order.

    Attributes
    ----------
    name : of the workflow.
    steps : one at least, with names that differ.

    Raises
    ------
    InvalidInputError
        If there is none, a name is given twice or is ``input``, or a prompt names a step that does not come before.
    """

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        if not names or len(set(names)) < len(names) or INPUT in names:
            raise InvalidInputError(f"steps must have names that differ and are not {INPUT!r}; got {names}")
        for i, step in enumerate(self.steps):
            require_names(step.evaluators)
            late = [name for name in _PLACE.findall(step.prompt + step.system) if name in names[i:]]
            if late:
                raise InvalidInputError(f"step {step.name!r} uses the answer of {late[0]!r}, which comes no earlier")

    @property
    def fingerprint(self) -> str:
        """What tells it from another workflow: names, texts, options and parameters of its steps."""
        steps = [
            [s.name, s.prompt, s.system, s.carry, sorted((k, _plain(v)) for k, v in s.options.items()), dict(s.params)]
            for s in self.steps
        ]
        text = json.dumps([self.name, steps], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def messages(self, i: int, known: Mapping[str, str]) -> list[dict[str, str]]:
        """Give the OpenAI messages of step ``i``.

        Parameters
        ----------
        i : place of the step.
        known : the run's input, and the answers of the steps before.
        """
        step = self.steps[i]
        before = [s for s in self.steps[:i] if s.carry] if step.carry else []
        turns = [
            turn
            for s in before
            for turn in (
                {"role": "user", "content": filled(s.prompt, known)},
                {"role": "assistant", "content": known[s.name]},
            )
        ]
        system = [{"role": "system", "content": filled(step.system, known)}] if step.system else []
        return [*system, *turns, {"role": "user", "content": filled(step.prompt, known)}]


def filled(text: str, known: Mapping[str, str]) -> str:
    """Put what is known into the places of a prompt; braces around anything else, such as JSON, stay."""
    return _PLACE.sub(lambda place: known.get(place[1], place[0]), text)


def _plain(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, frozenset | set) else value
