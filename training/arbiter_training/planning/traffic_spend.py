"""What logged traffic cost, day by day."""

from pathlib import Path

import numpy as np

from arbiter.errors import TrafficError
from arbiter.planning.spend import DaySpend, daily
from arbiter_training.traffic import read_traffic


def traffic_spend(files: tuple[Path, ...]) -> tuple[DaySpend, ...]:
    """Give the spend of each day (UTC) and model; rows without a cost are left out.

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
    days = table.timestamp[known].astype("datetime64[D]").astype(object)
    return daily(zip(days, table.model[known], table.cost_usd[known].tolist(), strict=True))
