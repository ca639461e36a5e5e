"""The log record: what it accepts, what it refuses, and how it is cut."""

import numpy as np
import pytest

from arbiter.errors import PropensityError
from arbiter.ope import LoggedFeedback, evaluate


def test_bandit_and_matrix_give_one_record():
    """A bandit log equals the table with one cell per row scored at the propensity."""
    bandit = LoggedFeedback.from_bandit([1, 0], [0.5, 1.0], [0.25, 0.5], 2)
    table = np.array([[np.nan, 0.5], [1.0, np.nan]])
    matrix = LoggedFeedback.from_matrix(table, np.array([[np.nan, 0.25], [0.5, np.nan]]))
    assert np.array_equal(bandit.matrix(), table, equal_nan=True)
    assert np.array_equal(matrix.matrix(), table, equal_nan=True)
    assert np.array_equal(bandit.inclusion, matrix.inclusion)
    assert matrix.cells_per_row == 1


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.5, np.nan])
def test_a_wrong_propensity_is_refused_with_its_row(bad):
    """Zero, negative, above one and NaN name row 2."""
    with pytest.raises(PropensityError, match="row 2"):
        LoggedFeedback.from_bandit([0, 1, 0], [1.0, 1.0, 1.0], [0.5, 0.5, bad], 2)


def test_a_wrong_propensity_in_a_matrix_names_the_request():
    """The row is the request, not the cell."""
    rewards = np.array([[1.0, 1.0], [np.nan, np.nan], [1.0, 0.0]])
    chance = np.array([[1.0, 1.0], [0.5, 0.5], [1.0, 2.0]])
    with pytest.raises(ValueError, match="row 2"):
        LoggedFeedback.from_matrix(rewards, chance)


@pytest.mark.parametrize(
    ("action", "reward", "message"),
    [
        ([0, 2], [1.0, 1.0], "row 1"),
        ([0, 1], [1.0, np.inf], "row 1"),
        ([0, 1], [1.0], "reward"),
        ([0.0, 1.0], [1.0, 1.0], "int"),
        ([], [], "int|empty"),
    ],
)
def test_wrong_columns_are_refused(action, reward, message):
    """An action out of range, an infinite reward, unequal lengths, float actions, an empty log."""
    with pytest.raises(ValueError, match=message):
        LoggedFeedback.from_bandit(action, reward, [0.5] * len(action), 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [([0.5, 0.4], "sum to 0.9 in row 1"), ([1.5, -0.5], "negative entry in row 1"), ([np.nan, 1.0], "row 1")],
)
def test_a_policy_that_is_no_distribution_is_refused(row, message):
    """The first bad row is named."""
    log = LoggedFeedback.from_bandit([0, 1], [1.0, 1.0], [0.5, 0.5], 2)
    with pytest.raises(ValueError, match=message):
        evaluate(log, np.array([[0.5, 0.5], row]))


def test_a_prediction_that_is_not_finite_is_refused():
    """Also where the policy gives the action no weight."""
    log = LoggedFeedback.from_bandit([0, 1], [1.0, 1.0], [0.5, 0.5], 2)
    with pytest.raises(ValueError, match="row 1"):
        evaluate(log, np.tile([1.0, 0.0], (2, 1)), np.array([[0.0, 0.0], [0.0, np.nan]]))


def test_select_cuts_rows_with_their_cells():
    """Rows in any order, repeated or masked, keep their own cells."""
    table = np.array([[1.0, 2.0], [np.nan, 3.0], [np.nan, np.nan], [4.0, np.nan]])
    log = LoggedFeedback.from_matrix(table, 0.5, clusters=["a", "b", "a", "c"])
    cut = log.select([3, 0, 0, 2])
    assert np.array_equal(cut.matrix(), table[[3, 0, 0, 2]], equal_nan=True)
    assert list(cut.cluster_labels[cut.cluster_index]) == ["c", "a", "a", "a"]
    masked = log.select(np.array([True, False, False, True]))
    assert np.array_equal(masked.matrix(), table[[0, 3]], equal_nan=True)
