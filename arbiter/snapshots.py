"""Learned policies as text, for the snapshots that a ledger keeps of folds."""

import base64
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from arbiter.components import POLICIES
from arbiter.judgements import FeedbackRules
from arbiter.policies.protocol import Policy
from arbiter.router import Router
from arbiter.state import State

FOLD_VERSION = 2
"""What a fold does with feedback. Raise it when the same ledger gives another state than before: older snapshots are
then left alone."""

logger = logging.getLogger(__name__)


def snapshot_name(router: Router, rules: FeedbackRules) -> str | None:
    """Give what the snapshot of a fold is called: a fingerprint of all that the fold depends on beside the ledger.

    That is what the bundle's context vector means, the candidates' order, the policy with its settings before the first
    feedback, and what feedback is taken to mean. The estimates of quality are not in it: a residual is taken against
    what its decision expected.

    Parameters
    ----------
    router : before the first feedback.
    rules : what feedback is taken to mean.

    Returns
    -------
    name : None where a fold cannot be told from another one: by a reward without a version, or a policy that no bundle
        knows, or of the user's own with more than settings and arrays.
    """
    state = router.policy.to_state()
    if state.kind not in POLICIES or state.texts or state.parts or rules.fingerprint is None:
        return None
    depends = (FOLD_VERSION, router.context_map.fingerprint, router.catalog.names, rules.fingerprint, _text(state))
    return hashlib.sha256(repr(depends).encode()).hexdigest()


def policy_text(policy: Policy) -> str:
    """Give a policy as text; :func:`read_policy` gives it back to the last bit."""
    return _text(policy.to_state())


def read_policy(text: str) -> Policy | None:
    """Rebuild a policy; None where the text is none, as another version may have written it."""
    try:
        values = json.loads(text)
        policy: Policy = POLICIES[values["kind"]](_state(values))
    except (KeyError, TypeError, ValueError) as error:
        logger.warning("a snapshot of a policy cannot be read and is not used (%s: %s)", type(error).__name__, error)
        return None
    return policy


def _text(state: State) -> str:
    if state.texts or state.parts:
        raise AssertionError(f"a policy is settings and arrays, {state.kind} has more")
    arrays = {
        name: {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "base64": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii"),
        }
        for name, array in sorted(state.arrays.items())
    }
    return json.dumps({"kind": state.kind, "settings": dict(state.settings), "arrays": arrays}, sort_keys=True)


def _state(values: Mapping[str, Any]) -> State:
    return State(
        kind=values["kind"],
        settings=values["settings"],
        arrays={
            name: np.frombuffer(base64.b64decode(array["base64"]), dtype=np.dtype(array["dtype"])).reshape(
                array["shape"]
            )
            for name, array in values["arrays"].items()
        },
    )
