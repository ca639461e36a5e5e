"""Catalogs as TOML files that people edit."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arbiter.catalog.catalog import Catalog
from arbiter.catalog.entry import candidate_to_dict, nearest, read_entry
from arbiter.errors import CatalogError
from arbiter.records import Candidate

HEADER = """\
# Catalog of candidate models for arbiter. One [[model]] table per model; the order is kept.
# Prices (usd_per_mtok_*) are US dollars per MILLION tokens. Times are seconds. Ratings (quality, safety,
# reliability, sla_availability) lie in [0, 1]: they are priors that you may edit, not measurements, and count only
# until outcomes are known. Keys that are left out take the default of arbiter.records.Candidate.
"""


def read_catalog(path: str | Path) -> Catalog:
    """Read a catalog file.

    Parameters
    ----------
    path : a TOML file with one ``[[model]]`` table per candidate.

    Returns
    -------
    catalog : the candidates, in the order of the file.

    Raises
    ------
    CatalogError
        If the file cannot be read, is not TOML, or holds a wrong entry. One line with all problems, each naming
        the table, the key, the value and, where one is close, the valid name that may have been meant.
    """
    path = Path(path)
    models, problems = parse_models(path)
    candidates: list[Candidate] = []
    seen: dict[Any, int] = {}
    for position, table in enumerate(models, start=1):
        candidate, wrong = read_entry(table)
        name = table.get("name")
        where = f"[[model]] {position}" + (f" '{name}'" if isinstance(name, str) else "")
        if isinstance(name, str) and seen.setdefault(name, position) != position:
            wrong.append(f"name = '{name}' is taken by [[model]] {seen[name]}; names must be distinct")
        problems += [f"{where}: {problem}" for problem in wrong]
        if candidate is not None:
            candidates.append(candidate)
    if problems:
        raise CatalogError(f"{path}: " + "; ".join(problems))
    return Catalog(candidates)


def write_catalog(catalog: Catalog, path: str | Path) -> None:
    """Write a catalog as a TOML file that :func:`read_catalog` reads back equal.

    Parameters
    ----------
    catalog : the candidates.
    path : the file; an existing one is replaced whole, or not at all.

    Raises
    ------
    CatalogError
        If the file cannot be written.
    """
    path = Path(path)
    draft = path.with_name(path.name + ".part")
    try:
        draft.write_text(to_toml(catalog), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise CatalogError(f"cannot write the catalog to {path}: {error.strerror or error}") from error


def to_toml(catalog: Catalog) -> str:
    """Give the text of a catalog file."""
    tables = [
        "[[model]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in candidate_to_dict(candidate).items())
        for candidate in catalog
    ]
    return "\n".join([HEADER, *tables])


def parse_models(path: Path) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Give the ``[[model]]`` tables of a file as they are written, and what is wrong around them.

    Raises
    ------
    CatalogError
        If the file cannot be read or is not TOML.
    """
    return _model_tables(_parse(path))


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogError(f"cannot read the catalog {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path} is not a TOML file: {error}") from error


def _model_tables(document: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[str]]:
    problems = [f"unknown table '{key}'{nearest(key, ['model'])}" for key in document if key != "model"]
    models = document.get("model", [])
    if not isinstance(models, list) or not all(isinstance(table, dict) for table in models):
        return [], [*problems, "'model' must be written as [[model]] tables, with two brackets on each side"]
    if not models:
        problems.append("there is no [[model]] table; add one per candidate")
    return models, problems


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(member) for member in value) + "]"
    if isinstance(value, str):
        return _toml_text(value)
    return repr(value)  # int and finite float: TOML writes them as Python does


def _toml_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
