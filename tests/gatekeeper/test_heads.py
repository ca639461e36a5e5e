"""The heads' columns and their normalisation."""

import numpy as np

from arbiter.gatekeeper.heads import HEADS, N_OUTPUTS, SLICES, HeadProbabilities, softmax, softmax_by_head


def test_the_slices_cover_every_column_once_in_the_order_of_the_heads() -> None:
    """Side by side, the heads' columns are all columns."""
    columns = [i for head in HEADS for i in range(SLICES[head].start, SLICES[head].stop)]
    assert columns == list(range(N_OUTPUTS))


def test_softmax_by_head_is_the_softmax_of_each_head() -> None:
    """Normalising all heads at once equals normalising each alone, even for huge scores."""
    scores = np.random.default_rng(0).normal(scale=300.0, size=(7, N_OUTPUTS))
    expected = np.concatenate([softmax(scores[:, columns]) for columns in SLICES.values()], axis=1)
    np.testing.assert_allclose(softmax_by_head(scores), expected, rtol=1e-12, atol=1e-300)


def test_levels_and_tails_of_a_certain_verdict() -> None:
    """A head that is sure of its last level has level 1 and all tails 1."""
    stacked = np.zeros((1, N_OUTPUTS))
    for columns in SLICES.values():
        stacked[0, columns.stop - 1] = 1.0
    heads = HeadProbabilities(stacked=stacked)
    assert heads.level("harm") == [1.0]
    assert heads.at_least("harm", "low") == heads.at_least("harm", "critical") == [1.0]
