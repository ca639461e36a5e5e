"""Deployments as a TOML file that people edit."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arbiter.errors import InvalidInputError
from arbiter.execution.options import Deployment

KEYS = frozenset({"candidate", "name", "weight", "key_env", "litellm_params"})


def read_deployments(path: str | Path) -> dict[str, tuple[Deployment, ...]]:
    """Read where candidates are called.

    Parameters
    ----------
    path : a TOML file with one ``[[deployment]]`` table per deployment: ``candidate``, and where they differ from the
        defaults ``name``, ``weight``, ``litellm_params`` (a table) and ``key_env``, the environment variable that holds
        the key, so that no key need stand in a file.

    Returns
    -------
    deployments : candidate to its deployments, for :class:`ExecutionOptions`.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, a table is wrong, or the variable of a key is not set.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("deployment")
    except (UnicodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"{path} is not TOML ({error})") from error
    if not isinstance(tables, list) or not tables:
        raise InvalidInputError(f"{path} holds no [[deployment]] table; write one per deployment")
    found: dict[str, tuple[Deployment, ...]] = {}
    for place, table in enumerate(tables, 1):
        try:
            candidate, deployment = _read(table)
        except (InvalidInputError, TypeError) as error:
            raise InvalidInputError(f"{path}: [[deployment]] {place}: {error}") from error
        found[candidate] = (*found.get(candidate, ()), deployment)
    return found


def _read(table: Mapping[str, Any]) -> tuple[str, Deployment]:
    if unknown := sorted(set(table) - KEYS):
        raise InvalidInputError(f"unknown key {', '.join(unknown)}; there are {', '.join(sorted(KEYS))}")
    candidate, params = table.get("candidate"), table.get("litellm_params", {})
    if not isinstance(candidate, str) or not isinstance(params, dict):
        raise InvalidInputError("it needs candidate = 'NAME', and litellm_params, if any, as a table")
    variable = table.get("key_env")
    if variable is not None:
        if variable not in os.environ:
            raise InvalidInputError(f"the environment variable {variable} is not set; it should hold the key")
        params = {**params, "api_key": os.environ[variable]}
    return candidate, Deployment(
        litellm_params=params, name=str(table.get("name", "")), weight=float(table.get("weight", 1.0))
    )
