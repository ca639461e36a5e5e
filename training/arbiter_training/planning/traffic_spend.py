"""What logged traffic cost, day by day."""

from pathlib import Path

import numpy as np

from arbiter.errors import TrafficError
from arbiter.planning.segments import Segments
from arbiter.planning.spend import DaySpend, daily
from arbiter_training.traffic import TrafficTable, read_traffic


def traffic_spend(files: tuple[Path, ...], segments: Segments) -> tuple[DaySpend, ...]:
    """Give the spend of each day (UTC), model and use case; rows without a cost are left out.

    Parameters
    ----------
    files : traffic tables.
    segments : of a plan, by which each row is given to a use case.

    Raises
    ------
    TrafficError
        If a file is wrong, or no row has both a time and a cost.
    """
    table = read_traffic(list(files))
    known = ~np.isnan(table.cost_usd) & ~np.isnat(table.timestamp)
    if not known.any():
        source = ", ".join(str(path) for path in files)
        raise TrafficError(f"{source}: no row has a timestamp and a cost_usd: a review needs both")
    table = table.select(known)
    days = table.timestamp.astype("datetime64[D]").astype(object)
    return daily(zip(days, table.model, _cases(table, segments), table.cost_usd.tolist(), strict=True))


def _cases(table: TrafficTable, segments: Segments) -> list[str]:
    """Name the use case of each row."""
    there = [column for column in segments.columns if column in table.labels or column in table.extras]
    values = [[str(each) for each in table.column(column)] for column in there]
    rows = list(zip(*values, strict=True)) if there else [()] * table.n_rows
    named = {row: segments.case_of(dict(zip(there, row, strict=True))) for row in set(rows)}
    return [named[row] for row in rows]
