"""Groups of texts that say nearly the same, so that no split puts one of them on each side."""

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from arbiter_training.traffic.columns import BoolArray, IntArray, factorize

THRESHOLD = 0.7
"""Jaccard similarity of the shingle sets from which two texts are one group. One changed word in a sentence of 15, or
other numbers in a word problem, lie above it; questions of one template with different content lie below. Low on
purpose: a group too many costs a split nothing, a twin on the other side makes its result too good."""

SHINGLE_BYTES = 5
"""Length of a shingle; at five bytes common words do not make two English texts alike, and short texts still have
shingles to compare."""

MAX_CHARACTERS = 8_000
"""Longer texts are compared by this much of their start and as much of their end."""

N_BINS = 128
BAND = 5
"""Signature length and rows per band: 25 bands of 5 find a pair of Jaccard 0.7 with probability
1 - (1 - 0.7^5)^25 = 0.99 and look at one of 0.3 with probability 0.06 (Leskovec, Rajaraman, Ullman 2014, 3.4.2)."""

EMPTY = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
CHUNK_TEXTS = 2_000
"""Texts hashed at a time: about 2 million shingles, 16 MB."""

UintArray = NDArray[np.uint64]


def near_duplicate_groups(texts: Sequence[str], threshold: float = THRESHOLD) -> IntArray:
    """Group texts whose normal form is equal or whose shingle sets overlap by ``threshold`` or more.

    MinHash with locality-sensitive hashing proposes pairs; each is checked on the exact shingle sets, so no two texts
    are joined by chance. Groups are transitive: a chain of near-duplicates is one group. Linear in the amount of text.

    Parameters
    ----------
    texts : n texts.
    threshold : Jaccard similarity in (0, 1].

    Returns
    -------
    groups : (n,) numbers from 0; equal for texts of one group, in order of first appearance.
    """
    codes, distinct = factorize(map(normal_form, texts), len(texts))
    if len(distinct) < 2:
        return codes
    forms = [_encoded(str(form)) for form in distinct]
    parent = np.arange(len(forms))
    shingles: dict[int, UintArray] = {}
    for left, right in _candidates(_signatures(forms)):
        a, b = _root(parent, left), _root(parent, right)
        if a != b and _similar(forms, shingles, (left, right), threshold):
            parent[max(a, b)] = min(a, b)
    roots = [_root(parent, i) for i in range(len(forms))]
    groups, _ = factorize((roots[code] for code in codes), len(texts))
    return groups


def normal_form(text: str) -> str:
    """Give the text without the differences that do not matter: case, width and composition of letters, white space."""
    if len(text) > 2 * MAX_CHARACTERS:
        text = f"{text[:MAX_CHARACTERS]} {text[-MAX_CHARACTERS:]}"
    folded = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split())


def jaccard(left: str, right: str) -> float:
    """Give the share of shingles that two texts have in common, in [0, 1]."""
    a, b = (np.unique(_shingles(_encoded(normal_form(text)))) for text in (left, right))
    common = np.intersect1d(a, b, assume_unique=True).size
    return common / (a.size + b.size - common)


def _encoded(form: str) -> NDArray[np.uint8]:
    """Give the bytes, padded so that even an empty text has one shingle."""
    return np.frombuffer(form.encode("utf-8", "surrogatepass").ljust(SHINGLE_BYTES, b"\0"), dtype=np.uint8)


def _shingles(data: NDArray[np.uint8]) -> UintArray:
    """Give every run of five bytes as a scrambled 64-bit number (multiplication by an odd constant is one-to-one)."""
    n = data.size - SHINGLE_BYTES + 1
    packed = np.zeros(n, dtype=np.uint64)
    for offset in range(SHINGLE_BYTES):
        packed = (packed << np.uint64(8)) | data[offset : offset + n]
    packed *= np.uint64(0x9E37_79B9_7F4A_7C15)
    packed ^= packed >> np.uint64(29)
    packed *= np.uint64(0xBF58_476D_1CE4_E5B9)
    return packed ^ (packed >> np.uint64(32))


def _signatures(forms: Sequence[NDArray[np.uint8]]) -> UintArray:
    """Give (n, N_BINS) one-permutation MinHash signatures (Li, Owen, Zhang 2012): the least hash in each bin.

    Empty bins borrow from the next one that is not, marked by the distance (Shrivastava, Li 2014, rotation).
    """
    signatures = np.full((len(forms), N_BINS), EMPTY)
    for start in range(0, len(forms), CHUNK_TEXTS):
        part = [_shingles(form) for form in forms[start : start + CHUNK_TEXTS]]
        owner = np.repeat(np.arange(len(part)), [hashes.size for hashes in part])
        hashes = np.concatenate(part)
        cell = owner * N_BINS + (hashes >> np.uint64(57)).astype(np.int64)  # the top 7 bits choose one of 128 bins
        np.minimum.at(signatures[start : start + len(part)].reshape(-1), cell, hashes)
    return _densified(signatures)


def _densified(signatures: UintArray) -> UintArray:
    twice = np.concatenate([signatures, signatures], axis=1)  # (n, 2 * N_BINS): the bins in a circle
    position = np.where(twice != EMPTY, np.arange(2 * N_BINS), 4 * N_BINS)
    following = np.minimum.accumulate(position[:, ::-1], axis=1)[:, ::-1][:, :N_BINS]
    distance = (following - np.arange(N_BINS)).astype(np.uint64)
    borrowed = np.take_along_axis(twice, following, axis=1)
    filled: UintArray = borrowed + distance * np.uint64(0x9FB2_1C65_1E98_DF25)
    return filled


def _candidates(signatures: UintArray) -> Iterator[tuple[int, int]]:
    """Give pairs that agree in a band: each text with the first of its bucket and with the one before it.

    All pairs of a bucket would be quadratic; every text meets 25 buckets, so the chain is rarely broken.
    """
    multipliers = np.random.default_rng(0).integers(1, 2**63, size=BAND, dtype=np.uint64) | np.uint64(1)
    for start in range(0, N_BINS - BAND + 1, BAND):
        key = (signatures[:, start : start + BAND] * multipliers).sum(axis=1, dtype=np.uint64)
        order = np.argsort(key, kind="stable")
        fresh = np.concatenate([[True], key[order][1:] != key[order][:-1]])
        first = order[np.maximum.accumulate(np.where(fresh, np.arange(order.size), 0))]
        before = np.concatenate([[0], order[:-1]])
        inside: BoolArray = ~fresh
        yield from zip(first[inside].tolist(), order[inside].tolist(), strict=True)
        yield from zip(before[inside].tolist(), order[inside].tolist(), strict=True)


def _similar(
    forms: Sequence[NDArray[np.uint8]], shingles: dict[int, UintArray], pair: tuple[int, int], threshold: float
) -> bool:
    for i in pair:
        if i not in shingles:
            shingles[i] = np.unique(_shingles(forms[i]))
    a, b = sorted((shingles[i] for i in pair), key=len)
    if a.size < threshold * b.size:  # even if the smaller set lay in the larger
        return False
    common = np.intersect1d(a, b, assume_unique=True).size
    return bool(common >= threshold * (a.size + b.size - common))


def _root(parent: IntArray, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]  # halve the path
        node = int(parent[node])
    return node
