"""arbiter inside a litellm Router: it chooses the model of a request, litellm the deployment, retries and cooldowns."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arbiter.completing import demanding
from arbiter.errors import ArbiterError, InvalidInputError
from arbiter.intake import read_request
from arbiter.integrations.litellm_calls import named
from arbiter.quiet_litellm import ARBITER_KEY, carrying, decision_metadata
from arbiter.records import Decision, Query
from arbiter.route_options import RouteOptions, read_query
from arbiter.service import Arbiter

if TYPE_CHECKING:
    from litellm.router import Router as LitellmRouter

logger = logging.getLogger(__name__)

HELD = "arbiter_held"
"""Key of a request's metadata: what was decided for it, whom to ask in which order, and who was asked so far."""

TRACE = "litellm_trace_id"
"""Argument by which litellm's Router joins the calls of one request."""

EXCLUDED = "_excluded_deployment_ids"
"""Where litellm's Router is told which deployments of a group are not to be taken for a request (1.106.2)."""

Kwargs = dict[str, Any]


def route_with(router: "LitellmRouter", service: Arbiter, groups: Collection[str] = ("auto",)) -> None:
    """Let arbiter choose the model within model groups of a litellm Router.

    A group lists deployments of several models under one ``model_name``. For a request to it arbiter chooses among the
    models that litellm has a deployment for which does not cool down; which of that model's deployments answers is
    left to the Router's own strategy. A retry is no new decision: it asks whoever was asked least, in the order of the
    decision's fallbacks, and what it brings is an outcome of that decision. Other groups are as before.

    The decision travels in the call's metadata, under ``arbiter``: id, model, propensity, probabilities; and litellm
    keeps it in its own logs, under ``spend_logs_metadata``, from where `arbiter import` reads it. Add
    :func:`arbiter.integrations.litellm_log.litellm_callback` to have outcomes recorded. Options of
    :meth:`arbiter.Arbiter.route` go the same way: ``metadata={"arbiter": {"strategy": "cost_first"}}``.

    Parameters
    ----------
    router : synchronous and asynchronous calls of it are routed from now on.
    service : knows the models by the names that they have in its catalog, with or without a provider's prefix.
    groups : the model groups that arbiter chooses within.

    Raises
    ------
    InvalidInputError
        If a group has no deployment of a model that the service's catalog knows.
    """
    strategy = _Strategy(router, service, frozenset(groups))
    for group in groups:
        if not strategy.places(group):
            raise InvalidInputError(
                f"the Router has no deployment under the model_name {group!r} whose model is one of "
                f"{', '.join(service.router.catalog.names)}; add them to its model_list"
            )
    router.set_custom_routing_strategy(strategy)


class _Strategy:
    """What the Router asks for a deployment; the methods are those of litellm's CustomRoutingStrategyBase."""

    def __init__(self, router: "LitellmRouter", service: Arbiter, groups: frozenset[str]) -> None:
        self._router = router
        self._service = service
        self._groups = groups
        self._choose = router.get_available_deployment  # the Router's own, or what a strategy before this one put there
        self._achoose = router.async_get_available_deployment

    def get_available_deployment(
        self,
        model: str,
        messages: Sequence[Mapping[str, Any]] | None = None,
        input: Any = None,  # noqa: A002  # litellm's name
        specific_deployment: bool | None = False,
        request_kwargs: Kwargs | None = None,
    ) -> Any:
        """Give a deployment of the model that arbiter chose."""
        kwargs: Kwargs = {} if request_kwargs is None else request_kwargs
        if model in self._groups and messages and not specific_deployment:
            self._narrow(model, messages, kwargs)
        return self._choose(
            model=model,
            messages=messages,
            input=input,
            specific_deployment=specific_deployment,
            request_kwargs=kwargs,
        )

    async def async_get_available_deployment(
        self,
        model: str,
        request_kwargs: Kwargs,
        messages: Sequence[Mapping[str, Any]] | None = None,
        input: Any = None,  # noqa: A002  # litellm's name
        specific_deployment: bool | None = False,
    ) -> Any:
        """Do the same on an event loop, which waits for nothing meanwhile."""
        if model in self._groups and messages and not specific_deployment:
            await asyncio.to_thread(self._narrow, model, messages, request_kwargs)
        return await self._achoose(
            model=model,
            request_kwargs=request_kwargs,
            messages=messages,
            input=input,
            specific_deployment=specific_deployment,
        )

    def places(self, group: str) -> dict[str, set[str]]:
        """Give the catalog's models that the group can call just now, each with the ids of its deployments."""
        from litellm.router_utils.cooldown_handlers import get_cooldown_deployments  # the Router has imported it

        cooling = set(get_cooldown_deployments(litellm_router_instance=self._router, parent_otel_span=None))
        catalog, found = self._service.router.catalog, dict[str, set[str]]()
        for deployment in self._router.get_model_list(model_name=group) or ():
            info = deployment.get("model_info") or {}
            name = named(catalog, deployment["litellm_params"]["model"], info)
            if name in catalog and info["id"] not in cooling:
                found.setdefault(name, set()).add(info["id"])
        return found

    def _narrow(self, group: str, messages: Sequence[Mapping[str, Any]], kwargs: Kwargs) -> None:
        """Choose, and leave litellm only the choice's deployments; where nothing can be chosen, all of them."""
        key = "litellm_metadata" if "litellm_metadata" in kwargs else "metadata"
        metadata = kwargs.setdefault(key, {})
        places = self.places(group)
        held = metadata.get(HELD) if metadata.get("attempted_retries") else None
        if held is None or held["trace"] != kwargs.get(TRACE):  # callers share their metadata between requests
            held = self._decided(messages, kwargs, metadata, places)
        if held is None:
            logger.warning("litellm's own strategy chooses for %s: no model to choose from, or no user's turn", group)
            return
        metadata[HELD] = held
        kwargs[key] = carrying(metadata, held["decision"])
        left = [model for model in held["order"] if model in places]
        if left:  # an emergency choice need not be among them
            model = min(left, key=held["asked"].count)
            held["asked"].append(model)
            others = self._listed(group) - places[model]
            kwargs[EXCLUDED] = sorted(others | set(kwargs.get(EXCLUDED) or ()))

    def _decided(
        self,
        messages: Sequence[Mapping[str, Any]],
        kwargs: Kwargs,
        metadata: Mapping[str, Any],
        places: Collection[str],
    ) -> dict[str, Any] | None:
        """Decide, and give what retries need of it; None where nothing can be chosen."""
        query = _query(messages, kwargs, metadata)
        if not places or query is None:
            return None
        decision = self._route(query, frozenset(places))
        likely = sorted(decision.action_probs, key=lambda model: -decision.utilities.get(model, 0.0))
        order = dict.fromkeys((decision.model, *decision.fallbacks, *likely))
        told = decision_metadata(decision)
        return {"trace": kwargs.get(TRACE), "decision": told, "order": list(order), "asked": []}

    def _route(self, query: Query, allow: frozenset[str]) -> Decision:
        own = query.requirements.allow
        try:
            return self._service.route(query, allow=allow if own is None else allow & own)
        except ArbiterError as error:
            error.num_retries = 0  # type: ignore[attr-defined]  # litellm reads it: asking again would change nothing
            raise

    def _listed(self, group: str) -> set[str]:
        return {deployment["model_info"]["id"] for deployment in self._router.get_model_list(model_name=group) or ()}


def _query(messages: Sequence[Mapping[str, Any]], kwargs: Kwargs, metadata: Mapping[str, Any]) -> Query | None:
    """Read a request with what its call demands and wishes; None where it has no turn of a user."""
    try:
        request = read_request(messages)
    except InvalidInputError:
        return None
    options: RouteOptions = dict(metadata.get(ARBITER_KEY) or {})  # type: ignore[assignment]  # read_query checks it
    session, user = metadata.get("session_id") or kwargs.get("litellm_session_id"), kwargs.get("user")
    if session is not None:
        options.setdefault("session_id", str(session))
    if user is not None:
        options.setdefault("user", str(user))
    return demanding(read_query(request, options), kwargs)
