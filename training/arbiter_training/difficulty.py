"""How difficult a request is, as its outcomes show: the share of the models that fail it.

The idea is that of item response theory, where a question's difficulty is what those who answer it make it (Rasch,
1960); Martínez-Plumed, Prudêncio, Martínez-Usó and Hernández-Orallo (2019) carried it over to machine learning, with
models as the respondents. A plain share is only fair where every model was asked: a log in which hard requests went to
strong models shows them as easy. The Rasch model separates the two, and gives the share over all models, asked or not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PRIOR_SD = 1.5
"""Standard deviation of the prior of difficulties, in logits: one answer alone moves a request by about one."""

ROUNDS = 60

LEVEL_EDGES = (0.1, 0.3, 0.6, 0.85)
"""Share of failing models from which a request is simple, moderate, complex, expert; below the first it is trivial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """The difficulty of n requests for K models.

    Attributes
    ----------
    share : (n,) expected share of all K models that fail, in [0, 1].
    judged : (n,) number of models with a known quality; the share is the prior's where this is 0.
    ability : (K,) of the models, in logits.
    """

    share: FloatArray
    judged: IntArray
    ability: FloatArray

    def levels(self, least_judged: int) -> IntArray:
        """Give the (n,) index of the complexity, -1 where fewer than ``least_judged`` models were judged."""
        level = np.searchsorted(LEVEL_EDGES, self.share, side="right")
        return np.where(self.judged >= least_judged, level, -1).astype(np.int64)


def difficulty_of(quality: FloatArray) -> Difficulty:
    """Estimate difficulties from qualities with gaps.

    Where every model was judged on a request, its share of failures is the plain one, ``1 - mean quality``. Elsewhere
    it is the expectation under P(success) = logistic(ability - difficulty), with difficulties normal around 0 and
    abilities free, at the mode of the posterior. A quality between 0 and 1 counts as that much of a success, which the
    theory, made for right and wrong, does not foresee.

    Parameters
    ----------
    quality : (n, K) in [0, 1], NaN where unknown.

    Returns
    -------
    difficulty : per request and per model.
    """
    known = ~np.isnan(quality)
    success = np.where(known, quality, 0.0)
    ability = np.zeros(quality.shape[1])
    difficulty = np.zeros(len(quality))
    for _ in range(ROUNDS):
        expected = _logistic(ability[None, :] - difficulty[:, None])
        gradient = np.where(known, expected - success, 0.0).sum(axis=1) - difficulty / PRIOR_SD**2
        curvature = np.where(known, expected * (1 - expected), 0.0).sum(axis=1) + 1 / PRIOR_SD**2
        difficulty = difficulty + np.clip(gradient / curvature, -1.0, 1.0)
        expected = _logistic(ability[None, :] - difficulty[:, None])
        # The small constants stand for one more answer, half right: a model that never failed has a finite ability.
        gradient = np.where(known, success - expected, 0.0).sum(axis=0) + 0.5 - _logistic(ability)
        curvature = np.where(known, expected * (1 - expected), 0.0).sum(axis=0) + 0.25
        ability = ability + np.clip(gradient / curvature, -1.0, 1.0)
    modelled = 1.0 - _logistic(ability[None, :] - difficulty[:, None]).mean(axis=1)
    judged = known.sum(axis=1)
    complete = judged == quality.shape[1]
    plain = 1.0 - success.mean(axis=1)
    return Difficulty(share=np.where(complete, plain, modelled), judged=judged.astype(np.int64), ability=ability)


def _logistic(x: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0))))
