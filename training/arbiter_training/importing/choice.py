"""What arbiter wrote of its decision into another system's log: no format has a place for a propensity of its own."""

from collections.abc import Mapping
from typing import Any

from arbiter_training.importing.fields import first, mapping, propensity, text
from arbiter_training.importing.items import Call

KEY = "arbiter"
PREFIX = f"{KEY}."
NOTED = ("policy_version", "prompt_kept")
"""What goes into columns of its own: the policy, and whether the request is a text or a stand-in for one."""


def with_choice(call: Call, *places: Mapping[str, Any]) -> Call:
    """Fill in propensity and decision id from the first of some mappings that has them.

    Parameters
    ----------
    call : is changed.
    places : metadata, tags or attributes: ``{"arbiter": {"propensity": ...}}`` or ``{"arbiter.propensity": ...}``.
        Known are ``propensity``, ``decision_id``, ``policy_version`` and ``prompt_kept``.

    Raises
    ------
    UnusableError
        If the propensity is not in (0, 1].
    """
    for place in places:
        written = mapping(place.get(KEY))
        found = {name: first({"nested": written.get(name), "flat": place.get(PREFIX + name)}, "nested", "flat")
                 for name in ("propensity", "decision_id", *NOTED)}  # fmt: skip
        if found["propensity"] is None and found["decision_id"] is None:
            continue
        call.propensity = propensity(found["propensity"])
        decision = text(found["decision_id"])
        if decision is not None:
            call.ids = (*call.ids, decision)
            call.extras["decision_id"] = decision
        call.extras |= {name: str(found[name]) for name in NOTED if found[name] is not None}
        return call
    return call
