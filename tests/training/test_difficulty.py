"""Difficulty of requests from the outcomes of models."""

import numpy as np
from scipy.stats import spearmanr

from arbiter_training.difficulty import difficulty_of

ABILITY = np.array([-1.5, -0.5, 0.0, 0.5, 1.5, 2.5])


def simulated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Give true difficulties and right-or-wrong answers of six models of known ability."""
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(scale=1.5, size=n)
    chance = 1 / (1 + np.exp(-(ABILITY[None, :] - difficulty[:, None])))
    return difficulty, (rng.random(chance.shape) < chance).astype(float)


def test_with_all_models_judged_the_share_is_the_plain_one() -> None:
    """The share of failing models is one minus the mean quality, worked on paper."""
    found = difficulty_of(np.array([[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.5, 0.0], [1.0, 1.0, 1.0, 1.0]]))
    np.testing.assert_allclose(found.share, [0.25, 0.875, 0.0])
    assert found.levels(3).tolist() == [1, 4, 0]


def test_too_few_judged_models_tell_nothing() -> None:
    """A request judged on fewer models than asked for has no level, and one judged on none has the prior's share."""
    found = difficulty_of(np.array([[1.0, np.nan, np.nan], [np.nan, np.nan, np.nan], [1.0, 0.0, 1.0]]))
    assert found.levels(3).tolist() == [-1, -1, 2]
    assert found.judged.tolist() == [1, 0, 3]


def test_abilities_come_out_in_their_order() -> None:
    """Of 2,000 simulated requests the models are ranked as they were made."""
    _, answers = simulated(2_000, 0)
    ability = difficulty_of(answers).ability
    assert (np.diff(ability) > 0).all()


def test_hard_requests_sent_to_strong_models_still_count_as_hard() -> None:
    """Where the router asked strong models on hard requests, the plain share misleads and the Rasch share does not."""
    difficulty, answers = simulated(3_000, 1)
    asked = np.where((difficulty > 0)[:, None], np.arange(6) >= 3, np.arange(6) < 3)
    asked |= np.random.default_rng(2).random(asked.shape) < 0.1
    seen = np.where(asked, answers, np.nan)
    plain = spearmanr(1 - np.nanmean(seen, axis=1), difficulty)[0]
    modelled = spearmanr(difficulty_of(seen).share, difficulty)[0]
    assert modelled > plain + 0.1


def test_more_answers_tell_more() -> None:
    """The estimate of the share from six models follows the truth closer than that from three."""
    difficulty, answers = simulated(3_000, 3)
    few = answers.copy()
    few[:, 3:] = np.nan
    agree = [spearmanr(difficulty_of(a).share, difficulty)[0] for a in (few, answers)]
    assert agree[1] > agree[0] > 0.5
