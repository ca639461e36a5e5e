"""What a new candidate borrows from its relatives, and what its own judged answers say beside that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.errors import CatalogError, InvalidInputError
from arbiter.records import Candidate, Query
from arbiter.router import Router

FloatArray = NDArray[np.float64]

RELATIVES = 3
"""Candidates that lend their estimates where nobody says which."""

LENT_SD = 0.08
"""Standard deviation of a model's quality around what its relatives lend it, in quality points: a prior."""

JUDGEMENT_SD = 0.35
"""Standard deviation of one judged answer around its expectation: that of a quality that is mostly 0 or 1."""

LENT_LENGTH = 1.0
"""Answers of measured length that what relatives lend of lengths counts as: models differ by as much as answers do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPrompt:
    """One judged answer of a candidate that is to be added.

    Attributes
    ----------
    query : the request, read by :func:`arbiter.intake.read_request`.
    quality : in [0, 1].
    output_tokens : that the answer was billed with, reasoning included; None where unknown. What a model costs hangs on
        it: one that reasons may write ten times what its relatives do.
    """

    query: Query
    quality: float
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """How the estimates of K' candidates follow from those of K.

    Attributes
    ----------
    mixing : (K', K), rows of sum 1.
    shift, variance : (K',) of quality; see :class:`arbiter.estimates.adopted.AdoptedQuality`.
    length_factor : (K',) by which answers are longer than the mean of those that lend.
    """

    mixing: FloatArray
    shift: FloatArray
    variance: FloatArray
    length_factor: FloatArray

    @classmethod
    def own(cls, mixing: FloatArray) -> "Lent":
        """Give everybody what is lent, and no more."""
        k = len(mixing)
        return cls(mixing=mixing, shift=np.zeros(k), variance=np.zeros(k), length_factor=np.ones(k))

    @classmethod
    def to_newcomer(
        cls, router: Router, candidate: Candidate, relatives: Mapping[str, float] | None, scored: Sequence[ScoredPrompt]
    ) -> "Lent":
        """Give the others what they have, and a newcomer, the last, what relatives lend it and its answers say.

        Parameters
        ----------
        router, candidate, relatives, scored : as of :func:`arbiter.lineup.with_candidate`.

        Raises
        ------
        CatalogError
            If a relative is unknown.
        InvalidInputError
            If weights, qualities or lengths are not such numbers.

        Notes
        -----
        The shift of quality is the posterior mean of a normal model: prior standard deviation ``LENT_SD`` around the
        relatives, ``JUDGEMENT_SD`` of one judgement around its expectation. The factor of lengths is the sum of those
        seen over the sum of those lent, shrunk on the log scale as if ``LENT_LENGTH`` more answers had the latter.
        """
        weights = _weights(router.catalog, relatives or _relatives(router.catalog, candidate))
        surprise, factor = _seen(router, weights, scored)
        precision = 1.0 / LENT_SD**2 + len(scored) / JUDGEMENT_SD**2
        k = len(router.catalog)
        return cls(
            mixing=np.concatenate([np.eye(k), weights[None, :]]),
            shift=np.append(np.zeros(k), surprise / JUDGEMENT_SD**2 / precision),
            variance=np.append(np.zeros(k), 1.0 / precision),
            length_factor=np.append(np.ones(k), factor),
        )


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


def _seen(router: Router, weights: FloatArray, scored: Sequence[ScoredPrompt]) -> tuple[float, float]:
    """Give what scored prompts say of a candidate beside what its relatives lend with these weights.

    Returns
    -------
    surprise : sum of (judged quality - quality lent).
    length_factor : of its answers against the lengths lent.
    """
    if not scored:
        return 0.0, 1.0
    judged = np.array([prompt.quality for prompt in scored])
    if not ((judged >= 0.0) & (judged <= 1.0)).all():
        raise InvalidInputError(f"scored qualities must lie in [0, 1], got {judged.min():.3g} to {judged.max():.3g}")
    expectation = router.outlook([prompt.query for prompt in scored]).expectation
    lengths = np.array([np.nan if p.output_tokens is None else p.output_tokens for p in scored], dtype=np.float64)
    if (lengths < 0.0).any() or np.isinf(lengths).any():
        raise InvalidInputError(f"scored answers have 0 output tokens or more, got {np.nanmin(lengths):.3g}")
    told = ~np.isnan(lengths)
    lent = np.exp(np.log(expectation.output_tokens[told]) @ weights).sum()
    n = int(told.sum())
    factor = (max(lengths[told].sum(), 1.0) / lent) ** (n / (n + LENT_LENGTH)) if n else 1.0
    return float((judged - expectation.quality @ weights).sum()), float(factor)
