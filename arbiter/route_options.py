"""What a call of ``route`` may ask for besides the request, checked here once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict

from arbiter.errors import InvalidInputError
from arbiter.intake import Request, is_storable, read_request
from arbiter.records import Query, Requirements
from arbiter.strategies import read_strategy
from arbiter.vocabulary import Capability


class RouteOptions(TypedDict, total=False):
    """What a call may ask for besides the request; see :class:`arbiter.records.Requirements` and ``Query``."""

    capabilities: frozenset[Capability]
    max_cost_usd: float | None
    max_latency_s: float | None
    min_quality: float | None
    max_output_tokens: int | None
    latency_quantile: float | None
    local_only: bool
    regions: frozenset[str]
    compliance: frozenset[str]
    languages: frozenset[str]
    allow: frozenset[str] | None
    deny: frozenset[str]
    strategy: str | None
    session_id: str | None
    user: str | None
    cached_input_tokens: int
    batch: bool


OF_QUERY = ("session_id", "user")
BILLED = ("cached_input_tokens", "batch")


def read_query(request: Request, options: RouteOptions) -> Query:
    """Read a request with the options of its call.

    Parameters
    ----------
    request : a prompt, OpenAI messages, or a Query.
    options : limits and wishes; each one that is named goes before the Query's own, the others stay.

    Raises
    ------
    InvalidInputError
        If the request, or the name or value of an option, is wrong.
    """
    known = RouteOptions.__optional_keys__
    unknown = sorted(set(options) - known)
    if unknown:
        raise InvalidInputError(f"unknown option {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    query = read_request(request)
    required = {name: value for name, value in options.items() if name not in (*OF_QUERY, *BILLED, "strategy")}
    changes: dict[str, object] = {name: _text(name, value) for name, value in options.items() if name in OF_QUERY}
    changes |= {name: _billed(name, options[name]) for name in BILLED if name in options}  # type: ignore[literal-required]
    if required:
        changes["requirements"] = _limited(query.requirements, required)
    if options.get("strategy") is not None:
        changes["strategy"] = read_strategy(str(options["strategy"]))
    return replace(query, **changes) if changes else query  # type: ignore[arg-type]  # fields of Query by name


def _text(name: str, value: object) -> str | None:
    if value is not None and not is_storable(value):
        raise InvalidInputError(
            f"{name} must be a text without half characters and zero bytes, or None; got {value!r:.80}"
        )
    return value if isinstance(value, str) else None


def _billed(name: str, value: object) -> int | bool:
    if name == "batch" and isinstance(value, bool):
        return value
    if name == "cached_input_tokens" and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    wanted = "True or False" if name == "batch" else "a whole number from 0 up"
    raise InvalidInputError(f"{name} must be {wanted}, got {value!r:.80}")


def _limited(own: Requirements, required: Mapping[str, object]) -> Requirements:
    try:
        return replace(own, **required)  # type: ignore[arg-type]  # fields of Requirements by name
    except InvalidInputError:
        raise
    except TypeError as error:  # such as a text where a number belongs
        given = ", ".join(f"{name}={value!r:.80}" for name, value in required.items())
        raise InvalidInputError(f"an option is of the wrong type ({error}); got {given}") from error
