"""What commands print: lines for people, JSON for programs, progress where a person looks."""

import dataclasses
import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np


def show(lines: Iterable[str]) -> None:
    """Print lines."""
    for line in lines:
        print(line)


def show_json(value: Any) -> None:
    """Print one JSON document; what is not a number is null."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


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


def progress() -> Callable[[str], None]:
    """Give a teller of what happens: one line a step on stderr, with the time since the start, if a person looks."""
    started = time.monotonic()
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda text: print(f"{time.monotonic() - started:6.1f} s  {text}", file=sys.stderr)
