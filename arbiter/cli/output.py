"""What commands print: lines for people, JSON for programs, progress where a person looks."""

import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.errors import InvalidInputError


def show(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        print(line)


def show_json(value: Any) -> None:
    """Print one JSON document; what is not a number is null."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a file to start from.

    Raises
    ------
    InvalidInputError
        If there is one already, and ``force`` is not given.
    """
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; name a file")
    if path.exists() and not force:
        raise InvalidInputError(f"{path} exists; name another file, or give --force to replace it")
    path.write_text(text, encoding="utf-8")


def plain(value: Any) -> Any:
    """Turn records, arrays and enums into JSON-ready values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(plain(k)): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def progress(every_s: float = 0.0) -> Callable[[str], None]:
    """Give a teller of what happens: one line a step on stderr, with the time since the start, if a person looks.

    Parameters
    ----------
    every_s : steps that come sooner than so many seconds after the last one told are passed over.
    """
    started = told = time.monotonic()
    if not sys.stderr.isatty():
        return lambda _: None

    def tell(text: str) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= every_s:
            told = now
            print(f"{now - started:6.1f} s  {text}", file=sys.stderr)

    return tell


@dataclass(frozen=True, slots=True, kw_only=True)
class BarStyle:
    """How bars are drawn.

    Attributes
    ----------
    coloured : whether by escape sequences of a terminal.
    sign : what a bar is made of.
    """

    coloured: bool
    sign: str

    def bar(self, share: float, width: int, accented: bool) -> str:
        """Give a bar for a share in [0, 1] of ``width`` characters; one that is accented stands out in colour."""
        drawn = self.sign * round(min(max(share, 0.0), 1.0) * width)
        if not self.coloured or not drawn:
            return drawn
        return f"\033[{'36' if accented else '2'}m{drawn}\033[0m"


def bar_style() -> BarStyle:
    """Give the style that standard output takes: colour where a person looks who did not set NO_COLOR."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    blocks = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return BarStyle(coloured=coloured, sign="\N{FULL BLOCK}" if blocks and sys.stdout.isatty() else "#")
