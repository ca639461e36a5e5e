"""What a request may ask of the candidate that answers it: the same options for every command that takes a request."""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from arbiter.route_options import RouteOptions

_Number, _Count = float | None, int | None
_Names = list[str] | None
OPTIONS: dict[str, tuple[Any, str]] = {
    "max_cost_usd": (_Number, "Greatest expected cost."),
    "max_latency_s": (_Number, "Greatest expected latency."),
    "latency_quantile": (_Number, "Share of requests to keep below it, e.g. 0.95."),
    "min_quality": (_Number, "Least expected quality, in [0, 1]."),
    "max_output_tokens": (_Count, "Room for the answer that the window must leave."),
    "strategy": (str | None, "A strategy, e.g. quality_first; an unknown one is refused with the list."),
    "capability": (_Names, "E.g. vision, tools, json_mode. Repeatable."),
    "language": (_Names, "ISO 639-1 code, e.g. de. Repeatable."),
    "local_only": (bool, "Nothing leaves the house: only candidates of tier local."),
    "region": (_Names, "Tag of a region that the candidate must carry, e.g. eu. Repeatable."),
    "compliance": (_Names, "Tag that the candidate must carry, e.g. gdpr. Repeatable."),
    "allow": (_Names, "Only this model. Repeatable."),
    "deny": (_Names, "Never this model. Repeatable."),
    "batch": (bool, "The answer can wait: batch prices, where a model has them."),
    "cached_input_tokens": (_Count, "Tokens of the request that every prompt cache holds."),
}
"""Name of the parameter to type and help; the option is its name with dashes."""

PLURALS = {"capability": "capabilities", "language": "languages", "region": "regions"}
"""Options that are repeated have the singular name, the request the plural."""


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a request; it takes what was asked for as its argument ``asked``."""
    own = inspect.signature(command)
    kept = [parameter for parameter in own.parameters.values() if parameter.name != "asked"]
    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False if kind is bool else None)
        for name, (kind, _) in OPTIONS.items()
    ]
    positional = [parameter.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for parameter in kept]

    @functools.wraps(command)
    def asking(**given: Any) -> None:
        asked = {name: given.pop(name) for name in OPTIONS}
        command(asked=_options(asked), **given)

    annotations = {name: Annotated[kind, typer.Option(help=text)] for name, (kind, text) in OPTIONS.items()}
    own_annotations = {name: kind for name, kind in command.__annotations__.items() if name != "asked"}
    asking.__annotations__ = {**own_annotations, **annotations}
    named = [p.replace(annotation=asking.__annotations__[p.name]) for p in (*positional, *flags)]
    asking.__signature__ = own.replace(parameters=named)  # type: ignore[attr-defined]  # read by inspect
    return asking


def _options(asked: dict[str, Any]) -> "RouteOptions":
    """Give the options of a route that were asked for; lists, which repeat an option, become sets."""
    held = {name: value for name, value in asked.items() if value is not None and value is not False}  # 0 is a limit
    given = {PLURALS.get(name, name): value for name, value in held.items() if value != []}
    named = {name: frozenset(value) if isinstance(value, list) else value for name, value in given.items()}
    return cast("RouteOptions", named)
