"""The one place where litellm is imported: offline, without its hints on standard output, at first use.

And what its calls carry of arbiter's, so that other loggers see the decision, too.
"""

import os
from typing import Any

from arbiter.errors import MissingExtraError
from arbiter.records import Decision

LOCAL_PRICES = "LITELLM_LOCAL_MODEL_COST_MAP"
"""Set before litellm's first import unless the user has set it: else the import downloads a price table."""

ARBITER_KEY = "arbiter"
"""Key of a call's litellm ``metadata`` under which other loggers, too, find what arbiter decided."""

RECORDED = "recorded"
"""Key in there: arbiter has made the call, and records it itself."""

INTERNAL = {"internal_call_origin": "arbiter"}
"""Metadata of calls that no caller asked for, such as an assessor's; litellm's own mark for such calls."""


def decision_metadata(decision: Decision) -> dict[str, Any]:
    """Give what other loggers see of a decision, under :data:`ARBITER_KEY`: all that a later evaluation needs of it."""
    return {
        "decision_id": decision.id,
        "model": decision.model,
        "propensity": decision.propensity,
        "action_probs": dict(decision.action_probs),
        "strategy": str(decision.strategy),
        "policy_version": decision.policy_version,
    }


def import_litellm() -> Any:
    """Give the module; the first import takes seconds.

    Raises
    ------
    MissingExtraError
        If litellm is not installed.
    """
    os.environ.setdefault(LOCAL_PRICES, "True")
    try:
        import litellm
    except ImportError as error:
        raise MissingExtraError.of("litellm", "execute") from error
    litellm.suppress_debug_info = True  # else every failed call prints where to get help
    return litellm
