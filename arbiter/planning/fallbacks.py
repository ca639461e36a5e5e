"""Who follows where a model fails."""

from collections.abc import Sequence

from arbiter.catalog import Catalog
from arbiter.planning.availability import chain_availability
from arbiter.planning.relaxing import Relaxed
from arbiter.planning.use_case import PlanSpec, UseCase
from arbiter.planning.workloads import STRATEGY_ROWS, other_vendor_first, strategy_of

AVAILABILITY = "min_availability"


def choose_fallbacks(
    case: UseCase, primary: str, fit: Sequence[str], catalog: Catalog, spec: PlanSpec
) -> tuple[tuple[str, ...], tuple[Relaxed, ...]]:
    """Choose the models that follow the primary.

    As many as the strategy keeps, by utility; where availability matters, those of vendors that the chain does not have
    yet come first (see :func:`arbiter.planning.workloads.other_vendor_first`).
    Declared fallbacks are followed as they are. A chain that must reach a named availability grows beyond the
    strategy's number until it does.

    Parameters
    ----------
    case : the use case.
    primary : asked first.
    fit : models that may serve it, by falling utility.
    catalog : holds them.
    spec : carries declared fallbacks and the common cause.

    Returns
    -------
    fallbacks : in the order in which they are asked.
    short : the availability that the chain does not reach, where one is named and it does not.
    """
    if primary in spec.fallbacks:
        chain = _declared(primary, spec)
    else:
        chain = [primary]
        rest = [model for model in fit if model != primary]
        while rest and (len(chain) <= STRATEGY_ROWS[strategy_of(case)] or _is_short(case, chain, catalog, spec)):
            chosen = _next(case, chain, rest, catalog)
            chain.append(chosen)
            rest.remove(chosen)
    return tuple(chain[1:]), _short(case, chain, catalog, spec)


def _declared(primary: str, spec: PlanSpec) -> list[str]:
    chain = [primary]
    while chain[-1] in spec.fallbacks:
        chain.append(spec.fallbacks[chain[-1]])
    return chain


def _next(case: UseCase, chain: Sequence[str], rest: Sequence[str], catalog: Catalog) -> str:
    if not other_vendor_first(case):
        return rest[0]
    taken = {catalog[model].provider for model in chain}
    return next((model for model in rest if catalog[model].provider not in taken), rest[0])


def _reached(chain: Sequence[str], catalog: Catalog, spec: PlanSpec) -> float:
    return chain_availability([catalog[model] for model in chain], spec.assumptions.common_cause)


def _is_short(case: UseCase, chain: Sequence[str], catalog: Catalog, spec: PlanSpec) -> bool:
    wanted = case.limits.min_availability
    return wanted is not None and _reached(chain, catalog, spec) < wanted


def _short(case: UseCase, chain: Sequence[str], catalog: Catalog, spec: PlanSpec) -> tuple[Relaxed, ...]:
    if not _is_short(case, chain, catalog, spec):
        return ()
    wanted, got = case.limits.min_availability, _reached(chain, catalog, spec)
    text = "loosen the other limits so that a model of another vendor may follow"
    return (Relaxed(limit=AVAILABILITY, wanted=f"{wanted:g}", got=f"{got:.6f}", to_keep=(text,)),)
