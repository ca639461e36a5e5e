"""Models of the user's own, listed in a TOML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arbiter.catalog.files import parse_models
from arbiter.errors import CatalogError
from arbiter.governance.protocols import FoundModel


class TomlFoundry:
    """Reads a file anew each time it is asked; see :class:`arbiter.governance.ModelFoundryClient`.

    Parameters
    ----------
    path : one ``[[model]]`` table per model: ``name``, ``base`` where it was tuned from a model that the catalog has,
        and the keys of a catalog entry; with a base only those in which the two differ.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def models(self) -> tuple[FoundModel, ...]:
        """See :meth:`arbiter.governance.ModelFoundryClient.models`."""
        tables, problems = parse_models(self.path)
        names = [table.get("name") for table in tables]
        problems += [f"[[model]] {i} has no name" for i, name in enumerate(names, start=1) if not _is_name(name)]
        problems += [f"name = '{n}' is given twice" for n in dict.fromkeys(names) if _is_name(n) and names.count(n) > 1]
        if problems:
            raise CatalogError(f"{self.path}: " + "; ".join(problems))
        return tuple(_found(table) for table in tables)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name.strip())


def _found(table: Mapping[str, Any]) -> FoundModel:
    values = {key: value for key, value in table.items() if key not in ("name", "base")}
    return FoundModel(name=table["name"], base=table.get("base"), values=values)
