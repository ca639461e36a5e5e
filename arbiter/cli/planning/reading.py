"""What the commands have in common that make a plan and say one part of it: their options, and how they answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from arbiter.cli.options import CatalogFile, Json
from arbiter.cli.output import show, show_json
from arbiter.cli.planning.inputs import Policy, Traffic, UseCases, planned

if TYPE_CHECKING:
    from arbiter.planning import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One part of a plan: ``lines`` for people, ``values`` for programs."""

    lines: list[str]
    values: object


def reading(say: "Callable[[Plan], Said]") -> Callable[..., None]:
    """Make a command of what says one part of a plan; it has its name and its help."""

    def command(
        use_cases: UseCases,
        traffic: Traffic = None,
        policy: Policy = None,
        catalog: CatalogFile = None,
        as_json: Json = False,
    ) -> None:
        said = say(planned(use_cases, traffic, policy, catalog))
        if as_json:
            show_json(said.values)
        else:
            show(said.lines)

    command.__name__, command.__doc__ = say.__name__, say.__doc__
    return command
