"""What candidates have in common before any outcome is known: price, tier, size, family."""

import re

import numpy as np

from arbiter.catalog import Catalog
from arbiter.records import Candidate
from arbiter.vocabulary import Tier
from arbiter_training.estimates.data import FloatArray

LEAST_PRICE = 1e-3
"""Dollars per million tokens below which a price counts as this: free is not infinitely cheap on a logarithm."""

FAMILY_SHARE = 0.5
"""Share of the kinship that the family decides; price, tier and size decide the rest."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)b(?![a-z])")
_WORD = re.compile(r"[a-z]+")


def traits(catalog: Catalog) -> FloatArray:
    """Give the (K, 4) log prices in and out, tier and log size, each of mean 0 and variance 1, or 0 throughout.

    The size is read from the name, in billions of parameters; one that is not written there takes the mean of the rest.
    """
    prices = np.stack([catalog.arrays.usd_per_mtok_in, catalog.arrays.usd_per_mtok_out], axis=1)
    rank = {tier: i for i, tier in enumerate(Tier)}
    sizes = np.array([_size(candidate) for candidate in catalog])
    sizes = np.where(np.isnan(sizes), np.nanmean(sizes) if not np.isnan(sizes).all() else 0.0, sizes)
    tiers = np.array([float(rank[candidate.tier]) for candidate in catalog])
    raw = np.column_stack([np.log10(np.maximum(prices, LEAST_PRICE)), tiers, sizes])
    spread = raw.std(axis=0)
    return np.asarray((raw - raw.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0))


def families(catalog: Catalog) -> FloatArray:
    """Give the (K, f) one-hot family, as the catalog names it or as the candidate's name begins."""
    named = [_family(candidate) for candidate in catalog]
    return np.asarray(np.array(named)[:, None] == np.array(sorted(set(named))), dtype=np.float64)


def kinship(catalog: Catalog) -> FloatArray:
    """Give the (K, K) likeness of candidates, in [0, 1] with 1 on the diagonal; positive semidefinite.

    Half is whether they are of one family, half how near their traits lie (a squared exponential of their mean square
    distance).
    """
    x, family = traits(catalog), families(catalog)
    distance = ((x[:, None, :] - x[None, :, :]) ** 2).mean(axis=2)
    return np.asarray(FAMILY_SHARE * (family @ family.T) + (1.0 - FAMILY_SHARE) * np.exp(-0.5 * distance))


def describe(catalog: Catalog) -> FloatArray:
    """Give the (K, K + 4) identity and traits by which the trees tell candidates apart."""
    return np.concatenate([np.eye(len(catalog)), traits(catalog)], axis=1)


def _size(candidate: Candidate) -> float:
    found = _SIZE.findall(candidate.name.lower())
    return float(np.log10(float(found[-1]))) if found and float(found[-1]) > 0 else float("nan")


def _family(candidate: Candidate) -> str:
    if candidate.family:
        return candidate.family.lower()
    words = _WORD.findall(candidate.name.lower().rsplit("/", 1)[-1])
    return words[0] if words else candidate.name
