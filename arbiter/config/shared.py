"""The options that several commands and the service share; the table ``[defaults]`` sets them for all."""

from pathlib import Path
from typing import Annotated

from arbiter.config.option import Mark, known_option
from arbiter.config.settings import Table

BUNDLE = Annotated[str | None, Mark.SHARED, Mark.PLACE]
LEDGER = Annotated[str | None, Mark.SHARED, Mark.PLACE]
FILE = Annotated[Path | None, Mark.SHARED]


SHARED: Table = {
    "bundle": known_option(BUNDLE),
    "ledger": known_option(LEDGER),
    "catalog": known_option(FILE),
    "deployments": known_option(FILE),
    "tracking": known_option(FILE),
    "json": known_option(Annotated[bool, Mark.SHARED]),
}
"""They say where things are, and mean the same to all. What a request may cost, or where its answer may come from, is
not among them: a service takes that with each request, and nobody should believe it set for all."""

COMMANDS = frozenset(
    (
        *("audit", "budget", "calibrate", "compare", "compare-costs", "complete", "config", "data", "demo", "ensemble"),
        *(
            "evaluate",
            "evaluate-gatekeeper",
            "experiment",
            "export",
            "feedback",
            "import",
            "judge",
            "metrics",
            "models",
        ),
        *("plan", "profile", "promote", "prune", "route", "simulate", "stats", "status", "train"),
    )
)
"""Names of the commands' tables, which the command line checks; a service knows that they are none of its own."""
