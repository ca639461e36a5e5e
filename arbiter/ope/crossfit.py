"""Splits under which a predicted reward is never fitted on the request it predicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One split.

    Parameters
    ----------
    train : ndarray of int
        Requests to fit on; empty in the first forward fold.
    test : ndarray of int
        Requests to predict.
    """

    train: IntArray
    test: IntArray


class FitPredict(Protocol):
    """Fits a reward model on some requests and predicts others."""

    def __call__(self, train: IntArray, test: IntArray) -> FloatArray:
        """Return predicted rewards, shape (len(test), K), from a model fitted on `train` only."""
        ...


def group_folds(groups: ArrayLike, n_folds: int = 3, seed: int = 0) -> tuple[Fold, ...]:
    """Split requests so that no group is on both sides.

    Parameters
    ----------
    groups : array-like, shape (n,)
        Session, user or duplicate-prompt ids; `range(n)` where requests are independent.
    n_folds : int
        Number of folds, at least 2.
    seed : int
        Order in which groups are dealt.

    Returns
    -------
    tuple of Fold
        Their test parts cover every request once. Groups are dealt largest first to the smallest
        fold, ties in random order.

    Raises
    ------
    InvalidInputError
        If there are fewer groups than folds, or fewer than two folds.
    """
    labels, index, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if not 2 <= n_folds <= labels.size:
        raise InvalidInputError(f"n_folds is {n_folds} with {labels.size} groups: expected 2 to the number of groups")
    shuffled = np.random.default_rng(seed).permutation(labels.size)
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    if int(sizes.max()) == int(sizes.min()):
        fold_of = np.empty(labels.size, dtype=np.int64)
        fold_of[order] = np.arange(labels.size) % n_folds
    else:
        fold_of = _deal(order, sizes, n_folds)
    held = fold_of[index]
    return tuple(Fold(train=np.flatnonzero(held != k), test=np.flatnonzero(held == k)) for k in range(n_folds))


def _deal(order: IntArray, sizes: IntArray, n_folds: int) -> IntArray:
    load = [0] * n_folds
    fold_of = np.empty(sizes.size, dtype=np.int64)
    for group in order:
        smallest = load.index(min(load))
        fold_of[group] = smallest
        load[smallest] += int(sizes[group])
    return fold_of


def forward_folds(time: ArrayLike, n_folds: int = 5) -> tuple[Fold, ...]:
    """Split requests so that every model is fitted on the past only.

    Needed where the logging policy learned as it went: a model that has seen later rewards is
    correlated with earlier choices through the policy's updates.

    Parameters
    ----------
    time : array-like, shape (n,)
        Anything that sorts in the order of logging. Equal times stay in one fold.
    n_folds : int
        Number of consecutive blocks, at least 2.

    Returns
    -------
    tuple of Fold
        In time order; the first has no training part, see `cross_fit`.

    Raises
    ------
    InvalidInputError
        If there are fewer distinct times than folds, or fewer than two folds.
    """
    moments, index = np.unique(np.asarray(time), return_inverse=True)
    if not 2 <= n_folds <= moments.size:
        raise InvalidInputError(f"n_folds is {n_folds} with {moments.size} distinct times: expected 2 to that number")
    before = np.concatenate([[0], np.cumsum(np.bincount(index))[:-1]])
    start = np.minimum(before * n_folds // index.size, n_folds - 1)
    block = np.unique(start, return_inverse=True)[1][index]
    folds = range(int(block.max()) + 1)
    return tuple(Fold(train=np.flatnonzero(block < k), test=np.flatnonzero(block == k)) for k in folds)


def cross_fit(
    folds: Sequence[Fold], fit_predict: FitPredict, n: int, n_actions: int, cold_start: float = 0.0
) -> FloatArray:
    """Assemble out-of-fold predictions.

    Parameters
    ----------
    folds : sequence of Fold
        Test parts that cover every request once.
    fit_predict : FitPredict
        Fits and predicts; called once per fold with a training part.
    n, n_actions : int
        Size of the log.
    cold_start : float
        Prediction where there is nothing to fit on. Any constant keeps DR unbiased; one near the
        mean reward, known beforehand, keeps its variance low.

    Returns
    -------
    ndarray, shape (n, K)
        Predicted reward of every action on every request (Chernozhukov et al. 2018, cross-fitting).

    Raises
    ------
    InvalidInputError
        If the folds do not cover each request once, or a prediction has the wrong shape.
    """
    seen = np.bincount(np.concatenate([fold.test for fold in folds]), minlength=n)
    if seen.size != n or not (seen == 1).all():
        raise InvalidInputError("the folds must cover each request exactly once: pass all folds of one split")
    q_hat = np.full((n, n_actions), float(cold_start))
    for fold in folds:
        if fold.train.size == 0:
            continue
        predicted = np.asarray(fit_predict(fold.train, fold.test), dtype=np.float64)
        if predicted.shape != (fold.test.size, n_actions):
            raise InvalidInputError(
                f"fit_predict returned shape {predicted.shape}, expected ({fold.test.size}, {n_actions})"
            )
        q_hat[fold.test] = predicted
    return q_hat
