"""Models come and go: a router over another list of candidates, without training anew.

Every function gives another router and leaves the one it was given alone; ``Arbiter.change`` serves it from then on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.errors import InvalidInputError
from arbiter.estimates.adopted import adopted
from arbiter.estimates.estimator import Estimator, Speed
from arbiter.lending import LENT_SD, Lent, ScoredPrompt
from arbiter.policies import BanditPolicy, GreedyPolicy
from arbiter.records import Candidate
from arbiter.router import Router
from arbiter.vocabulary import Status

__all__ = [
    "ScoredPrompt",
    "new_version",
    "only",
    "renamed",
    "repriced",
    "with_candidate",
    "with_status",
    "without_candidate",
]

FloatArray = NDArray[np.float64]

FORMER_STATE_TRUST = 0.1
"""What judgements count of a model that has a new version since, or is degraded, or recovered."""


def with_candidate(
    router: Router,
    candidate: Candidate,
    relatives: Mapping[str, float] | None = None,
    scored: Sequence[ScoredPrompt] = (),
) -> Router:
    """Add a candidate; its traffic is capped until enough of its answers have been judged.

    Parameters
    ----------
    router : over K candidates.
    candidate : the new one; its prices and speed are the catalog entry's own.
    relatives : name to weight of those whose quality and length it is taken to share; None takes up to three of its
        family, else of its tier, nearest in price.
    scored : judged answers of it, such as 20 to 50, which move its quality, and its lengths where they are told, from
        the relatives' to its own (:mod:`arbiter.lending`), and let it have more of the traffic at first.

    Returns
    -------
    router : over K + 1 candidates, the new one last.

    Raises
    ------
    CatalogError
        If the name is taken, or a relative is unknown.
    InvalidInputError
        If weights, qualities or lengths are not such numbers.
    """
    k, policy = len(router.catalog), router.policy
    lent = Lent.to_newcomer(router, candidate, relatives, scored)
    cap = policy.settings.newcomer_cap(len(scored)) if isinstance(policy, BanditPolicy) else 1.0
    arms = _Arms(old=[*range(k), None], caps=np.append(_caps(router), cap), trust=np.ones(k + 1))
    return _arranged(router, router.catalog.with_candidate(candidate), lent, arms)


def without_candidate(router: Router, name: str) -> Router:
    """Remove a candidate; what was learned of the others stays.

    Raises
    ------
    CatalogError
        If there is no such candidate.
    InvalidInputError
        If it is the last one.
    """
    if len(router.catalog) == 1:
        raise InvalidInputError(f"{name} is the only candidate left; add another one first")
    gone = router.catalog.position(name)
    kept = [k for k in range(len(router.catalog)) if k != gone]
    arms = _Arms(old=list(kept), caps=_caps(router)[kept], trust=np.ones(len(kept)))
    return _arranged(router, router.catalog.without(name), Lent.own(np.eye(len(router.catalog))[kept]), arms)


def only(router: Router, names: Collection[str]) -> Router:
    """Keep some candidates, in the router's order, and remove the others.

    Raises
    ------
    CatalogError
        If one is no candidate; the message hints at the nearest.
    InvalidInputError
        If no name is given.
    """
    if not names or isinstance(names, str):
        raise InvalidInputError(f"name the candidates to keep, as a collection of names; got {names!r:.80}")
    wanted = {router.catalog.position(name) for name in names}
    for name in [other for k, other in enumerate(router.catalog.names) if k not in wanted]:
        router = without_candidate(router, name)
    return router


def renamed(router: Router, old: str, new: str) -> Router:
    """Call a candidate by another name; it is the same model, and nothing that was learned changes.

    Feedback on decisions that chose it under the old name is learned as its own, as long as nobody else has that name.
    """
    former = (router.catalog[old].former_names | {old}) - {new}
    return replace(router, catalog=router.catalog.replace(old, name=new, former_names=former))


def repriced(router: Router, name: str, **prices: float) -> Router:
    """Change prices of a candidate, e.g. ``usd_per_mtok_in=1.0``; they act from the next decision on.

    Raises
    ------
    InvalidInputError
        If a field is not a price.
    """
    wrong = sorted(field for field in prices if not field.startswith("usd_per_mtok_"))
    if wrong or not prices:
        raise InvalidInputError(
            f"{', '.join(wrong) or 'nothing'} is no price; prices are named usd_per_mtok_in and so on"
        )
    return replace(router, catalog=router.catalog.replace(name, **prices))


def new_version(router: Router, name: str, /, **changes: Any) -> Router:
    """Put a new version of a model in the place of the old: estimates stay, what feedback taught counts a tenth.

    Parameters
    ----------
    router, name : whose entry changes.
    changes : fields of the catalog entry, such as ``name`` or prices. Under another name late feedback on the old
        version teaches nothing; under the same one it cannot be told from feedback on the new one.
    """
    return _doubted(router, name, LENT_SD**2, {"former_names": frozenset(), **changes})


def with_status(router: Router, name: str, status: Status | str) -> Router:
    """Say that a model is degraded, out, or has recovered.

    A model that is available or degraded may answer; any other status excludes it, and nothing that was learned is
    lost. Where answers become worse, or good again, what feedback taught before says little of them: at the change
    between available and degraded it counts a tenth, so that a few judgements of the new state outweigh it. Without a
    word from anybody the gate's alarm does the same, some judgements later.

    Raises
    ------
    InvalidInputError
        If there is no such status.
    """
    if status not in list(Status):
        raise InvalidInputError(f"unknown status {str(status)!r}; there are {', '.join(Status)}")
    known, told = router.catalog[name].status, Status(status)
    if known is told or Status.DEGRADED not in (known, told):
        return replace(router, catalog=router.catalog.replace(name, status=told))
    return _doubted(router, name, 0.0, {"status": told})


def _doubted(router: Router, name: str, variance: float, changes: Mapping[str, Any]) -> Router:
    """Change a candidate's entry and count what was learned of it a tenth; its estimate is less sure by a variance."""
    k, at = len(router.catalog), np.arange(len(router.catalog)) == router.catalog.position(name)
    lent = replace(Lent.own(np.eye(k)), variance=np.where(at, variance, 0.0))
    arms = _Arms(old=list(range(k)), caps=_caps(router), trust=np.where(at, FORMER_STATE_TRUST, 1.0))
    return _arranged(router, router.catalog.replace(name, **changes), lent, arms)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arms:
    """How the policy's arms follow; see :meth:`BanditPolicy.arranged`."""

    old: list[int | None]
    caps: FloatArray
    trust: FloatArray


def _arranged(router: Router, catalog: Catalog, lent: Lent, arms: _Arms) -> Router:
    policy = router.policy
    if isinstance(policy, BanditPolicy):
        policy = policy.arranged(arms.old, arms.caps, arms.trust)
    elif not isinstance(policy, GreedyPolicy):
        raise InvalidInputError(f"a {type(policy).__name__} cannot take another list of candidates; give it a new one")
    estimator = router.estimator
    return replace(
        router,
        catalog=catalog,
        policy=policy,
        estimator=Estimator(
            quality=adopted(estimator.quality, lent.mixing, lent.shift, lent.variance),
            length=estimator.length.mixed(lent.mixing, lent.length_factor),
            speed=_speed(estimator.speed, catalog, arms.old),
        ),
    )


def _speed(speed: Speed, catalog: Catalog, old: list[int | None]) -> Speed:
    """Keep the speeds that were measured; a new candidate has its catalog entry's."""
    prior = Speed.of(catalog)
    known = np.array([k is not None for k in old])
    places = np.array([0 if k is None else k for k in old])
    measured, assumed = speed.spread.log_factors, prior.spread.log_factors
    return Speed(
        ttft_s=np.where(known, speed.ttft_s[places], prior.ttft_s),
        output_tokens_per_s=np.where(known, speed.output_tokens_per_s[places], prior.output_tokens_per_s),
        dispersion=replace(prior.spread, log_factors=np.where(known, measured[:, places], assumed)),
    )


def _caps(router: Router) -> FloatArray:
    policy = router.policy
    return policy.caps if isinstance(policy, BanditPolicy) else np.ones(len(router.catalog))
