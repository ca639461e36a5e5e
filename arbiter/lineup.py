"""Models come and go: a router over another list of candidates, without training anew.

Every function gives another router and leaves the one it was given alone; ``Arbiter.change`` serves it from then on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.errors import CatalogError, InvalidInputError
from arbiter.estimates.adopted import adopted
from arbiter.estimates.estimator import Estimator, Speed
from arbiter.policies import BanditPolicy, GreedyPolicy
from arbiter.records import Candidate, Query
from arbiter.router import Router
from arbiter.vocabulary import Status

FloatArray = NDArray[np.float64]

RELATIVES = 3
"""Candidates that lend their estimates where nobody says which."""

LENT_SD = 0.08
"""Standard deviation of a model's quality around what its relatives lend it, in quality points: a prior."""

JUDGEMENT_SD = 0.35
"""Standard deviation of one judged answer around its expectation: that of a quality that is mostly 0 or 1."""

FORMER_STATE_TRUST = 0.1
"""What judgements count of a model that has a new version since, or is degraded, or recovered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPrompt:
    """One judged answer of a candidate that is to be added.

    Attributes
    ----------
    query : the request, read by :func:`arbiter.intake.read_request`.
    quality : in [0, 1].
    """

    query: Query
    quality: float


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
    scored : judged answers of it, such as 20 to 50, which move its quality from the relatives' to its own.

    Returns
    -------
    router : over K + 1 candidates, the new one last.

    Raises
    ------
    CatalogError
        If the name is taken, or a relative is unknown.
    InvalidInputError
        If weights or qualities are not such numbers.

    Notes
    -----
    The shift by scored prompts is the posterior mean of a normal model: prior standard deviation ``LENT_SD`` around
    the relatives, ``JUDGEMENT_SD`` of one judgement around its expectation.
    """
    catalog = router.catalog.with_candidate(candidate)
    lent = _weights(router.catalog, relatives or _relatives(router.catalog, candidate))
    surprise = _surprise(router, lent, scored)
    precision = 1.0 / LENT_SD**2 + len(scored) / JUDGEMENT_SD**2
    k = len(router.catalog)
    return _arranged(
        router,
        catalog,
        mixing=np.concatenate([np.eye(k), lent[None, :]]),
        shift=np.append(np.zeros(k), surprise / JUDGEMENT_SD**2 / precision),
        variance=np.append(np.zeros(k), 1.0 / precision),
        arms=_Arms(old=[*range(k), None], newcomers=np.append(_newcomers(router), True), trust=np.ones(k + 1)),
    )


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
    return _arranged(
        router,
        router.catalog.without(name),
        mixing=np.eye(len(router.catalog))[kept],
        shift=np.zeros(len(kept)),
        variance=np.zeros(len(kept)),
        arms=_Arms(old=list(kept), newcomers=_newcomers(router)[kept], trust=np.ones(len(kept))),
    )


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
    return _arranged(
        router,
        router.catalog.replace(name, **changes),
        mixing=np.eye(k),
        shift=np.zeros(k),
        variance=np.where(at, variance, 0.0),
        arms=_Arms(old=list(range(k)), newcomers=_newcomers(router), trust=np.where(at, FORMER_STATE_TRUST, 1.0)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arms:
    """How the policy's arms follow; see :meth:`BanditPolicy.arranged`."""

    old: list[int | None]
    newcomers: NDArray[np.bool_]
    trust: FloatArray


def _arranged(
    router: Router, catalog: Catalog, *, mixing: FloatArray, shift: FloatArray, variance: FloatArray, arms: _Arms
) -> Router:
    policy = router.policy
    if isinstance(policy, BanditPolicy):
        policy = policy.arranged(arms.old, arms.newcomers, arms.trust)
    elif not isinstance(policy, GreedyPolicy):
        raise InvalidInputError(f"a {type(policy).__name__} cannot take another list of candidates; give it a new one")
    estimator = router.estimator
    return replace(
        router,
        catalog=catalog,
        policy=policy,
        estimator=Estimator(
            quality=adopted(estimator.quality, mixing, shift, variance),
            length=estimator.length.mixed(mixing),
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


def _newcomers(router: Router) -> NDArray[np.bool_]:
    policy = router.policy
    return policy.newcomers if isinstance(policy, BanditPolicy) else np.zeros(len(router.catalog), dtype=np.bool_)


def _relatives(catalog: Catalog, candidate: Candidate) -> dict[str, float]:
    family = [other for other in catalog if candidate.family and other.family == candidate.family]
    tier = [other for other in catalog if other.tier == candidate.tier]
    near = sorted(
        family or tier or list(catalog),
        key=lambda other: abs(np.log((other.usd_per_mtok_out + 0.01) / (candidate.usd_per_mtok_out + 0.01))),
    )
    return {other.name: 1.0 for other in near[:RELATIVES]}


def _weights(catalog: Catalog, relatives: Mapping[str, float]) -> FloatArray:
    weights = np.zeros(len(catalog))
    for name, weight in relatives.items():
        if name not in catalog:
            raise CatalogError(f"relative {name!r} is not in the catalog; it has {', '.join(catalog.names)}")
        weights[catalog.position(name)] = weight
    if not (np.isfinite(weights).all() and (weights >= 0.0).all() and weights.sum() > 0.0):
        raise InvalidInputError(f"weights of relatives must be numbers from 0 up, not all 0; got {dict(relatives)}")
    return np.asarray(weights / weights.sum())


def _surprise(router: Router, lent: FloatArray, scored: Sequence[ScoredPrompt]) -> float:
    """Give the sum of (judged quality - quality that the relatives lend) over the scored prompts."""
    if not scored:
        return 0.0
    judged = np.array([prompt.quality for prompt in scored])
    if not ((judged >= 0.0) & (judged <= 1.0)).all():
        raise InvalidInputError(f"scored qualities must lie in [0, 1], got {judged.min():.3g} to {judged.max():.3g}")
    quality = router.outlook([prompt.query for prompt in scored]).expectation.quality
    return float((judged - quality @ lent).sum())
