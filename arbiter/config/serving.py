"""A service from a configuration: the table ``[serve]``, for those who serve inside their own process."""

import contextlib
import logging
import os
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from arbiter.config.file import find_file
from arbiter.config.option import Mark, Option, known_option, option_of
from arbiter.config.settings import AUDIT_KEY, DEFAULTS, Settings, Table, read_settings
from arbiter.config.shared import BUNDLE, COMMANDS, FILE, LEDGER, SHARED
from arbiter.drift import DriftOptions
from arbiter.errors import ConfigError, InvalidInputError
from arbiter.execution import ExecutionOptions, read_deployments
from arbiter.execution.health import HealthOptions
from arbiter.governance import EconomyOptions, Governance, SqliteAudit, SqliteBudget, read_limits
from arbiter.ledger import BufferedLedger, PromptStorage, open_ledger
from arbiter.loading import load_router
from arbiter.pacing import PacingOptions
from arbiter.service import Arbiter
from arbiter.service_options import ServiceOptions
from arbiter.standing import StandingOptions

logger = logging.getLogger(__name__)

SERVE = "serve"
GOVERNANCE = f"{SERVE}.governance"

RECORDS: Mapping[str, type] = {
    SERVE: ServiceOptions,
    f"{SERVE}.prompts": PromptStorage,
    f"{SERVE}.drift": DriftOptions,
    f"{SERVE}.standing": StandingOptions,
    f"{SERVE}.standing.pacing": PacingOptions,
    f"{SERVE}.execution": ExecutionOptions,
    f"{SERVE}.execution.health": HealthOptions,
    GOVERNANCE: Governance,
    f"{GOVERNANCE}.economy": EconomyOptions,
    f"{GOVERNANCE}.audit_content": PromptStorage,
}
"""Table to the record whose fields are its keys; fields that no file can hold, such as functions, are left out."""

SECRETS = frozenset({"salt"})

PLACES: Mapping[str, object] = {
    "bundle": BUNDLE,
    "ledger": LEDGER,
    "deployments": FILE,
    "limits": Path | None,
    "budget": Path | None,
    "audit": Path | None,
}
"""Keys of ``[serve]`` that name what is opened: ``limits`` and ``budget`` a :class:`SqliteBudget`, ``audit`` a
:class:`SqliteAudit`."""


def serve_tables() -> dict[str, Table]:
    """Give the tables of a service, by name."""
    tables = {name: _fields(record) for name, record in RECORDS.items()}
    tables[SERVE] = {**{key: known_option(kind) for key, kind in PLACES.items()}, **tables[SERVE]}
    return tables


def from_config(path: str | Path | None = None, options: ServiceOptions | None = None) -> Arbiter:
    """Load a router and serve it as a configuration says: its table ``[serve]``, and ``[defaults]``.

    Parameters
    ----------
    path : the TOML file; None takes the one that the environment variable ``ARBITER_CONFIG`` names, else
        ``arbiter.toml`` of the working directory, else none. Variables such as ``ARBITER_LEDGER`` and
        ``ARBITER_SERVE_SEED`` go before the file.
    options : what no file can hold, such as a clock or an assessor; what is configured is put in.

    Returns
    -------
    service : as :func:`arbiter.load` gives it; to be closed.

    Raises
    ------
    ConfigError
        If file or environment are wrong; ``problems`` are all of them, with key, value, and what would be right.
    InvalidInputError, BundleError, LedgerError, BudgetError, AuditError
        If what they name cannot be opened.
    """
    tables = {DEFAULTS: SHARED, **serve_tables()}
    named = find_file(None if path is None else Path(path), os.environ)
    named = None if named is None else named.absolute()  # the service may outlive the working directory
    settings = read_settings(tables, os.environ, named, elsewhere=COMMANDS)
    for name, near in settings.strays.items():
        if near:
            logger.warning("the environment variable %s sets nothing; %s would", name, near)
    given = {key: value for key, value in settings.given(SERVE).items() if key in PLACES}
    chosen = _changed(SERVE, options or ServiceOptions(), settings)
    router = load_router(given.get("bundle"))
    if "deployments" in given:
        execution = replace(chosen.execution, deployments=read_deployments(given["deployments"]))
        chosen = replace(chosen, execution=execution)
    with contextlib.ExitStack() as opened:
        chosen = replace(chosen, governance=_governed(chosen.governance, given, settings, opened))
        ledger = BufferedLedger(open_ledger(given["ledger"])) if "ledger" in given else None
        service = _Configured(router, ledger, chosen)
        service.opened = opened.pop_all()
        return service


class _Configured(Arbiter):
    """A service that lets go of the budget and the audit that were opened for it."""

    opened: contextlib.ExitStack

    def close(self) -> None:
        with self.opened:
            super().close()


def _governed(
    governance: Governance, given: Mapping[str, Any], settings: Settings, opened: contextlib.ExitStack
) -> Governance:
    """Give the governance with the budget and the audit that are named, and what is set of it."""
    changes: dict[str, Any] = {}
    if ("limits" in given) != ("budget" in given):
        told = "limits, the file that says who may spend how much, and budget, the file that keeps what was spent"
        raise ConfigError([f"{_origin(settings)}: [{SERVE}] needs both for a budget: {told}"])
    if "budget" in given:
        changes["budget"] = budget = SqliteBudget(given["budget"], read_limits(given["limits"]))
        opened.callback(budget.close)
    if "audit" in given:
        changes["audit"] = audit = SqliteAudit(given["audit"], key=os.environ.get(AUDIT_KEY, "").encode())
        opened.callback(audit.close)
    changed: Governance = _changed(GOVERNANCE, replace(governance, **changes), settings)
    return changed


def _changed(name: str, record: Any, settings: Settings) -> Any:
    """Give a record with the values of its table and of the tables in it; None stays None where nothing is set."""
    known = {each.name for each in fields(RECORDS[name])}
    values = {key: value for key, value in settings.given(name).items() if key in known}
    for below in RECORDS:
        above, _, key = below.rpartition(".")
        if above == name and below != GOVERNANCE:  # which may require an audit that has to be opened first
            old = getattr(record, key) if record is not None else None
            new = _changed(below, old, settings)
            values |= {key: new} if new is not old else {}
    if not values:
        return record
    try:
        return RECORDS[name](**values) if record is None else replace(record, **values)
    except InvalidInputError as error:
        raise ConfigError([f"{_origin(settings)}: [{name}]: {error}"]) from error


def _origin(settings: Settings) -> str:
    return "the environment" if settings.file.path is None else str(settings.file.path)


def _fields(record: type) -> Table:
    found: dict[str, Option] = {}
    for each in fields(record):
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        option = option_of(each.type, None if default is MISSING else default) if each.init else None
        if option is not None:
            marks = {Mark.SECRET} if each.name in SECRETS else set()
            found[each.name] = replace(option, marks=option.marks | marks)
    return found
