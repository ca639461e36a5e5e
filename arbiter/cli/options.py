"""Options that several commands take."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, cast

import typer

from arbiter.errors import InvalidInputError

if TYPE_CHECKING:
    from arbiter.criteria import CriterionWeights
    from arbiter.route_options import RouteOptions

BUNDLE_HELP = "A bundle's folder, or models:/arbiter@champion. Default: the shipped one."
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LEDGER_HELP = "The ledger that `arbiter route --ledger` wrote: a file, or postgresql://user@host/database."
HeldLedger = Annotated[str, typer.Option("--ledger", envvar="ARBITER_LEDGER", help=LEDGER_HELP)]


class Limits:
    """What a request may ask of the candidate that answers it."""

    Cost = Annotated[float | None, typer.Option(help="Greatest expected cost.")]
    Latency = Annotated[float | None, typer.Option(help="Greatest expected latency.")]
    Quantile = Annotated[float | None, typer.Option(help="Share of requests to keep below it, e.g. 0.95.")]
    Quality = Annotated[float | None, typer.Option(help="Least expected quality, in [0, 1].")]
    Strategy = Annotated[str | None, typer.Option(help="A strategy, e.g. quality_first.")]
    Capabilities = Annotated[list[str] | None, typer.Option(help="E.g. vision, tools, json_mode. Repeatable.")]
    Languages = Annotated[list[str] | None, typer.Option(help="ISO 639-1 code, e.g. de. Repeatable.")]


def limits(**asked: object) -> "RouteOptions":
    """Give the options of a route that were asked for; lists, which repeat an option, become sets."""
    given = {name: value for name, value in asked.items() if value is not None and value != []}
    named = {name: frozenset(value) if isinstance(value, list) else value for name, value in given.items()}
    return cast("RouteOptions", named)


def prompt_text(prompt: str) -> str:
    """Give the request that an argument stands for; ``-`` reads it from standard input.

    Raises
    ------
    InvalidInputError
        If it is not UTF-8 text.
    """
    try:
        text = sys.stdin.buffer.read().decode("utf-8") if prompt == "-" else prompt
        text.encode("utf-8")  # bytes of the command line that are no text arrive as halves of characters
    except UnicodeError as error:
        raise InvalidInputError(f"the prompt is not UTF-8 text ({error}); convert it first") from error
    return text


def criterion_weights(given: Iterable[str]) -> "CriterionWeights":
    """Read weights such as ``cost=0.4``, set one after the other.

    Raises
    ------
    InvalidInputError
        If one is not of that form, or names no criterion.
    """
    from arbiter.criteria import CriterionWeights
    from arbiter.vocabulary import Criterion

    weights = CriterionWeights()
    for text in given:
        name, _, value = text.partition("=")
        if name not in frozenset(Criterion):
            raise InvalidInputError(f"unknown criterion {name!r}; there are {', '.join(Criterion)}")
        try:
            weights = weights.setting(Criterion(name), float(value))
        except ValueError as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(f"--weight {text!r} must be like cost=0.4") from error
    return weights
