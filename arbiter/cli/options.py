"""Options that several commands take."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.config import Mark
from arbiter.errors import InvalidInputError

if TYPE_CHECKING:
    from arbiter.catalog import Catalog
    from arbiter.criteria import CriterionWeights
    from arbiter.records import Query
    from arbiter.route_options import RouteOptions

BUNDLE_HELP = "A bundle's folder, or models:/arbiter@champion. Default: the shipped one."
Json = Annotated[bool, typer.Option("--json/--no-json", help="Print JSON."), Mark.SHARED]
Force = Annotated[bool, typer.Option(help="Replace a file that is there.")]
Bundle = Annotated[str | None, typer.Option("--bundle", help=BUNDLE_HELP), Mark.SHARED, Mark.PLACE]
LEDGER_HELP = "The ledger that `arbiter route --ledger` wrote: a file, or postgresql://user@host/database."
HeldLedger = Annotated[str, typer.Option("--ledger", help=LEDGER_HELP), Mark.SHARED, Mark.PLACE]
LookedAtLedger = Annotated[str | None, typer.Option("--ledger", help=LEDGER_HELP), Mark.SHARED, Mark.PLACE]
RECORDS_HELP = "Records decisions: an SQLite file, or postgresql://user@host/database for many hosts."
RecordingLedger = Annotated[str | None, typer.Option("--ledger", help=RECORDS_HELP), Mark.SHARED, Mark.PLACE]
CATALOG_HELP = "A catalog file. Default: the shipped one."
CatalogFile = Annotated[Path | None, typer.Option("--catalog", help=CATALOG_HELP), Mark.SHARED]
PRICES_HELP = "TOML file with prices of the log's models."
PricesFile = Annotated[Path | None, typer.Option("--catalog", help=PRICES_HELP), Mark.SHARED]
STORE_HELP = "Folder of the local MLflow store, if no server is set."
MlflowStore = Annotated[Path, typer.Option("--tracking", help=STORE_HELP), Mark.SHARED]


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


def request_of(prompt: str, file: Path | None) -> "Query":
    """Give the request that an argument or a file stands for.

    Parameters
    ----------
    prompt : as for :func:`prompt_text`; empty where the request is in a file.
    file : text, or OpenAI messages where it ends in ``.json``.

    Raises
    ------
    InvalidInputError
        If there is none, or it is not UTF-8 text, or no messages.
    """
    from arbiter.intake import read_request

    if (file is None) == (not prompt):
        raise InvalidInputError("give one request: as an argument, - for standard input, or --file PATH")
    if file is None:
        return read_request(prompt_text(prompt))
    try:
        text = file.read_bytes().decode("utf-8")
        return read_request(json.loads(text) if file.suffix.lower() == ".json" else text)
    except UnicodeError as error:
        raise InvalidInputError(f"{file} is not UTF-8 text ({error}); convert it first") from error
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"{file} is not JSON ({error}); write a list of OpenAI messages") from error


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


def require_known(asked: "RouteOptions", catalog: "Catalog") -> None:
    """Make sure that allow and deny list name candidates: a misspelled name would let the model through.

    Raises
    ------
    CatalogError
        If one is no candidate; the message hints at the nearest.
    """
    for name in sorted((asked.get("allow") or frozenset()) | asked.get("deny", frozenset())):
        catalog.position(name)
