"""What arbiter wrote of its decision into another system's log: no format has a place for a propensity of its own."""

from collections.abc import Mapping
from typing import Any

from arbiter.catalog.naming import loose_name
from arbiter.vocabulary import FallbackReason
from arbiter_training.importing.columnar import STAND_IN
from arbiter_training.importing.fields import first, mapping, propensity, text
from arbiter_training.importing.items import Call
from arbiter_training.traffic.columns import STATUS_OK

KEY = "arbiter"
PREFIX = f"{KEY}."
NOTED = ("policy_version", "prompt_kept")
"""What goes into columns of its own: the policy, and whether the request is a text or a stand-in for one."""
KNOWN = ("propensity", "decision_id", "model", "action_probs", *NOTED)


def with_choice(call: Call, *places: Mapping[str, Any]) -> Call:
    """Fill in propensity and decision id from the first of some mappings that has them.

    The decision id joins the calls that were made for it. The row is about the model that was chosen, by the name that
    the decision gives it; a call of another one was made in its place, and ``served_by`` names it.

    Parameters
    ----------
    call : is changed.
    places : metadata, tags or attributes: ``{"arbiter": {"propensity": ...}}`` or ``{"arbiter.propensity": ...}``.
        Known are ``propensity``, ``decision_id``, ``policy_version``, ``prompt_kept``, ``model`` and ``action_probs``.

    Raises
    ------
    UnusableError
        If the propensity is not in (0, 1].
    """
    for place in places:
        if KEY not in place and PREFIX + "propensity" not in place and PREFIX + "decision_id" not in place:
            continue
        written = mapping(place.get(KEY))
        found = {name: first({"nested": written.get(name), "flat": place.get(PREFIX + name)}, "nested", "flat")
                 for name in KNOWN}  # fmt: skip
        if found["propensity"] is None and found["decision_id"] is None:
            continue
        call.propensity = propensity(found["propensity"])
        decision = text(found["decision_id"])
        if decision is not None:
            call.ids = (*call.ids, decision)
            call.trace = None if call.trace is None else decision
            call.extras["decision_id"] = decision
        call.extras |= {name: str(found[name]) for name in NOTED if found[name] is not None}
        _about_the_chosen(call, text(found["model"]), mapping(found["action_probs"]))
        return call
    return call


def _about_the_chosen(call: Call, chosen: str | None, candidates: Mapping[str, Any]) -> None:
    if chosen is None or call.model is None:
        return
    if loose_name(call.model) != loose_name(chosen):
        call.extras[STAND_IN] = True
        if call.status == STATUS_OK:
            names = {loose_name(name): name for name in candidates}
            served = names.get(loose_name(call.model), call.model)
            call.extras |= {"served_by": served, "served_cost_usd": call.cost_usd}
            call.status = str(FallbackReason.ERROR)
        call.cost_usd = call.latency_s = call.ttft_s = call.output_tokens = None
    call.model = chosen
