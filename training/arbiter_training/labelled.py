"""Labelled requests from files: the authored seed prompts, and any file of the same columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError, TrafficError
from arbiter.gatekeeper.heads import HEADS
from arbiter.intake import read_request
from arbiter.records import Query

IntArray = NDArray[np.int64]

UNKNOWN = -1

FLAGS = ("look_alike", "injection")
"""What a line may be marked with: harmless though it sounds harmful; tries to override instructions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPrompts:
    """Requests with labels and where they come from.

    Attributes
    ----------
    queries : n requests.
    labels : head to (n,) index in ``HEADS[head]``, -1 where unknown; ``risk``, where a file tells it, is the greater of
        harm and stake and no head.
    sources : n names of the file that each comes from.
    flags : name (``look_alike``, ``injection``) to (n,) bool.
    """

    queries: tuple[Query, ...]
    labels: Mapping[str, IntArray]
    sources: tuple[str, ...]
    flags: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.queries)

    def take(self, rows: IntArray) -> "LabelledPrompts":
        """Give the requests at ``rows`` (positions, not a mask), in that order."""
        return LabelledPrompts(
            queries=tuple(self.queries[i] for i in rows),
            labels={head: values[rows] for head, values in self.labels.items()},
            sources=tuple(self.sources[i] for i in rows),
            flags={flag: values[rows] for flag, values in self.flags.items()},
        )


def joined(parts: Sequence[LabelledPrompts]) -> LabelledPrompts:
    """Give the requests of several sets one after another; a head that a set does not label is unknown there."""
    nothing = np.zeros(0, dtype=np.int64)
    return LabelledPrompts(
        queries=tuple(query for part in parts for query in part.queries),
        labels={h: np.concatenate([nothing, *(_labels(part, h) for part in parts)]) for h in HEADS},
        sources=tuple(source for part in parts for source in part.sources),
        flags={f: np.concatenate([nothing.astype(np.bool_), *(part.flags[f] for part in parts)]) for f in FLAGS},
    )


def _labels(part: LabelledPrompts, head: str) -> IntArray:
    return part.labels.get(head, np.full(len(part), UNKNOWN, dtype=np.int64))


def read_labelled(folder: Path) -> LabelledPrompts:
    """Read every ``*.jsonl`` of a folder.

    A line has ``prompt`` or ``messages`` and any of the heads' labels (``domain``, ``complexity``, ``harm``,
    ``stake``); a label that is missing is unknown.

    Raises
    ------
    TrafficError
        If there is no file, or a line is wrong; the message names file, line and remedy.
    """
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise TrafficError(f"{folder} holds no .jsonl file; name the folder of the labelled prompts")
    rows = [(path.stem, *row) for path in files for row in _read_file(path)]
    labels = {h: np.array([row[2][h] for row in rows], dtype=np.int64) for h in HEADS}
    return LabelledPrompts(
        queries=tuple(row[1] for row in rows),
        labels={h: values for h, values in labels.items() if (values != UNKNOWN).any()},
        sources=tuple(row[0] for row in rows),
        flags={flag: np.array([row[3][flag] for row in rows]) for flag in FLAGS},
    )


def _read_file(path: Path) -> Iterator[tuple[Query, dict[str, int], dict[str, bool]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row: dict[str, Any] = json.loads(line)
            query = read_request(row["messages"] if "messages" in row else row["prompt"])
            labels = {head: _index(head, row.get(head)) for head in HEADS}
        except (ValueError, KeyError, InvalidInputError) as error:
            raise TrafficError(f"{path}, line {number}: {error}; see GUIDE.md for the form of a line") from error
        yield query, labels, {flag: bool(row.get(flag)) for flag in FLAGS}


def _index(head: str, label: str | None) -> int:
    if label is None:
        return UNKNOWN
    if label not in HEADS[head]:
        raise InvalidInputError(f"{head} {label!r} is not one of {', '.join(HEADS[head])}")
    return HEADS[head].index(label)
