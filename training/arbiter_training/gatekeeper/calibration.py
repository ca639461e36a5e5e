"""From two stages' scores to probabilities and thresholds, and what the result is worth."""

from dataclasses import dataclass, field

import numpy as np

from arbiter.gatekeeper.heads import softmax
from arbiter.gatekeeper.learned import HeadCalibration
from arbiter.vocabulary import Risk
from arbiter_training.gatekeeper.data import FloatArray, IntArray

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
TEMPERATURES = np.exp(np.linspace(np.log(0.4), np.log(3.0), 41))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadReport:
    """What the out-of-fold predictions of one head are worth.

    Attributes
    ----------
    accuracy, log_loss, ece : of the blend, out of fold; ``ece`` in 15 bins.
    linear_log_loss, boosted_log_loss : of the two stages alone, each with the keyword rules.
    boosted_share, temperature : what the cross-validation chose.
    n : labelled requests.
    out_of_fold : (n, labels) the probabilities, for learners that read this head on the rows that it was fitted on.
    """

    accuracy: float
    log_loss: float
    ece: float
    linear_log_loss: float
    boosted_log_loss: float
    boosted_share: float
    temperature: float
    n: int
    out_of_fold: FloatArray = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadScores:
    """The labelled requests of one head, with what was said of them out of fold.

    Attributes
    ----------
    linear, boosted : (n, labels) scores of the stages.
    spoken : (n, labels) log probabilities of the keyword rules.
    labels : (n,) index of the label.
    weights : (n,) of the requests, in what is optimised; reports count every request once.
    """

    linear: FloatArray
    boosted: FloatArray
    spoken: FloatArray
    labels: IntArray
    weights: FloatArray

    def blended(self, how: HeadCalibration) -> FloatArray:
        """Give the (n, labels) probabilities of the blended, tempered scores."""
        blended = how.boosted_share * self.boosted + (1.0 - how.boosted_share) * self.linear
        return softmax((blended + how.keyword_share * self.spoken) / how.temperature)


def calibrate(scores: HeadScores, keyword_share: float) -> tuple[HeadCalibration, HeadReport]:
    """Choose the blend and the temperature of least log loss on out-of-fold scores.

    Parameters
    ----------
    scores : of one head.
    keyword_share : weight of the keyword rules, given.
    """
    labels = scores.labels
    tried = [
        HeadCalibration(boosted_share=s, temperature=float(t), keyword_share=keyword_share)
        for s in SHARES
        for t in TEMPERATURES
    ]
    losses = np.array([log_loss(scores.blended(how), labels, scores.weights) for how in tried])
    chosen = tried[int(losses.argmin())]
    probabilities = scores.blended(chosen)
    by_share = losses.reshape(len(SHARES), -1).min(axis=1)
    report = HeadReport(
        accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
        log_loss=float(losses.min()),
        ece=expected_calibration_error(probabilities, labels),
        linear_log_loss=float(by_share[0]),
        boosted_log_loss=float(by_share[-1]),
        boosted_share=chosen.boosted_share,
        temperature=chosen.temperature,
        n=len(labels),
        out_of_fold=probabilities,
    )
    return chosen, report


def log_loss(probabilities: FloatArray, labels: IntArray, weights: FloatArray) -> float:
    """Give the weighted mean negative log-likelihood of the labels."""
    return float(np.average(-np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-12)), weights=weights))


def expected_calibration_error(probabilities: FloatArray, labels: IntArray, bins: int = 15) -> float:
    """Give the mean gap between confidence and accuracy over equal-width bins of the greatest probability.

    Source: Naeini, Cooper and Hauskrecht (2015); Guo et al. (2017), equation 3.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(right[place == b].mean() - confidence[place == b].mean()) * (place == b).mean() for b in set(place)]
    return float(sum(gaps))


def risk_thresholds(
    probabilities: FloatArray, labels: IntArray, weights: FloatArray, false_alarms: float
) -> dict[str, float]:
    """Give, per level above minimal, the least P(level or above) that calls at most ``false_alarms`` of the rest.

    Parameters
    ----------
    probabilities : (n, 5) of harm or stake, out of fold.
    labels : (n,) index of the level.
    weights : (n,) of the requests, so that a large source does not set the threshold alone.
    false_alarms : weighted share of the requests below a level that may be called at it or above.
    """
    tails = {level: probabilities[:, level.rank :].sum(axis=1) for level in list(Risk)[1:]}
    below = {level: labels < level.rank for level in tails}
    return {level: _threshold(p[below[level]], weights[below[level]], false_alarms) for level, p in tails.items()}


def _threshold(negatives: FloatArray, weights: FloatArray, false_alarms: float) -> float:
    """Give the least probability at which at most ``false_alarms`` of the negatives are called, at least 0.05."""
    if negatives.size == 0:
        return 0.5
    order = np.argsort(-negatives)
    called = np.cumsum(weights[order]) / weights.sum()
    first = int(np.searchsorted(called, false_alarms, side="right"))  # the first that must not be called
    return float(np.clip(np.nextafter(negatives[order[min(first, len(order) - 1)]], 1.0), 0.05, 0.95))
