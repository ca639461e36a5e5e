"""Parts of the traffic for learning and for judging, such that nothing in one gives away the other."""

from dataclasses import dataclass, field

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter_training.traffic.columns import BoolArray, FloatArray, IntArray, TimeArray, factorize, is_none
from arbiter_training.traffic.near_duplicates import near_duplicate_groups
from arbiter_training.traffic.outcomes import OutcomeMatrix
from arbiter_training.traffic.prompt_text import query_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Positions of requests, ascending; the three parts are disjoint and together are all requests.

    Attributes
    ----------
    train, test : (n_train,), (n_test,).
    left_out : requests that may be in neither: of a forward split, the late ones of a group that began before the cut,
        and those without a time.
    """

    train: IntArray
    test: IntArray
    left_out: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def groups_of(outcomes: OutcomeMatrix) -> IntArray:
    """Give (n,) codes of requests that must stay together: the session, else the cluster of near-duplicate prompts.

    A session goes before the cluster, not together with it: openings such as "hello" occur in most sessions, and would
    join them all into one group.
    """
    alone = np.flatnonzero(is_none(outcomes.session_ids))
    twins = near_duplicate_groups([query_text(outcomes.queries[i]) for i in alone])
    keys: list[object] = [("session", session) for session in outcomes.session_ids]
    for position, twin in zip(alone.tolist(), twins.tolist(), strict=True):
        keys[position] = ("twin", twin)
    return factorize(keys, outcomes.n)[0]


def fold_numbers(groups: IntArray, n_folds: int, seed: int, shares: FloatArray | None = None) -> IntArray:
    """Deal whole groups to folds.

    Large groups first, in random order among equals, each to the fold that lacks most: folds differ in size by less
    than the largest group.

    Parameters
    ----------
    groups : (n,) codes from 0; requests of one code stay together.
    n_folds : at least 2.
    seed : the same seed gives the same folds.
    shares : (n_folds,) sizes wanted, as shares that sum to 1; None makes them equal.

    Returns
    -------
    folds : (n,) numbers in [0, n_folds).

    Raises
    ------
    InvalidInputError
        If there are fewer groups than folds.
    """
    sizes = np.bincount(groups)
    n_groups = int((sizes > 0).sum())
    if not 2 <= n_folds <= n_groups:
        raise InvalidInputError(
            f"{n_folds} folds of {n_groups} groups: give 2 or more folds, and traffic with at least as many sessions "
            f"or distinct prompts"
        )
    wanted = np.full(n_folds, 1.0 / n_folds) if shares is None else shares
    lacking = wanted * groups.size
    order = np.random.default_rng(seed).permutation(sizes.size)
    fold_of = np.zeros(sizes.size, dtype=np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        fold = int(np.argmax(lacking))
        fold_of[group] = fold
        lacking[fold] -= sizes[group]
    return fold_of[groups]


def folds(groups: IntArray, n_folds: int, seed: int) -> tuple[Split, ...]:
    """Give ``n_folds`` splits, whose test parts are disjoint and together are all requests.

    Raises
    ------
    InvalidInputError
        If there are fewer groups than folds.
    """
    numbers = fold_numbers(groups, n_folds, seed)
    return tuple(_split(numbers == fold) for fold in range(n_folds))


def group_split(groups: IntArray, test_share: float, seed: int) -> Split:
    """Split at random by whole groups.

    Parameters
    ----------
    groups : (n,) codes from 0.
    test_share : in (0, 1), share of requests in the test part; met up to the size of the largest group.
    seed : the same seed gives the same split.

    Raises
    ------
    InvalidInputError
        If the share is not in (0, 1) or there are fewer than two groups.
    """
    _require_share(test_share)
    numbers = fold_numbers(groups, 2, seed, np.array([1.0 - test_share, test_share]))
    if np.unique(numbers).size < 2:  # a share so small that no group went to it: the smallest group is the nearest
        smallest = np.argmin(np.where(np.bincount(groups) > 0, np.bincount(groups), groups.size + 1))
        numbers = np.where(groups == smallest, 1 - numbers, numbers)
    return _split(numbers == 1)


def forward_split(groups: IntArray, timestamps: TimeArray, test_share: float) -> Split:
    """Split by time: learn from the past, judge on the future.

    Requests after the cut whose group has one before it are left out: as test they are known, as training they are
    the future.

    Parameters
    ----------
    groups : (n,) codes from 0.
    timestamps : (n,) UTC; a request without a time is left out.
    test_share : in (0, 1), share of the timed requests after the cut.

    Raises
    ------
    InvalidInputError
        If the share is not in (0, 1), or the times do not divide the requests.
    """
    _require_share(test_share)
    timed = ~np.isnat(timestamps)
    if np.unique(timestamps[timed]).size < 2:
        raise InvalidInputError("a forward split needs two or more different timestamps: split by group instead")
    moments = np.sort(timestamps[timed])
    cut = moments[min(max(1, round(moments.size * (1.0 - test_share))), moments.size - 1)]
    if cut == moments[0]:  # equal times are never parted: cut after the first of them
        cut = moments[moments > moments[0]][0]
    early, late = timed & (timestamps < cut), timed & (timestamps >= cut)
    known = np.isin(groups, groups[early])
    if not (late & ~known).any():
        raise InvalidInputError("no request after the cut is of a new session or prompt: split by group instead")
    left_out = ~timed | (late & known)
    return Split(train=np.flatnonzero(early), test=np.flatnonzero(late & ~known), left_out=np.flatnonzero(left_out))


def _split(in_test: BoolArray) -> Split:
    return Split(train=np.flatnonzero(~in_test), test=np.flatnonzero(in_test))


def _require_share(test_share: float) -> None:
    if not 0.0 < test_share < 1.0:
        raise InvalidInputError(f"test_share is {test_share}: give a share between 0 and 1, such as 0.2")
