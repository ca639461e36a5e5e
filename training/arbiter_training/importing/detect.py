"""Which format a log is in, by its first records."""

from collections.abc import Mapping, Sequence

from arbiter.errors import TrafficError
from arbiter_training.importing.reading import LogReader, Record

LOOKED_AT = 100
"""Records that are looked at: a log may open with spans or scores that are no calls."""


def detect(records: Sequence[Record], readers: Mapping[str, LogReader], source: str) -> LogReader:
    """Give the one reader that recognises what is in a log.

    Parameters
    ----------
    records : the first ones.
    readers : by name.
    source : of the records, for the error.

    Raises
    ------
    TrafficError
        If none of them does, or several do.
    """
    found = {name: sum(reader.recognises(record) for record in records) for name, reader in readers.items()}
    best = [name for name, count in found.items() if count and count == max(found.values())]
    if len(best) == 1:
        return readers[best[0]]
    if best:
        raise TrafficError(f"{source}: may be {' or '.join(best)}: say which with --format")
    keys = ", ".join(dict.fromkeys(str(key) for record in records for key in record)) if records else "nothing"
    raise TrafficError(
        f"{source}: no format is recognised; its records hold {keys[:200]}: name one of {', '.join(readers)} with "
        f"--format, or map columns with --map model=COLUMN"
    )
