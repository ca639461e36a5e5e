"""What weighing sources is worth: ``pytest -m slow tests/training/test_quality_sources_worth.py -s``.

Real requests with every model's quality. A log shows one model each, at random; a fifth is judged by people, who see
the truth, three tenths by a judge who adds noise, half by what askers did, who mostly go on whatever they got. The
estimates learned from it are held against the truth of held-out groups, all models, ten splits.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student_t

from arbiter.catalog import catalog_for_log
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.loading import load_router
from arbiter_training.estimates import OutcomeData, fit_quality
from arbiter_training.quality_sources import SourceWeights
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.traffic import OutcomeMatrix, pivot, read_traffic

SPLITS, TEST_SHARE = 10, 0.3
SHARES = (0.2, 0.3, 0.5)  # human, judge, implicit
JUDGE_SD, GOES_ON_GOOD, GOES_ON_BAD = 0.35, 0.9, 0.6

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Ground:
    """Requests with the truth, and their features."""

    outcomes: OutcomeMatrix
    batch: FeatureBatch
    heads: NDArray[np.float64]
    groups: NDArray[np.int64]


def ground(path: Path) -> Ground:
    router, outcomes = load_router(), pivot(read_traffic(path))
    batch = router.features.transform(outcomes.queries)
    heads = router.gatekeeper.probabilities(outcomes.queries, batch).stacked
    return Ground(outcomes, batch, heads, groups_of(outcomes))


def errors(given: Ground, seed: int) -> dict[str, float]:
    """Give the mean squared error on held-out truth of estimates that trust all alike, by source, or people alone."""
    rng, truth = np.random.default_rng(seed), given.outcomes.quality
    n, k = truth.shape
    held = rng.choice(np.unique(given.groups), int(TEST_SHARE * len(np.unique(given.groups))), replace=False)
    test = np.isin(given.groups, held)
    train = np.flatnonzero(~test)
    asked = rng.integers(k, size=n)
    source, told = rng.choice(3, size=n, p=SHARES), truth[np.arange(n), asked]
    judged = np.clip(told + rng.normal(0.0, JUDGE_SD, n), 0.0, 1.0)
    good = rng.random(n) < told
    went_on = (rng.random(n) < np.where(good, GOES_ON_GOOD, GOES_ON_BAD)).astype(float)
    quality = np.full((n, k), np.nan)
    quality[np.arange(n), asked] = np.choose(source, [told, judged, went_on])
    weights = SourceWeights()
    trust = np.array([weights.human, weights.judge, weights.implicit])[source][:, None].repeat(k, axis=1)
    people = np.where((source == 0)[:, None], quality, np.nan)
    found = {}
    for name, (seen, by) in {"alike": (quality, None), "weighed": (quality, trust), "people": (people, None)}.items():
        data = OutcomeData(
            batch=given.batch.take(train),
            heads=HeadProbabilities(stacked=given.heads[train]),
            quality=seen[train],
            inclusion=np.full((len(train), k), 1.0 / k),
            folds=fold_numbers(given.groups[train], 5, seed),
            trust=None if by is None else by[train],
        )
        model, _ = fit_quality(data, catalog_for_log(given.outcomes.models))
        heads = HeadProbabilities(stacked=given.heads[test])
        predicted, _ = model.predict(given.batch.take(np.flatnonzero(test)), heads)
        found[name] = float(((predicted - truth[test]) ** 2).mean())
    return found


@pytest.mark.parametrize("name", ["gsm8k_gpt4_mixtral", "paretobandit_val_k3"])
def test_weighing_sources_does_not_lose_to_trusting_all_alike(data_dir: Path, name: str) -> None:
    """Nor is it far better: weights answer noise, and behaviour is biased besides."""
    given = ground(data_dir / "traffic" / f"{name}.parquet")
    found = [errors(given, seed) for seed in range(SPLITS)]
    for rival in ("alike", "people"):
        gain = np.array([one["weighed"] - one[rival] for one in found])
        half = student_t.ppf(0.975, SPLITS - 1) * gain.std(ddof=1) / np.sqrt(SPLITS)
        level = np.mean([one[rival] for one in found])
        sys.stdout.write(f"{name}: {rival} {level:.4f}, weighed less {rival} {gain.mean():+.4f} +- {half:.4f}\n")
        assert rival == "people" or gain.mean() < 0.0
