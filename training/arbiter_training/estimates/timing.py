"""Training of length and latency with their spread, measured on answers that the means were not fitted on."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog import Catalog
from arbiter.estimates.dispersion import LEVELS, Dispersion
from arbiter.estimates.estimator import Speed
from arbiter.estimates.tokens import OutputLength
from arbiter_training.estimates.length import LEAST_ROWS, fit_length
from arbiter_training.estimates.reduction import ReducedTexts
from arbiter_training.estimates.speed import fit_speed

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingData:
    """Answers of K candidates to n requests.

    Attributes
    ----------
    contexts : (n, d), first entry 1.
    output_tokens, latency_s : (n, K), NaN where unknown.
    folds : (n,), requests of one group share a fold.
    texts : the n requests, for what their text adds to the length; None leaves that out.
    """

    contexts: FloatArray
    output_tokens: FloatArray
    latency_s: FloatArray
    folds: NDArray[np.int64]
    texts: ReducedTexts | None = None


def fit_timing(data: TimingData, catalog: Catalog) -> tuple[OutputLength, Speed]:
    """Fit lengths and speeds on all answers, and their spread out of fold.

    Parameters
    ----------
    data : the answers.
    catalog : gives bounds and priors.
    """
    length, speed = _means(data, np.ones(len(data.folds), dtype=bool), catalog)
    tokens, latency_s = np.full_like(data.output_tokens, np.nan), np.full_like(data.latency_s, np.nan)
    for fold in np.unique(data.folds):
        held = data.folds == fold
        if held.all():
            break  # one fold alone leaves nothing to fit on: the priors stand
        length_without, speed_without = _means(data, ~held, catalog)
        batch = None if data.texts is None else data.texts.take(np.flatnonzero(held)).batch
        tokens[held] = length_without.predict(data.contexts[held], batch)
        latency_s[held] = speed_without.latency_s(tokens[held])
    long = fit_dispersion(data.output_tokens, tokens, length.spread)
    slow = fit_dispersion(data.latency_s, latency_s, Speed.of(catalog).spread)
    return replace(length, dispersion=long), replace(speed, dispersion=slow)


def _means(data: TimingData, rows: NDArray[np.bool_], catalog: Catalog) -> tuple[OutputLength, Speed]:
    texts = None if data.texts is None else data.texts.take(np.flatnonzero(rows))
    length = fit_length(data.contexts[rows], data.output_tokens[rows], catalog, texts)
    return length, fit_speed(data.latency_s[rows], data.output_tokens[rows], catalog)


def fit_dispersion(happened: FloatArray, expected: FloatArray, prior: Dispersion) -> Dispersion:
    """Measure the quantiles of what happened over what was expected.

    Parameters
    ----------
    happened : (n, K), NaN where unknown.
    expected : (n, K) by models that did not see the row, NaN where there was none.
    prior : what a candidate of fewer than 30 answers takes.

    Returns
    -------
    dispersion : the quantile of rank ceil((n + 1) level) as split-conformal prediction takes it (Vovk, Gammerman and
        Shafer, 2005, section 2.3; Lei et al., 2018, algorithm 2), rounded to the outer side in both tails, so that a
        new answer stays below it with at least that probability. Theory and code part where requests are not
        exchangeable, and beyond the greatest answer seen, which stands for all levels above it.
    """
    log_factors = prior.log_factors.copy()
    known = (happened > 0) & (expected > 0)  # False where either is NaN
    for a in range(happened.shape[1]):
        rows = known[:, a]
        count = int(rows.sum())
        if count >= LEAST_ROWS:
            ordered = np.sort(np.log(happened[rows, a] / expected[rows, a]))
            rank = np.where(LEVELS >= 0.5, np.ceil((count + 1) * LEVELS), np.floor((count + 1) * LEVELS))
            log_factors[:, a] = ordered[np.clip(rank - 1, 0, count - 1).astype(np.int64)]
    return Dispersion(log_factors=log_factors)
