"""One prompt on several models at once, or on one model several times."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Unpack

from arbiter.ensembles import LEAST_AGREEMENT
from arbiter.errors import ArbiterError, InvalidInputError
from arbiter.execution import Chain, Execution
from arbiter.execution.aggregation import normalised, vote
from arbiter.intake import Request
from arbiter.route_options import RouteOptions, read_query
from arbiter.service import Arbiter
from arbiter.vocabulary import FeedbackSource

MOST_AT_ONCE = 32
"""Calls of one request at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What several models said to one prompt.

    Attributes
    ----------
    executions : model to its answer, in the order asked for; a model that failed is missing.
    errors : model to why it failed, or was refused.
    """

    executions: Mapping[str, Execution]
    errors: Mapping[str, ArbiterError]

    @property
    def cost_usd(self) -> float:
        """What the answers did cost together, as far as known."""
        return sum(execution.cost_usd for execution in self.executions.values())


def ask_models(
    service: Arbiter,
    request: Request,
    models: Sequence[str],
    *,
    params: Mapping[str, Any] | None = None,
    **options: Unpack[RouteOptions],
) -> Answers:
    """Run one prompt on given models in parallel.

    Each answer is a decision of its own whose only candidate is the model, so feedback on it teaches the router. No
    other model answers in its place.

    Parameters
    ----------
    service : calls them.
    request : a prompt, OpenAI messages, or a Query.
    models : candidates, each once.
    params : passed to the providers.
    options : as of ``route``; ``allow`` is the model's own.

    Raises
    ------
    InvalidInputError
        If a model is named twice or none is, or the request or an option is wrong.
    CatalogError
        If one is no candidate.
    """
    if not models or len(set(models)) < len(models):
        raise InvalidInputError(f"give each model once, and one at least; got {', '.join(models) or 'none'}")
    for name in models:
        service.router.catalog.position(name)
    query = read_query(request, options)
    found = _all(service, query, [frozenset({name}) for name in models], params)
    pairs = list(zip(models, found, strict=True))
    return Answers(
        executions={name: one for name, one in pairs if isinstance(one, Execution)},
        errors={name: one for name, one in pairs if isinstance(one, ArbiterError)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """Whether a model says the same again.

    Attributes
    ----------
    model : who was asked.
    executions : its answers.
    agreement : share of the answers that say what most of them say, in [0, 1].
    answer : one that says it.
    consistent : whether the agreement is as great as was asked for.
    """

    model: str
    executions: tuple[Execution, ...]
    agreement: float
    answer: Execution
    consistent: bool


def check_consistency(
    service: Arbiter,
    request: Request,
    samples: int = 5,
    *,
    params: Mapping[str, Any] | None = None,
    **options: Unpack[RouteOptions],
) -> Consistency:
    """Ask the routed model several times, and see whether it says the same.

    Answers are compared by :func:`arbiter.execution.aggregation.normalised`: short or marked ones. Each is judged by
    the share of the *other* answers that say the same, as implicit feedback: agreement is a sign of quality (Wang et
    al., 2023), not quality.

    Parameters
    ----------
    service : routes and calls.
    request : a prompt, OpenAI messages, or a Query.
    samples : how often it is asked, 2 or more; all are paid for.
    params : passed to the provider; temperature 0.7 where it says none, since at 0 answers agree whatever they are.
    options : as of ``route``.

    Raises
    ------
    InvalidInputError
        If there are too few samples, or the request or an option is wrong.
    AllCandidatesFailedError
        If fewer than two answers came.
    """
    if samples < 2:
        raise InvalidInputError(f"consistency takes 2 samples or more, got {samples}")
    query, warm = read_query(request, options), {"temperature": 0.7, **(params or {})}
    first = service.complete(query, params=warm)
    rest = _all(service, query, [frozenset({first.model})] * (samples - 1), warm)
    came = [first, *(one for one in rest if isinstance(one, Execution))]
    if len(came) < 2:
        raise next(one for one in rest if isinstance(one, ArbiterError))
    said = [normalised(one.text) for one in came]
    counted = vote(said, [1.0] * len(said))
    for one, text in zip(came, said, strict=True):
        alike = (said.count(text) - 1) / (len(said) - 1)
        service.feedback(one.decision.id, quality=alike, source=FeedbackSource.IMPLICIT, key="consistency")
    return Consistency(
        model=first.model,
        executions=tuple(came),
        agreement=counted.agreement,
        answer=came[counted.winner],
        consistent=counted.agreement >= LEAST_AGREEMENT,
    )


def _all(
    service: Arbiter, request: Request, allowed: Sequence[frozenset[str]], params: Mapping[str, Any] | None
) -> list[Execution | ArbiterError]:
    def one(allow: frozenset[str]) -> Execution | ArbiterError:
        try:
            return service.complete(request, params=params, plan=Chain(), allow=allow)
        except ArbiterError as error:
            return error

    with ThreadPoolExecutor(min(len(allowed), MOST_AT_ONCE)) as pool:
        return list(pool.map(one, allowed))
