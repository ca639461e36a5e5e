"""Laws of the spread of lengths and latencies, on made and on measured requests."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.estimates.dispersion import LEVELS, Dispersion
from arbiter.estimates.estimator import Speed
from arbiter_training.estimates.timing import TimingData, fit_dispersion, fit_timing

CATALOG = Catalog.default().subset(["gpt-4o", "gpt-4o-mini", "llama-3.1-8b-local"])
PRIOR = Dispersion.log_normal(np.full(3, 0.5))


def made(n: int, seed: int = 0) -> TimingData:
    """Give answers whose length and latency are log-normal around a log-linear mean."""
    rng = np.random.default_rng(seed)
    contexts = np.concatenate([np.ones((n, 1)), rng.normal(size=(n, 3))], axis=1)
    tokens = np.exp(5.0 + 0.4 * contexts[:, 1:2] + rng.normal(size=(n, 3)) * [0.3, 0.6, 0.9])
    latency_s = (0.4 + tokens / 80.0) * np.exp(rng.normal(size=(n, 3)) * 0.3)
    return TimingData(contexts=contexts, output_tokens=tokens, latency_s=latency_s, folds=np.arange(n) % 5)


def test_quantiles_hold_on_fresh_answers() -> None:
    """Fitted on 2,000, the share of 4,000 fresh answers below each quantile is its level, to 3 points."""
    length, speed = fit_timing(made(2000), CATALOG)
    fresh = made(4000, 1)
    tokens = length.predict(fresh.contexts)
    for level in (0.1, 0.5, 0.9, 0.95):
        below = (fresh.output_tokens <= length.quantile(fresh.contexts, level)).mean(axis=0)
        np.testing.assert_allclose(below, level, atol=0.03)
        below = (fresh.latency_s <= speed.latency_s(tokens) * speed.spread.factors(level)).mean(axis=0)
        np.testing.assert_allclose(below, level, atol=0.03)


def test_the_spread_is_conservative_where_data_are_few() -> None:
    """Over 300 samples of 40, a new draw stays below the 90 % quantile at least so often (split conformal)."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        happened = np.exp(rng.normal(size=(40, 3)))
        factors = fit_dispersion(happened, np.ones((40, 3)), PRIOR).factors(0.9)
        covered += int((np.exp(rng.normal(size=3)) <= factors).sum())
    assert covered / 900 >= 0.9 - 3 * np.sqrt(0.09 / 900)


def test_a_candidate_with_few_answers_takes_the_prior() -> None:
    """Below thirty measured answers the prior stands; the others have their own."""
    data = made(200)
    latency_s = data.latency_s.copy()
    latency_s[20:, 2] = np.nan
    speed = fit_timing(replace(data, latency_s=latency_s), CATALOG)[1]
    np.testing.assert_array_equal(speed.spread.log_factors[:, 2], Speed.of(CATALOG).spread.log_factors[:, 2])
    assert (speed.spread.log_factors[:, 0] != Speed.of(CATALOG).spread.log_factors[:, 0]).any()


def test_one_fold_and_unknown_answers_leave_the_priors() -> None:
    """Nothing can be measured out of fold, or at all."""
    data = made(100)
    length, _ = fit_timing(replace(data, folds=np.zeros(100, dtype=np.int64)), CATALOG)
    assert length.dispersion is not None
    np.testing.assert_array_equal(length.spread.log_factors, replace(length, dispersion=None).spread.log_factors)
    nothing = np.full_like(data.latency_s, np.nan)
    speed = fit_timing(replace(data, latency_s=nothing), CATALOG)[1]
    np.testing.assert_array_equal(speed.spread.log_factors, Speed.of(CATALOG).spread.log_factors)


def test_every_column_rises() -> None:
    """A greater share needs a greater factor."""
    spread = fit_dispersion(made(100).latency_s, np.ones((100, 3)), PRIOR)
    assert (np.diff(spread.log_factors, axis=0) >= 0.0).all()
    assert (np.diff([spread.factors(level) for level in LEVELS], axis=0) >= 0.0).all()


def measured(data_dir: Path) -> tuple[TimingData, tuple[str, ...]]:
    """Give the requests of public endpoints whose time was measured, one answer each."""
    parquet = pytest.importorskip("pyarrow.parquet")
    path = data_dir / "latency" / "llmperf_requests.parquet"
    if not path.is_file():
        pytest.skip(f"no measurements at {path}")
    table = parquet.read_table(path).to_pydict()
    ok = [i for i, error in enumerate(table["error_code"]) if error is None and table["number_output_tokens"][i] > 0]
    endpoints = tuple(sorted({table["endpoint"][i] for i in ok}))
    shape = (len(ok), len(endpoints))
    tokens, latency_s = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, i in enumerate(ok):
        k = endpoints.index(table["endpoint"][i])
        tokens[row, k] = table["number_output_tokens"][i]
        latency_s[row, k] = table["end_to_end_latency_s"][i]
    contexts = np.stack([np.ones(len(ok)), np.log([table["number_input_tokens"][i] for i in ok]) / 8.0], axis=1)
    folds = np.random.default_rng(0).integers(0, 5, len(ok))
    return TimingData(contexts=contexts, output_tokens=tokens, latency_s=latency_s, folds=folds), endpoints


def test_ninety_five_per_cent_of_measured_requests_stay_below_their_quantile(data_dir: Path) -> None:
    """On public endpoints: fitted on four fifths, measured on the rest, in five turns; 93 to 97.5 % over all."""
    data, endpoints = measured(data_dir)
    template = Catalog.default()["llama-3.1-8b"]
    catalog = Catalog([replace(template, name=name, litellm_model=None) for name in endpoints])
    below, answered, naive = 0, 0, 0
    for turn in range(5):
        held = np.random.default_rng(9).permutation(len(data.folds)) % 5 == turn
        kept = {name: getattr(data, name)[~held] for name in TimingData.__slots__ if name != "texts"}
        length, speed = fit_timing(TimingData(**kept), catalog)
        mean = speed.latency_s(length.predict(data.contexts[held]))
        happened = data.latency_s[held]
        below += int((happened <= mean * speed.spread.factors(0.95)).sum())  # unknown is never below
        naive += int((happened <= mean).sum())
        answered += int((~np.isnan(happened)).sum())
    assert answered > 2000
    assert 0.93 <= below / answered <= 0.975
    assert naive / answered < 0.8  # the mean alone would not do
