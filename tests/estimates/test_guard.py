"""Laws of the guard, as it is served."""

import numpy as np

from arbiter.estimates.guard import Guard

BLEND = np.array([[0.9, 0.5], [0.6, 0.8]])


def test_full_belief_is_the_blend() -> None:
    """Slope 1 and no intercept."""
    np.testing.assert_allclose(Guard(anchor=0, level=1.0, slope=1.0, intercept=np.zeros(2)).apply(BLEND), BLEND)


def test_no_belief_leaves_the_differences_constant() -> None:
    """Slope 0: all candidates move with the anchor, apart by their intercepts."""
    found = Guard(anchor=0, level=1.0, slope=0.0, intercept=np.array([0.0, -0.1])).apply(BLEND)
    np.testing.assert_allclose(found, [[0.9, 0.8], [0.6, 0.5]])


def test_half_belief_worked_by_hand() -> None:
    """.9 + .5 (.5 - .9) = .7, and what leaves [0, 1] is cut."""
    found = Guard(anchor=0, level=1.0, slope=0.5, intercept=np.array([0.2, 0.0])).apply(BLEND)
    np.testing.assert_allclose(found, [[1.0, 0.7], [0.8, 0.7]])


def test_the_state_keeps_the_bits() -> None:
    """Read back from a bundle."""
    guard = Guard(anchor=1, level=1.0, slope=0.37, intercept=np.array([0.01, -0.02]))
    np.testing.assert_array_equal(Guard.from_state(guard.to_state()).apply(BLEND), guard.apply(BLEND))
