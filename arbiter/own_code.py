"""Code of the user's own, named on the command line: ``rules.py:short_to_cheap`` or ``package.module:name``."""

import difflib
import importlib
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from arbiter.errors import ArbiterError, InvalidInputError


def is_own_code(name: str) -> bool:
    """Say whether a name is of the form ``FILE.py:NAME`` or ``MODULE:NAME``; a registry's ``models:/...`` is not."""
    module, _, attribute = name.rpartition(":")
    return attribute.isidentifier() and (module.endswith(".py") or module.replace(".", "").isidentifier())


def own_object(name: str) -> Any:
    """Import what a user named.

    Importing runs the code: only what the user of this process names comes here, never what a bundle or a log says.

    Parameters
    ----------
    name : ``FILE.py:NAME``, or ``MODULE:NAME`` of an installed module or one in the working directory.

    Raises
    ------
    InvalidInputError
        If there is no such module, it fails, or it has no such name.
    """
    where, _, attribute = name.rpartition(":")
    module = own_module(where)
    if not hasattr(module, attribute):
        public = [each for each in vars(module) if not each.startswith("_")]
        near = difflib.get_close_matches(attribute, public, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "define it there"
        raise InvalidInputError(f"{where} has no {attribute!r}; {hint}")
    return getattr(module, attribute)


def own_module(where: str) -> ModuleType:
    """Import a file, or a module by name; a second time gives the same module.

    Raises
    ------
    InvalidInputError
        If there is none, or importing it fails; the message quotes the failure with file and line.
    """
    path = Path(where)
    if where.endswith(".py") and not path.is_file():
        raise InvalidInputError(f"{where}: no such file; give FILE.py, or a module's name")
    folder = str(path.resolve().parent) if where.endswith(".py") else str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as `python FILE.py` does, so that it finds what lies beside it
    with OwnCode(where):
        return _from_file(path) if where.endswith(".py") else importlib.import_module(where)


def _from_file(path: Path) -> ModuleType:
    known = sys.modules.get(path.stem)
    if known is not None and Path(getattr(known, "__file__", None) or "").resolve() == path.resolve():
        return known
    if known is not None:
        raise InvalidInputError(f"{path} has the name of the module {path.stem!r}, which is in use; rename the file")
    return importlib.import_module(path.stem)


class OwnCode:
    """Turns what the user's code raises inside the block into one line that says where; it swallows nothing.

    Parameters
    ----------
    what : is running, for the message.

    Raises
    ------
    InvalidInputError
        In place of whatever was raised; arbiter's own errors pass through.
    """

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, way: TracebackType | None
    ) -> None:
        """Raise in place of what is passing."""
        if isinstance(error, Exception) and not isinstance(error, ArbiterError):
            raise InvalidInputError(f"{self.what} failed: {type(error).__name__}: {error}{_place(way)}") from error


def _place(way: TracebackType | None) -> str:
    while way is not None and way.tb_next is not None:
        way = way.tb_next
    return f" ({Path(way.tb_frame.f_code.co_filename).name}:{way.tb_lineno})" if way is not None else ""
