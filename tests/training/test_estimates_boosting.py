"""Laws of boosting on a table that is binned once."""

import numpy as np

from arbiter_training.estimates.boosting import BinnedTable, BoostingOptions

RNG = np.random.default_rng(0)
TABLE = np.concatenate([RNG.normal(size=(600, 4)), RNG.integers(0, 3, (600, 1))], axis=1)
Y = (TABLE[:, 0] > 0.3) * 1.0 + 0.2 * TABLE[:, 4]
OPTIONS = BoostingOptions(iterations=30)


def test_the_forest_reads_the_tables_own_units() -> None:
    """Only the order within a column counts: stretched columns give the same predictions, on new rows too."""
    stretched = np.exp(3.0 * TABLE)
    one = BinnedTable(TABLE[:400]).fit(Y[:400], np.ones(400), np.arange(400), OPTIONS)
    two = BinnedTable(stretched[:400]).fit(Y[:400], np.ones(400), np.arange(400), OPTIONS)
    np.testing.assert_array_equal(one.predict(TABLE), two.predict(stretched))


def test_a_step_is_learned() -> None:
    """On rows that it never saw, an error a tenth of that of the mean."""
    forest = BinnedTable(TABLE[:400]).fit(Y[:400], np.ones(400), np.arange(400), BoostingOptions(iterations=120))
    error = ((forest.predict(TABLE[400:])[:, 0] - Y[400:]) ** 2).mean()
    assert error < 0.1 * Y[400:].var()


def test_rows_without_weight_never_count() -> None:
    """Junk outside of the chosen rows changes nothing, to the last bit."""
    rows, binned = np.arange(300), BinnedTable(TABLE)
    junk = Y.copy()
    junk[300:] = 1e6
    weights = RNG.uniform(0.5, 2.0, 600)
    one, two = (binned.fit(y, weights, rows, OPTIONS).predict(TABLE) for y in (Y, junk))
    np.testing.assert_array_equal(one, two)


def test_equal_weights_are_no_weights() -> None:
    """Whatever their size."""
    binned = BinnedTable(TABLE)
    one, two = (binned.fit(Y, np.full(600, w), np.arange(600), OPTIONS).predict(TABLE) for w in (1.0, 3.0))
    np.testing.assert_array_equal(one, two)
