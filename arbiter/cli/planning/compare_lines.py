"""What `arbiter plan compare` says to people."""

from arbiter.cli.planning.table import rows
from arbiter.planning import Recommendation
from arbiter.planning.recommendation import CandidateRow
from arbiter.planning.wording import usd

HEAD = ("model", "vendor", "quality", "judged", "a request", "median s", "limit s", "utility", "misses")


def lines(made: Recommendation) -> list[str]:
    """Say how every model stands on a use case."""
    head = f"{made.use_case} ({made.strategy}): {made.primary}, then {', '.join(made.fallbacks) or 'nobody'}"
    return [head, *rows(HEAD, map(_cells, made.candidates))]


def _cells(row: CandidateRow) -> tuple[str, ...]:
    return (
        row.model,
        row.vendor,
        f"{row.quality:.2f}+-{row.quality_se:.2f}",
        str(row.judged) if row.judged else "-",
        "-" if row.cost_usd is None else usd(row.cost_usd),
        f"{row.latency_median_s:.2f}",
        f"{row.latency_s:.2f}",
        "-" if row.utility is None else f"{row.utility:.3f}",
        "; ".join(row.missed),
    )
