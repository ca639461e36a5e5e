"""Laws of the belief about each candidate's error."""

import numpy as np
import pytest

from arbiter.policies.residuals import ResidualBelief

K, D = 3, 4
PRIOR = np.array([20.0, 50.0, 50.0, 50.0])


def feedback(n: int, seed: int = 0) -> list[tuple[int, np.ndarray, float]]:
    rng = np.random.default_rng(seed)
    return [(int(rng.integers(K)), np.r_[1.0, rng.normal(size=D - 1)], float(rng.normal(0.1, 0.2))) for _ in range(n)]


def folded(events: list[tuple[int, np.ndarray, float]], decay: float = 1.0) -> ResidualBelief:
    belief = ResidualBelief.prior(np.tile(PRIOR, (K, 1)))
    for arm, context, residual in events:
        belief = belief.updated(arm, context, residual, decay=decay)
    return belief


def test_one_feedback_worked_by_hand() -> None:
    """Prior precision 3, one residual of .4 at context 1: mean .4 / 4, variance 1 / 4."""
    belief = ResidualBelief.prior(np.array([[3.0]])).updated(0, np.array([1.0]), 0.4)
    mean, sd = belief.predict(np.array([1.0]))
    assert mean[0] == pytest.approx(0.1)
    assert sd[0] == pytest.approx(0.5)


def test_learning_one_by_one_is_least_squares_on_all() -> None:
    """The weights solve the ridge regression of each arm's feedback, whatever the order."""
    events = feedback(200)
    belief, shuffled = folded(events), folded([events[i] for i in np.random.default_rng(1).permutation(200)])
    for arm in range(K):
        x = np.array([z for a, z, _ in events if a == arm])
        y = np.array([r for a, _, r in events if a == arm])
        augmented = np.concatenate([x, np.diag(np.sqrt(PRIOR))])
        weights = np.linalg.lstsq(augmented, np.r_[y, np.zeros(D)], rcond=None)[0]
        np.testing.assert_allclose(belief.mean[arm], weights, atol=1e-12)
        np.testing.assert_allclose(belief.covariance[arm], np.linalg.inv(x.T @ x + np.diag(PRIOR)), atol=1e-14)
    np.testing.assert_allclose(shuffled.mean, belief.mean, atol=1e-12)


def test_a_decay_of_one_forgets_nothing() -> None:
    """The sums are plain sums, to the bit."""
    events = feedback(50)
    belief = folded(events, decay=1.0)
    gram, moment = np.zeros((K, D, D)), np.zeros((K, D))
    for arm, z, r in events:
        gram[arm] += np.outer(z, z)
        moment[arm] += r * z
    np.testing.assert_array_equal(belief.gram, gram)
    np.testing.assert_array_equal(belief.moment, moment)


def test_decay_weighs_by_age() -> None:
    """The n-th last feedback of an arm weighs decay^n, and other arms' news age nobody."""
    events, decay = feedback(60), 0.9
    belief = folded(events, decay)
    for arm in range(K):
        own = [(z, r) for a, z, r in events if a == arm]
        age = decay ** np.arange(len(own))[::-1]
        np.testing.assert_allclose(
            belief.gram[arm], sum(w * np.outer(z, z) for w, (z, _) in zip(age, own, strict=True))
        )
        np.testing.assert_allclose(belief.moment[arm], sum(w * r * z for w, (z, r) in zip(age, own, strict=True)))


def test_what_is_forgotten_falls_back_to_the_prior() -> None:
    """The prior never decays: after much news in one direction the others are as on the first day."""
    belief = folded(feedback(100))
    first = ResidualBelief.prior(np.tile(PRIOR, (K, 1)))
    along = np.array([1.0, 0.0, 0.0, 0.0])
    for _ in range(2000):
        belief = belief.updated(0, along, 0.0, decay=0.95)
    np.testing.assert_allclose(belief.covariance[0, 1:, 1:], first.covariance[0, 1:, 1:], atol=1e-12)
    np.testing.assert_allclose(belief.mean[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(belief.covariance[0, 0, 0], 1 / (PRIOR[0] + 1 / (1 - 0.95)), rtol=1e-9)


def test_an_update_leaves_the_old_belief_and_the_other_arms_alone() -> None:
    """Threads may read the old one on; only the arm that was judged differs in the new one."""
    old = folded(feedback(20))
    kept = {name: getattr(old, name).copy() for name in ("gram", "moment", "covariance", "mean")}
    new = old.updated(1, np.ones(D), 0.5)
    for name, before in kept.items():
        np.testing.assert_array_equal(getattr(old, name), before)
        np.testing.assert_array_equal(getattr(new, name)[[0, 2]], before[[0, 2]])
        assert not np.array_equal(getattr(new, name)[1], before[1])


def test_the_caches_follow_from_the_sums() -> None:
    """Rebuilt from precision, gram and moment, the belief is the same to 1e-12."""
    belief = folded(feedback(100), 0.99)
    again = ResidualBelief.from_statistics(belief.prior_precision, belief.gram, belief.moment)
    np.testing.assert_allclose(again.covariance, belief.covariance, atol=1e-12)
    np.testing.assert_allclose(again.mean, belief.mean, atol=1e-12)


def test_predictions_of_a_batch_are_those_of_its_rows() -> None:
    """Mean and standard deviation, the latter sqrt(z' covariance z), and smaller after news."""
    belief = folded(feedback(80))
    z = np.concatenate([np.ones((7, 1)), np.random.default_rng(3).normal(size=(7, D - 1))], axis=1)
    mean, sd = belief.predict(z)
    for i, row in enumerate(z):
        alone = belief.predict(row)
        np.testing.assert_allclose(alone[0], mean[i], atol=1e-12)
        np.testing.assert_allclose(alone[1], sd[i], atol=1e-12)
    assert (sd < ResidualBelief.prior(np.tile(PRIOR, (K, 1))).predict(z)[1]).all()


def test_a_weight_is_that_many_judgements() -> None:
    """A judgement of weight 3 is three of weight 1, and half the noise variance is weight 2."""
    z = np.array([1.0, 0.5, -0.2, 0.1])
    start = ResidualBelief.prior(np.tile(PRIOR, (K, 1)))
    heavy, thrice = start.updated(0, z, 0.3, weight=3.0), start
    for _ in range(3):
        thrice = thrice.updated(0, z, 0.3)
    np.testing.assert_allclose(heavy.mean, thrice.mean, atol=1e-12)
    np.testing.assert_allclose(heavy.covariance, thrice.covariance, atol=1e-12)


def test_time_passes_for_every_arm_and_doubt_for_one() -> None:
    """Ageing scales all sums, doubting those of one arm; the caches follow."""
    belief = folded(feedback(60))
    aged, doubted = belief.aged(0.5), belief.doubted(1, 0.1)
    np.testing.assert_allclose(aged.gram, 0.5 * belief.gram)
    np.testing.assert_allclose(doubted.gram[1], 0.1 * belief.gram[1])
    np.testing.assert_array_equal(doubted.gram[[0, 2]], belief.gram[[0, 2]])
    for found in (aged, doubted):
        exact = ResidualBelief.from_statistics(found.prior_precision, found.gram, found.moment)
        np.testing.assert_allclose(found.mean, exact.mean, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("decay", "d"), [(0.999, 8), (1.0, 8), (0.9977, 32)])
def test_a_million_updates_stay_finite_symmetric_and_right(decay: float, d: int) -> None:
    """Against the weighted least squares of all million rows at once, in float64: to 1e-9, symmetric to the bit."""
    rng, n = np.random.default_rng(7), 1_000_000
    prior = np.full((1, d), 5.0)
    belief = ResidualBelief.prior(prior)
    contexts = np.concatenate([np.ones((1000, 1)), rng.normal(size=(1000, d - 1))], axis=1)
    residuals = rng.normal(0.1, 0.2, size=n)
    for i in range(n):
        belief = belief.updated(0, contexts[i % 1000], float(residuals[i]), decay=decay)
    age = decay ** np.arange(n - 1, -1, -1.0)
    weights, moments = (values.reshape(-1, 1000).sum(axis=0) for values in (age, age * residuals))  # by context
    inverse = np.linalg.inv((contexts * weights[:, None]).T @ contexts + np.diag(prior[0]))
    np.testing.assert_allclose(belief.covariance[0], inverse, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(belief.mean[0], inverse @ (contexts.T @ moments), rtol=1e-9, atol=1e-12)
    assert np.array_equal(belief.covariance[0], belief.covariance[0].T)
    assert np.isfinite(belief.gram).all() and np.isfinite(belief.moment).all()
