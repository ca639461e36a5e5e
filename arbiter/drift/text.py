"""A fold as text and back, for the snapshot that a ledger keeps of it."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from arbiter.drift.blocks import Block
from arbiter.drift.fold import Awaited, DriftFold
from arbiter.drift.means import MeanSums
from arbiter.drift.report import Drift, DriftKind, DriftOptions
from arbiter.ledger import WATCH

FOLD_VERSION = 1
"""What the fold does. Raise it when the same events give another state: older snapshots are then left alone."""

_ENCODER = json.JSONEncoder(separators=(",", ":"))

logger = logging.getLogger(__name__)


def snapshot_name(options: DriftOptions) -> str:
    """Give what the snapshot of a fold is called: a fingerprint of what it depends on beside the ledger."""
    depends = (FOLD_VERSION, options.block, options.alpha, options.judged_within_s)
    return f"{WATCH}drift-" + hashlib.sha256(repr(depends).encode()).hexdigest()


def to_text(fold: DriftFold) -> str:
    """Give a fold as text; :func:`read_fold` gives it back to the last bit.

    A line for each decision that waits: one JSON text of all would hold up every other thread until it is done.
    """
    values = {
        "version": fold.version,
        "full": fold.full,
        "judged": fold.judged,
        "counted": fold.counted,
        "uncounted": fold.uncounted,
        "first": None if fold.first is None else _block_values(fold.first),
        "blocks": [_block_values(block) for block in fold.blocks.values() if block is not fold.first],
        "first_is_open": fold.first is not None and fold.first.number in fold.blocks,
        "now": [asdict(drift) for drift in fold.now.values()],
        "found": [asdict(drift) for drift in fold.found],
    }
    waiting = ((i, a.block, a.model, a.expected, a.at, a.session, a.quality) for i, a in fold.waiting.items())
    return "\n".join(map(_ENCODER.encode, (values, *waiting)))


def read_fold(options: DriftOptions, text: str) -> DriftFold | None:
    """Rebuild a fold; None where the text is none, as another version may have written it."""
    fold = DriftFold(options)
    try:
        values, *waiting = map(json.loads, text.split("\n"))
        _fill(fold, values)
        fold.waiting.update({row[0]: Awaited(*row[1:]) for row in waiting})
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("a snapshot of drift cannot be read and is not used (%s: %s)", type(error).__name__, error)
        return None
    return fold


def _fill(fold: DriftFold, values: Mapping[str, Any]) -> None:
    fingerprint, size = values["version"]
    fold.version = (fingerprint, size)
    fold.full, fold.judged = values["full"], values["judged"]
    fold.counted, fold.uncounted = values["counted"], values["uncounted"]
    if values["first"] is not None:
        fold.first = _block(values["first"])
    blocks = [_block(each) for each in values["blocks"]]
    if fold.first is not None and values["first_is_open"]:
        blocks = [fold.first, *blocks]
    fold.blocks.update({block.number: block for block in blocks})
    for drift in map(_drift, values["now"]):
        fold.now[(drift.kind, drift.what)] = drift
    fold.found.extend(map(_drift, values["found"]))


def _drift(values: Mapping[str, Any]) -> Drift:
    return Drift(**{**values, "kind": DriftKind(values["kind"])})


def _block_values(block: Block) -> dict[str, Any]:
    return {
        "number": block.number,
        "traffic": _sums_values(block.traffic),
        "waiting": block.waiting,
        "rates": {model: _sums_values(sums) for model, sums in block.rates.items()},
        "residuals": {model: _sums_values(sums) for model, sums in block.residuals.items()},
    }


def _block(values: Mapping[str, Any]) -> Block:
    return Block(
        number=values["number"],
        traffic=_sums(values["traffic"]),
        waiting=values["waiting"],
        rates={model: _sums(sums) for model, sums in values["rates"].items()},
        residuals={model: _sums(sums) for model, sums in values["residuals"].items()},
    )


def _sums_values(sums: MeanSums) -> list[Any]:
    arrays = [each.tolist() for each in (sums.total, sums.squares, sums.crossed)]
    sessions = {session: [n, total.tolist()] for session, (n, total) in sums.sessions.items()}
    return [*arrays, sums.n, sums.clusters, sums.sizes, sessions]


def _sums(values: list[Any]) -> MeanSums:
    total, squares, crossed, n, clusters, sizes, sessions = values
    held = {session: (size, np.array(each)) for session, (size, each) in sessions.items()}
    return MeanSums(np.array(total), np.array(squares), np.array(crossed), n, clusters, sizes, held)
