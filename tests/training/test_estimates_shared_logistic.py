"""Laws of the logistic regression of many candidates at once."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from arbiter_training.estimates import shared_logistic
from arbiter_training.estimates.shared_logistic import Penalty, fit_shared_logistic

N, M, K = 120, 5, 3


def sample(seed: int = 0) -> tuple[csr_matrix, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, M))
    truth = rng.normal(size=(M, 1)) + 0.5 * rng.normal(size=(M, K))
    y = (rng.random((N, K)) < 1 / (1 + np.exp(-x @ truth))).astype(float)
    return csr_matrix(x), y, rng.uniform(0.5, 2.0, (N, K))


def test_the_gradient_is_that_of_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against finite differences, relative error below 1e-5, at a random point."""
    caught: dict[str, Any] = {}
    original = shared_logistic.minimize

    def spy(loss: Any, start: np.ndarray, **options: Any) -> Any:
        caught.update(loss=loss, size=start.size)
        return original(loss, start, **options)

    monkeypatch.setattr(shared_logistic, "minimize", spy)
    fit_shared_logistic(*sample(), Penalty(shared=0.7, own=1.3))
    point = np.random.default_rng(1).normal(size=caught["size"])
    numeric = approx_fprime(point, lambda v: caught["loss"](v)[0], 1e-6)
    np.testing.assert_allclose(caught["loss"](point)[1], numeric, rtol=1e-5, atol=2e-4)


def test_one_candidate_is_plain_logistic_regression() -> None:
    """Both penalties then act as one ridge penalty p = s o / (s + o); equal to scikit-learn at C = 1 / p to 1e-3."""
    design, y, w = sample()
    penalty = Penalty(shared=2.0, own=6.0)
    coefficients, bias = fit_shared_logistic(design, y[:, :1], w[:, :1], penalty)
    plain = LogisticRegression(C=8.0 / 12.0, tol=1e-8, max_iter=1000).fit(design, y[:, 0], sample_weight=w[:, 0])
    np.testing.assert_allclose(coefficients, plain.coef_, atol=1e-3)
    np.testing.assert_allclose(bias, plain.intercept_, atol=1e-3)


def test_a_huge_own_penalty_leaves_the_shared_slope() -> None:
    """All candidates then have one slope; without any sharing each stands alone, but for the bias in common."""
    design, y, w = sample()
    coefficients, bias = fit_shared_logistic(design, y, w, Penalty(shared=1.0, own=1e7))
    np.testing.assert_allclose(coefficients, np.broadcast_to(coefficients[0], coefficients.shape), atol=1e-4)
    assert np.ptp(bias) > 0.01
    apart, _ = fit_shared_logistic(design, y, w, Penalty(shared=1e4, own=1.0))
    for a in range(K):
        plain = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(design, y[:, a], sample_weight=w[:, a])
        np.testing.assert_allclose(apart[a : a + 1], plain.coef_, atol=0.02)


@pytest.mark.parametrize("junk", [0.0, 1.0, 55.0, float("nan"), float("inf")])
def test_cells_without_weight_never_count(junk: float) -> None:
    """Whatever stands in them, the fit is the same to the bit."""
    design, y, w = sample()
    w[np.random.default_rng(2).random((N, K)) < 0.6] = 0.0
    clean, spoilt = np.where(w > 0, y, 0.0), np.where(w > 0, y, junk)
    for a, b in zip(
        fit_shared_logistic(design, clean, w, Penalty(shared=1, own=4)),
        fit_shared_logistic(design, spoilt, w, Penalty(shared=1, own=4)),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_a_candidate_without_outcomes_takes_what_all_have_in_common() -> None:
    """The shared slope, and a chance between those of the others: unknown is not bad."""
    design, y, w = sample()
    w[:, 1] = 0.0
    coefficients, bias = fit_shared_logistic(design, y, w, Penalty(shared=1.0, own=1e7))
    np.testing.assert_allclose(coefficients[1], coefficients[0], atol=1e-4)
    assert min(bias[0], bias[2]) < bias[1] < max(bias[0], bias[2])


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_outcome_does_not_decide(outcome: float) -> None:
    """A single success or failure moves a candidate's log-odds by less than 1, and never to infinity."""
    design, y, w = sample()
    w[:, 1] = 0.0
    penalty = Penalty(shared=1.0, own=8.0)
    _, before = fit_shared_logistic(design, y, w, penalty)
    y[5, 1], w[5, 1] = outcome, 1.0
    _, after = fit_shared_logistic(design, y, w, penalty)
    assert 0 < abs(after[1] - before[1]) < 1


def test_graded_outcomes_count_as_fractions() -> None:
    """One outcome of .3 weighs as .3 of a success and .7 of a failure."""
    design, y, w = sample()
    graded = np.full_like(y, 0.3)
    doubled = csr_matrix(np.concatenate([design.toarray(), design.toarray()]))
    split = np.concatenate([np.ones_like(y), np.zeros_like(y)])
    weights = np.concatenate([0.3 * w, 0.7 * w])
    penalty = Penalty(shared=1.0, own=1.0)
    one, two = fit_shared_logistic(design, graded, w, penalty), fit_shared_logistic(doubled, split, weights, penalty)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
