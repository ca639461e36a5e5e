"""The columns of the result, from those of the staged parts: known ones first, empty ones left out."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from arbiter_training.importing.columnar import HELPERS
from arbiter_training.importing.finish import FOLD_COLUMNS
from arbiter_training.traffic.columns import KNOWN, SOURCE
from arbiter_training.traffic.read_parquet import pyarrow_modules

ALWAYS = ("request_id", "prompt", "model", "status")


def known_columns(table: Any) -> set[str]:
    """Give the columns that hold anything."""
    return {name for name in table.column_names if table.column(name).null_count < table.num_rows}


def result_schema(parts: Iterable[Path], known: Iterable[str], judged: bool, folds: bool) -> Any:
    """Give the ``pyarrow.Schema`` of the result.

    Parameters
    ----------
    parts : staged files.
    known : columns that hold anything in one of them.
    judged : whether judgements were joined with any row.
    folds : whether attempts may have been folded.
    """
    arrow = pyarrow_modules()
    types: dict[str, Any] = {}
    for path in parts:
        for field in arrow.parquet.read_schema(path):
            types[field.name] = _common(arrow, types.get(field.name), field.type)
    wanted = {*ALWAYS, *known} - HELPERS
    if judged:
        wanted |= {"quality", SOURCE}
        types[SOURCE] = arrow.string()
    added = set(FOLD_COLUMNS) if folds else {"served_quality"} if judged and "served_by" in wanted else set()
    wanted |= added
    types |= {
        name: getattr(arrow, "float64" if kind == "double" else kind)()
        for name, kind in FOLD_COLUMNS.items()
        if name in added
    }
    order = dict.fromkeys((*KNOWN, *sorted(types)))
    return arrow.schema([(name, types[name]) for name in order if name in wanted and name in types])


def _common(arrow: Any, held: Any, new: Any) -> Any:
    """Give the one type for a column whose parts have these; text where they differ."""
    return new if held is None or held == new else arrow.string()
