"""What litellm tells a callback of one call, read into arbiter's terms; needs no litellm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arbiter.catalog import Catalog
from arbiter.errors import InvalidInputError
from arbiter.execution.failures import rule_of
from arbiter.intake import read_request
from arbiter.quiet_litellm import ARBITER_KEY, RECORDED
from arbiter.records import Query
from arbiter.vocabulary import FallbackReason

CHAT = ("completion", "acompletion")
"""The kinds of call that a router chooses for; embeddings, images and speech are others."""

NOT_ASKED_FOR = ("internal_call_origin", "is_silent_experiment")
"""Marks of litellm on calls that no caller sent: its routers' classifiers, judges, mirrored traffic."""

TOKENS_PER_MTOK = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class LitellmCall:
    """One call that is over.

    Attributes
    ----------
    query : the request; its text is empty where litellm was told to keep messages back.
    model : the catalog's name where it knows the model, else litellm's.
    ok : whether it answered.
    cost_usd : litellm's price, else the catalog's; None where nobody knows one, or the call failed.
    latency_s : until the last token.
    ttft_s : until the first one of a stream; None else.
    input_tokens, output_tokens : as counted; None where nobody counted, such as for a stream without ``include_usage``.
    response_id : of the answer; None where there is none.
    decision_id : the decision that chose the model; None where arbiter did not.
    reason : why it failed; None where it did not.
    """

    query: Query
    model: str
    ok: bool
    cost_usd: float | None
    latency_s: float
    ttft_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    response_id: str | None
    decision_id: str | None
    reason: FallbackReason | None


def read_call(kwargs: Mapping[str, Any], catalog: Catalog) -> LitellmCall | None:
    """Read what a callback was given.

    Parameters
    ----------
    kwargs : litellm's, of a success or a failure.
    catalog : whose names are used.

    Returns
    -------
    call : None for one that is no traffic: not a chat, an answer out of a cache, a call that nobody asked for, or one
        that arbiter made and recorded itself; or that a Router refused before it had chosen a deployment.
    """
    payload: Mapping[str, Any] = kwargs.get("standard_logging_object") or {}
    metadata = metadata_of(kwargs.get("litellm_params") or {})
    own = metadata.get(ARBITER_KEY) or {}
    if payload.get("call_type") not in CHAT or payload.get("cache_hit") or own.get(RECORDED):
        return None
    if any(metadata.get(mark) for mark in NOT_ASKED_FOR) or (
        "model_group" in metadata and "deployment" not in metadata
    ):
        return None
    ok = payload.get("status") == "success"
    error = kwargs.get("exception")
    began, first, ended = (float(payload.get(name) or 0.0) for name in ("startTime", "completionStartTime", "endTime"))
    model = named(catalog, str(payload.get("model") or kwargs.get("model")), metadata.get("model_info") or {})
    return LitellmCall(
        query=_query(kwargs, payload, metadata),
        model=model,
        ok=ok,
        cost_usd=_cost_usd(payload, catalog, model) if ok else None,
        latency_s=max(ended - began, 0.0),
        ttft_s=max(first - began, 0.0) if ok and payload.get("stream") and first else None,
        input_tokens=_tokens(payload, "prompt_tokens"),
        output_tokens=_tokens(payload, "completion_tokens"),
        response_id=str(payload["id"]) if ok and payload.get("id") else None,
        decision_id=own.get("decision_id"),
        reason=rule_of(error).reason if isinstance(error, BaseException) else None if ok else FallbackReason.ERROR,
    )


def metadata_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the metadata of a call; litellm keeps it under two names."""
    return {**(params.get("litellm_metadata") or {}), **(params.get("metadata") or {})}


def named(catalog: Catalog, model: str, model_info: Mapping[str, Any]) -> str:
    """Give the catalog's name of a model, else the given one; a deployment of Azure tells it as its base model."""
    for name in (model_info.get("base_model"), model):
        candidate = catalog.resolve(name) if isinstance(name, str) else None
        if candidate is not None:
            return candidate.name
    return model


def _query(kwargs: Mapping[str, Any], payload: Mapping[str, Any], metadata: Mapping[str, Any]) -> Query:
    messages = kwargs.get("messages")
    asked: Query | None = None
    if isinstance(messages, Sequence) and not isinstance(messages, str):
        try:
            asked = read_request([message for message in messages if isinstance(message, Mapping)])
        except InvalidInputError:  # no turn of a user, or messages that litellm was told to keep back
            asked = None
    known = asked or Query(text="", input_tokens=int(payload.get("prompt_tokens") or 0))
    session = metadata.get("session_id") or payload.get("session_id")
    user = kwargs.get("user") or payload.get("end_user")
    return Query(
        text=known.text,
        context=known.context,
        system=known.system,
        input_tokens=known.input_tokens,
        n_images=known.n_images,
        messages=known.messages,
        session_id=str(session) if session else None,
        user=str(user) if user else None,
    )


def _cost_usd(payload: Mapping[str, Any], catalog: Catalog, model: str) -> float | None:
    cost = payload.get("response_cost")
    if cost:
        return float(cost)
    tokens_in, tokens_out = _tokens(payload, "prompt_tokens"), _tokens(payload, "completion_tokens")
    if model not in catalog or tokens_in is None or tokens_out is None:
        return None  # 0 is what litellm says where it knows no price, too
    entry = catalog[model]
    return (tokens_in * entry.usd_per_mtok_in + tokens_out * entry.usd_per_mtok_out) / TOKENS_PER_MTOK


def _tokens(payload: Mapping[str, Any], name: str) -> int | None:
    """Give a count; litellm says 0 of both where it has none, and no answer to a request has no tokens at all."""
    counted = any(payload.get(known) for known in ("prompt_tokens", "completion_tokens"))
    return int(payload.get(name) or 0) if counted else None
