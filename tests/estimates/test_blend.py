"""Laws of the layout that the boosted member reads; the fitted blend is tested with its training."""

import numpy as np

from arbiter.estimates.blend import boosting_table, sigmoid


def test_the_table_worked_by_hand() -> None:
    """One row per request and candidate: own score and neighbours, their means, the request, the candidate."""
    scores, near = np.array([[1.0, 3.0]]), np.array([[0.2, 0.4]])
    table = boosting_table(scores, near, np.array([[7.0, 8.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(
        table, [[1.0, 0.2, 2.0, 0.3, 7.0, 8.0, 1.0, 0.0], [3.0, 0.4, 2.0, 0.3, 7.0, 8.0, 0.0, 1.0]]
    )


def test_the_rows_of_a_request_stand_together() -> None:
    """Row i K + k is request i on candidate k, so that reshaping to (n, K) puts predictions in their place."""
    rng = np.random.default_rng(0)
    scores, near = rng.normal(size=(4, 3)), rng.random((4, 3))
    table = boosting_table(scores, near, rng.normal(size=(4, 2)), np.eye(3))
    np.testing.assert_array_equal(table[:, 0].reshape(4, 3), scores)
    np.testing.assert_array_equal(table[:, 1].reshape(4, 3), near)
    np.testing.assert_array_equal(table[:, -3:].reshape(4, 3, 3), np.tile(np.eye(3), (4, 1, 1)))


def test_the_sigmoid_is_symmetric_and_never_overflows() -> None:
    """sigmoid(-x) = 1 - sigmoid(x), from 0 at one end to 1 at the other."""
    x = np.linspace(-5, 5, 11)
    np.testing.assert_allclose(sigmoid(-x), 1 - sigmoid(x))
    np.testing.assert_allclose(sigmoid(np.array([-1e9, 0.0, 1e9])), [0.0, 0.5, 1.0], atol=1e-12)
