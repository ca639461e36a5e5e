"""Laws of the default policy."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.errors import InvalidInputError
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings, GreedyPolicy
from arbiter.policies.explorers import EXPLORERS
from arbiter.policies.gate import Gate
from arbiter.policies.lesson import Lesson
from arbiter.policies.newcomers import capped
from arbiter.policies.residuals import ResidualBelief

K, D = 5, 3


def expectation(seed: int, n: int = 200) -> Expectation:
    rng = np.random.default_rng(seed)
    return Expectation(
        quality=rng.random((n, K)),
        quality_se=np.full((n, K), 0.05),
        cost_usd=10 ** rng.uniform(-5, -1, (n, K)),
        latency_s=np.ones((n, K)),
        output_tokens=np.full((n, K), 100.0),
        weights=UtilityWeights(quality_per_usd=3.0),
    )


def contexts(n: int = 200) -> np.ndarray:
    return np.concatenate([np.ones((n, 1)), np.random.default_rng(9).normal(size=(n, D - 1))], axis=1)


def told(policy: BanditPolicy, arm: int, z: np.ndarray, residual: float, **more: float) -> BanditPolicy:
    return policy.learned(Lesson(arm=arm, context=z, residual=residual, **more))


def misled(share: float, explorer: str) -> BanditPolicy:
    """Give a policy that was told, again and again, that the first arm is far better than it is."""
    policy = BanditPolicy.fresh(K, D, BanditSettings(gate=GateSettings.fixed(share), explorer=explorer))
    for z in contexts(200):
        policy = told(policy, 0, z, 1.0)
    return policy


@pytest.mark.parametrize("explorer", EXPLORERS)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.5, 1.0])
def test_the_expected_loss_is_at_most_the_share_of_the_gap(share: float, explorer: str) -> None:
    """Per request, against the offline policy by the offline estimates, however wrong the bandit is."""
    e, eligible = expectation(0), np.random.default_rng(1).random((200, K)) < 0.7
    eligible[:, 0] = True
    utility = e.utility
    p = misled(share, explorer).action_probabilities(contexts(), eligible, e)
    offline = (GreedyPolicy().action_probabilities(contexts(), eligible, e) * utility).sum(axis=1)
    gap = offline - np.where(eligible, utility, np.inf).min(axis=1)
    assert (offline - (p * utility).sum(axis=1) <= share * gap + 1e-12).all()


def test_without_floor_and_mixture_it_is_sampling_from_the_posterior() -> None:
    """Within 4e-3 and five standard errors of 200,000 sampled scores; fixed seed."""
    policy = BanditPolicy.fresh(K, D, BanditSettings(gate=GateSettings.fixed(1.0), floor=0.0, noise_sd=0.3, width=1.0))
    rng = np.random.default_rng(4)
    for z in contexts(30):
        policy = told(policy, int(rng.integers(K)), z, float(rng.normal(0, 0.2)))
    z, e = contexts()[0], expectation(2).row(0)
    eligible = np.array([True, True, False, True, True])
    weights = [
        rng.multivariate_normal(policy.belief.mean[a], 0.09 * policy.belief.covariance[a], 200_000) for a in range(K)
    ]
    scores = e.utility + np.stack([w @ z for w in weights], axis=1)
    wins = np.bincount(np.where(eligible, scores, -np.inf).argmax(axis=1), minlength=K) / 200_000
    p = policy.action_probabilities(z, eligible, e)
    assert (np.abs(p - wins) < 4e-3 + 5 * np.sqrt(p * (1 - p) / 200_000)).all()


def test_the_floor_reaches_every_eligible_candidate() -> None:
    """At least share x floor / (32 K): a free candidate may not take the whole floor."""
    e = replace(expectation(3), cost_usd=np.tile([0.0, 1e-9, 1e-4, 0.01, 0.1], (200, 1)))
    policy = BanditPolicy.fresh(K, D)
    p = policy.action_probabilities(contexts(), np.ones((200, K), dtype=bool), e)
    assert p.min() >= policy.share * 0.02 / (32 * K)
    free = replace(e, cost_usd=np.zeros((200, K)))
    least = policy.action_probabilities(contexts(), np.ones((200, K), dtype=bool), free).min()
    assert least == pytest.approx(policy.share * 0.02 / K, rel=1e-3)


def test_bad_news_moves_probability_away() -> None:
    """After a hundred answers that were worse than estimated, the best-rated arm is explored less, another more."""
    z, e = np.r_[1.0, np.zeros(D - 1)], replace(expectation(0).row(0), quality=np.array([0.8, 0.7, 0.6, 0.5, 0.4]))
    e = replace(e, cost_usd=np.full(K, 0.001))
    policy = BanditPolicy.fresh(K, D, BanditSettings(gate=GateSettings.fixed(1.0)))
    everyone = np.ones(K, dtype=bool)
    before = policy.action_probabilities(z, everyone, e)
    for _ in range(100):
        policy = told(policy, 0, z, -0.3)
    after = policy.action_probabilities(z, everyone, e)
    assert after[0] < 0.2 < before[0]
    assert after[1] > before[1]


def test_the_half_life_is_a_half_life() -> None:
    """After so many feedbacks the weight of one has halved; None forgets nothing."""
    assert BanditSettings(half_life_feedback=30).decay ** 30 == pytest.approx(0.5)
    assert BanditSettings(half_life_feedback=None).decay == 1.0


def test_the_version_follows_everything_that_matters() -> None:
    """News, settings and the prior change it; the same news gives the same."""
    base = BanditPolicy.fresh(K, D)
    others = [
        told(base, 0, np.ones(D), 0.0),
        told(base, 1, np.ones(D), 0.0),
        told(base, 0, np.ones(D), 0.1),
        BanditPolicy.fresh(K, D, BanditSettings(gate=GateSettings.fixed(0.2))),
        BanditPolicy.fresh(K, D, BanditSettings(explorer="linucb")),
        replace(base, belief=ResidualBelief.prior(np.ones((K, D)))),
        replace(base, gate=replace(base.gate, share=0.3)),
        replace(base, caps=1.0 - 0.5 * np.eye(K)[0]),
    ]
    assert len({base.version, *(p.version for p in others)}) == 9
    assert told(base, 0, np.ones(D), 0.1).version == others[2].version


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"floor": -0.1}, r"floor must lie in \[0, 1\], got -0.1"),
        ({"newcomer_share": float("nan")}, "newcomer_share must lie"),
        ({"scored_share": 1.5}, "scored_share must lie"),
        ({"explorer": "ucb"}, "unknown explorer 'ucb'; there are thompson, linucb"),
        ({"width": -1.0}, "width must be a number from 0 up"),
        ({"half_life_s": 0.0}, "half_life_s must be a number above 0"),
        ({"noise_sd": 0.0}, "noise_sd must be a number above 0, got 0.0"),
        ({"slope_precision": float("nan")}, "slope_precision must be a number above 0"),
        ({"half_life_feedback": 0}, "half_life_feedback must be a number above 0, got 0"),
        ({"half_life_feedback": -5}, "half_life_feedback must be a number above 0, got -5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict, message: str) -> None:
    """A half-life below 0 would let old news grow without end."""
    with pytest.raises(InvalidInputError, match=message):
        BanditSettings(**wrong)


def test_an_estimate_that_is_no_number_is_not_explored() -> None:
    """Its candidate gets nothing from the bandit; where none is a number the offline choice stands alone."""
    e = expectation(5, 3)
    quality = e.quality.copy()
    quality[0, 1], quality[1, :] = np.nan, np.nan
    e = replace(e, quality=quality)
    everyone = np.ones((3, K), dtype=bool)
    p = BanditPolicy.fresh(K, D).action_probabilities(contexts(3), everyone, e)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    assert p[0, 1] == 0.0
    np.testing.assert_array_equal(p[1], GreedyPolicy().action_probabilities(contexts(3), everyone, e)[1])


def test_newcomers_together_stay_below_their_cap_until_they_are_known() -> None:
    """However good they seem; the others keep their proportions; who is judged enough is free; alone they have all."""
    settings = BanditSettings(newcomer_share=0.2, newcomer_judged=30.0, half_life_feedback=None)
    policy = BanditPolicy.fresh(K, D, settings)
    e = replace(expectation(6), quality=np.tile([0.9, 0.1, 0.2, 0.3, 0.95], (200, 1)), cost_usd=np.full((200, K), 1e-4))
    everyone, z = np.ones((200, K), dtype=bool), contexts()
    new = replace(policy, caps=np.array([0.2, 1.0, 1.0, 1.0, 0.2]))
    free, p = (one.action_probabilities(z, everyone, e) for one in (policy, new))
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(p[:, [0, 4]].sum(axis=1), 0.2)
    np.testing.assert_allclose(p[:, 1] / p[:, 2], free[:, 1] / free[:, 2])
    for _ in range(31):
        new = told(new, 4, z[0], 0.0)
    known = new.action_probabilities(z, everyone, e)
    assert known[:, 4].min() > 0.5
    forgetful = replace(new, belief=new.belief.doubted(4, 0.1))  # who was one once is none again
    assert forgetful.belief.counts[4] < 30.0
    assert forgetful.action_probabilities(z, everyone, e)[:, 4].min() > 0.5
    only = np.tile([True, False, False, False, False], (200, 1))
    np.testing.assert_allclose(replace(policy, caps=new.caps).action_probabilities(z, only, e)[:, 0], 1.0)


@pytest.mark.parametrize("wanted", [(0.8, 0.19, 0.01), (0.201, 0.09, 0.709), (0.3, 0.7, 1.6e-16), (1.0, 0.0, 1e-30)])
def test_no_newcomer_has_more_than_its_own_cap(wanted: tuple[float, ...]) -> None:
    """Beside one that may have half, too, and where the others had next to nothing; what is held back is theirs."""
    caps = np.array([0.2, 0.5, 1.0])
    p = capped(np.array(wanted), caps, np.array([True, True, False]))
    assert (p <= caps + 1e-12).all()
    assert p.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_newcomers_cap_grows_with_the_answers_it_comes_with() -> None:
    """A fifth without any, half with thirty and more, in proportion between; a share that was raised is no less."""
    settings = BanditSettings()
    assert [settings.newcomer_cap(n) for n in (0, 15, 30, 900)] == pytest.approx([0.2, 0.35, 0.5, 0.5])
    assert BanditSettings(newcomer_share=0.7).newcomer_cap(30) == 0.7
    assert BanditSettings(newcomer_judged=0.0).newcomer_cap(0) == 0.5


def test_time_forgets_by_its_half_life() -> None:
    """After one half-life the judgements of an hour ago count half; without a clock nothing ages."""
    settings = BanditSettings(half_life_s=3600.0, half_life_feedback=None)
    z = np.ones(D)
    policy = told(told(BanditPolicy.fresh(K, D, settings), 0, z, 0.2, timestamp=0.0), 1, z, 0.2, timestamp=3600.0)
    assert policy.belief.counts[:2].tolist() == pytest.approx([0.5, 1.0])
    timeless = told(told(BanditPolicy.fresh(K, D, settings), 0, z, 0.2), 1, z, 0.2)
    assert timeless.belief.counts[:2].tolist() == [1.0, 1.0]


def test_a_candidate_that_changed_is_found_and_doubted() -> None:
    """Twenty judgements far below what a hundred said: the share opens and the old knowledge counts a tenth."""
    settings = BanditSettings(noise_sd=0.1, half_life_feedback=None)
    policy, rng = BanditPolicy.fresh(K, D, settings), np.random.default_rng(0)
    z = np.r_[1.0, np.zeros(D - 1)]
    for _ in range(100):
        policy = told(policy, 0, z, float(rng.normal(0.0, 0.1)))
    assert policy.share == settings.gate.start
    steps = 0
    while policy.share < settings.gate.most:
        policy, steps = told(policy, 0, z, float(rng.normal(-0.25, 0.1))), steps + 1
    assert steps <= 20
    assert policy.belief.counts[0] < 20.0
    for _ in range(30):
        policy = told(policy, 0, z, float(rng.normal(-0.25, 0.1)))
    assert policy.belief.predict(z)[0][0] < -0.1


def alarmed(n: int = 1) -> BanditPolicy:
    """Give a policy over three candidates of which the first has changed, n times to and fro."""
    settings = BanditSettings(noise_sd=0.1, half_life_feedback=None)
    policy, z = BanditPolicy.fresh(3, D, settings), np.r_[1.0, np.zeros(D - 1)]
    for _ in range(100):
        policy = told(policy, 0, z, 0.0)
    for i in range(n):
        opened = replace(policy, gate=Gate.closed(3, settings.gate))
        while opened.share == settings.gate.start:
            opened = told(opened, 0, z, -0.3 if i % 2 == 0 else 0.3)
        policy = opened
    return policy


def test_an_alarm_also_doubts_that_the_offline_estimate_is_right() -> None:
    """By hand: of ten judgements that the prior counts one is left, however often, and a tenth of the 104 real ones."""
    policy, z = alarmed(), np.r_[1.0, np.zeros(D - 1)]
    assert policy.belief.prior_precision[:, 0].tolist() == [1.0, 10.0, 10.0]
    assert alarmed(2).belief.prior_precision[0, 0] == 1.0
    slopes = np.tile(policy.settings.prior_precision(D)[1:], (3, 1))
    np.testing.assert_array_equal(policy.belief.prior_precision[:, 1:], slopes)
    moment = 0.1 * 4 * -0.3 - 0.3
    np.testing.assert_allclose(policy.belief.predict(z)[0][0], moment / (1.0 + 10.4 + 1.0), rtol=1e-12)
    kept = policy.arranged([0, None, 2], np.zeros(3, dtype=bool), np.ones(3))
    assert kept.belief.prior_precision[:, 0].tolist() == [1.0, 10.0, 10.0]
    told_of = policy.arranged([0, 1, 2], np.zeros(3, dtype=bool), np.array([0.1, 1.0, 1.0]))
    assert told_of.belief.prior_precision[:, 0].tolist() == [10.0, 10.0, 10.0]


def test_a_candidate_is_measured_by_its_own_scatter() -> None:
    """Five judgements of -0.2 are far off for one that scatters by 0.1, and nothing for one that scatters by 0.3."""
    policy, z = (
        BanditPolicy.fresh(2, D, BanditSettings(noise_sd=0.15), np.array([0.1, 0.3])),
        np.ones(D) * 1e-6,
    )
    for _ in range(5):
        policy = told(policy, 1, z, -0.2)
    assert policy.share == policy.settings.gate.start
    for _ in range(5):
        policy = told(policy, 0, z, -0.2)
    assert policy.share == policy.settings.gate.most
    again = BanditPolicy.from_state(policy.to_state())
    assert again.gate.arrays.keys() == policy.gate.arrays.keys()
    for name, array in policy.gate.arrays.items():
        np.testing.assert_array_equal(array, again.gate.arrays[name])


def test_another_list_of_candidates_keeps_what_was_learned() -> None:
    """Reordered, one gone, one new, one a new version that trusts a tenth of its forerunner's judgements."""
    policy, z = BanditPolicy.fresh(3, D, BanditSettings(half_life_feedback=None)), np.ones(D)
    for arm, residual in ((0, 0.1), (1, 0.2), (2, 0.3)):
        for _ in range(10):
            policy = told(policy, arm, z, residual)
    moved = policy.arranged([2, None, 0], np.array([False, True, False]), np.array([1.0, 1.0, 0.1]))
    before, after = policy.belief, moved.belief
    np.testing.assert_allclose(after.mean[0], before.mean[2])
    assert after.counts.tolist() == pytest.approx([10.0, 0.0, 1.0])
    assert not after.mean[1].any()
    assert 0.0 < after.predict(z)[0][2] < before.predict(z)[0][0]
