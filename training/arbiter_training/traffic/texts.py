"""Whether a traffic table has the requests' texts: a ledger may have kept hashes, or nothing, in their place."""

import numpy as np

from arbiter.errors import TrafficError
from arbiter.ledger import PromptPolicy
from arbiter_training.traffic.table import TrafficTable

COLUMN = "prompt_kept"
"""The column in which `arbiter export` says what the ledger kept of each request."""


def lacks_texts(table: TrafficTable) -> int:
    """Give how many rows have a stand-in for the request's text."""
    kept = table.extras.get(COLUMN)
    return 0 if kept is None else int(np.sum([value not in (None, PromptPolicy.FULL) for value in kept]))


def require_texts(table: TrafficTable, consequence: str) -> None:
    """Make sure that the requests' texts are there.

    Raises
    ------
    TrafficError
        If one is not; ``consequence`` says what cannot be done with it.
    """
    lacking = lacks_texts(table)
    if lacking:
        raise TrafficError(
            f"{', '.join(table.notes.sources)}: {lacking} of {table.n_rows} rows hold no text of their request, since "
            f"the ledger kept none ({COLUMN}): {consequence}; models' names, best-single and random can be evaluated, "
            f"or drop these rows"
        )
