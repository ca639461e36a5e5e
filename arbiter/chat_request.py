"""What a caller of OpenAI's chat interface asks for, read into a request, its options, and what the provider gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arbiter.catalog import Catalog
from arbiter.errors import InvalidInputError, UnknownModelError
from arbiter.route_options import RouteOptions
from arbiter.vocabulary import Capability

AUTO = "auto"
"""The model that means: whichever is best."""

NOTHING_GIVEN = ("NotGiven", "Omit")
"""Classes by which the SDK's users say that they give nothing."""

Capabilities = str | Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One call of ``chat.completions.create``.

    Attributes
    ----------
    messages : as mappings.
    params : for the provider, in OpenAI's names, untouched.
    options : as of :meth:`arbiter.Arbiter.route`.
    """

    messages: list[Mapping[str, Any]]
    params: Mapping[str, Any]
    options: RouteOptions


def read_chat(catalog: Catalog, messages: Sequence[Any], model: str, given: Mapping[str, Any]) -> ChatRequest:
    """Read a call.

    Parameters
    ----------
    catalog : whose models can be named.
    messages : mappings, or messages of the SDK's, such as the ``message`` of an earlier answer.
    model : ``auto``, or one of the catalog, which is then the only candidate.
    given : everything else: ``capability`` and ``arbiter`` are arbiter's own (the latter may also be in ``extra_body``,
        where the SDK's types allow it), ``user`` and the ``session_id`` of ``metadata`` are read and passed on, the
        rest is passed on.

    Raises
    ------
    UnknownModelError
        If the catalog has no such model.
    InvalidInputError
        If something else is wrong.
    """
    params = {name: value for name, value in given.items() if type(value).__name__ not in NOTHING_GIVEN}
    if params.get("timeout", 0) is None:
        del params["timeout"]
    own = _own(params)
    options: RouteOptions = dict(own)  # type: ignore[assignment]  # read_query checks it
    needed = _capabilities(params.pop("capability", None))
    if needed:
        options["capabilities"] = frozenset(options.get("capabilities", ())) | needed
    _identify(options, params)
    if model != AUTO:
        options["allow"] = frozenset({_known(catalog, model)})
    return ChatRequest(messages=[_mapping(message) for message in messages], params=params, options=options)


def _own(params: dict[str, Any]) -> Mapping[str, Any]:
    """Take arbiter's own options out of the parameters."""
    own, body = params.pop("arbiter", None), params.get("extra_body")
    if own is None and isinstance(body, Mapping) and "arbiter" in body:
        own = body["arbiter"]
        params["extra_body"] = {name: value for name, value in body.items() if name != "arbiter"}
    if own is not None and not isinstance(own, Mapping):
        raise InvalidInputError(f"arbiter must be a mapping of options such as max_cost_usd, got {own!r:.80}")
    return own or {}


def _capabilities(given: Capabilities) -> frozenset[Capability]:
    names = () if given is None else (given,) if isinstance(given, str) else given
    try:
        return frozenset(Capability(name) for name in names)
    except ValueError:
        raise InvalidInputError(f"unknown capability in {given!r}; there are {', '.join(Capability)}") from None


def _identify(options: RouteOptions, params: Mapping[str, Any]) -> None:
    """Take the user and the session from where OpenAI's callers say them, unless they are among the options."""
    user, metadata = params.get("user"), params.get("metadata")
    session = metadata.get("session_id") if isinstance(metadata, Mapping) else None
    if user is not None:
        options.setdefault("user", user)
    if session is not None:
        options.setdefault("session_id", session)


def _known(catalog: Catalog, model: str) -> str:
    candidate = catalog.resolve(model) if isinstance(model, str) else None
    if candidate is None:
        raise UnknownModelError(f"there is no model {model!r}; there are {AUTO}, {', '.join(catalog.names)}")
    return candidate.name


def _mapping(message: Any) -> Mapping[str, Any]:
    """Give a message of the SDK's as a mapping, without the fields that were not set; a mapping as it is."""
    dump = getattr(message, "model_dump", None)
    return message if dump is None else dict(dump(exclude_none=True))
