"""The one place where litellm is imported: offline, without its hints on standard output, at first use.

And what its calls carry of arbiter's, so that other loggers see the decision, too.
"""

import os
from collections.abc import Mapping
from typing import Any

from arbiter.errors import MissingExtraError
from arbiter.records import Decision

LOCAL_PRICES = "LITELLM_LOCAL_MODEL_COST_MAP"
"""Set before litellm's first import unless the user has set it: else the import downloads a price table."""

ARBITER_KEY = "arbiter"
"""Key of a call's litellm ``metadata`` under which other loggers, too, find what arbiter decided."""

KEPT = "spend_logs_metadata"
"""Key of a call's ``metadata`` whose mapping litellm keeps in its own logs, payload and spend table alike; of others it
keeps those that it knows, and ``arbiter`` is none of them (1.106.2)."""

RECORDED = "recorded"
"""Key in there: arbiter has made the call, and records it itself."""

LISTENERS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_input_callback",
    "_async_success_callback",
    "_async_failure_callback",
)
"""Where litellm keeps who is told of calls; a call can name some of its own by these names, too."""

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


def carrying(metadata: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Give a call's metadata with what other loggers are told of a decision, in both places where they look.

    Parameters
    ----------
    metadata : the call's; stays as it is, since callers share theirs between requests.
    told : of the decision.
    """
    kept = metadata.get(KEPT)
    own = dict(kept) if isinstance(kept, Mapping) else {}
    return {**metadata, ARBITER_KEY: told, KEPT: {**own, ARBITER_KEY: told}}


def anybody_listens(params: Mapping[str, Any]) -> bool:
    """Tell whether a logger hears of a call; else litellm would copy its metadata for nobody, in .2 ms.

    Parameters
    ----------
    params : of the call.
    """
    litellm = import_litellm()
    return any(getattr(litellm, name, None) or params.get(name) for name in LISTENERS)


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
