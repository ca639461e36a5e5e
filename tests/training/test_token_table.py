"""The fit of a token table."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_tokenizer import tiny_tokenizer, tiny_vocabulary

from arbiter.encoders.wordpiece import WordPieces
from arbiter.errors import InvalidInputError
from arbiter_training.token_table import (
    TableSettings,
    TokenTexts,
    count_tokens,
    fit_table,
    quantise,
    starting_table,
    text_targets,
    token_importance,
)

pytest.importorskip("scipy")
from scipy.sparse import csr_matrix

FloatArray = NDArray[np.float64]


def unit(x: FloatArray) -> FloatArray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def problem() -> tuple[FloatArray, csr_matrix, FloatArray]:
    """Give a noisy start, texts over the first 20 of 30 tokens, and targets from the table behind the noise."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(30, 4))
    rows = (rng.random((200, 30)) < 0.2) * 1.0
    rows[:, 20:] = 0.0
    rows[:, 0] = 1.0
    return truth + 0.8 * rng.normal(size=truth.shape), csr_matrix(rows), unit(rows @ truth)


def cosine(table: FloatArray, rows: csr_matrix, targets: FloatArray) -> float:
    return float((unit(rows @ table) * targets).sum(axis=1).mean())


def test_the_fit_comes_nearer_to_the_targets() -> None:
    """Texts that were not fitted on point nearer to their targets than under the start."""
    start, rows, targets = problem()
    table = fit_table(start, rows[:150], targets[:150], TableSettings(penalty=0.1, iterations=15))
    assert cosine(table, rows[150:], targets[150:]) > cosine(start, rows[150:], targets[150:]) + 0.03


def test_tokens_without_texts_keep_their_start() -> None:
    """The vector of a token that no text holds keeps its direction; all share one step in length."""
    start, rows, targets = problem()
    table = fit_table(start, rows, targets, TableSettings(iterations=15))
    steps = table[20:] / start[20:]
    np.testing.assert_allclose(steps, steps[0, 0], rtol=1e-9)


def test_a_great_penalty_fits_nothing() -> None:
    """With a great penalty only the common step in length is left."""
    start, rows, targets = problem()
    table = fit_table(start, rows, targets, TableSettings(penalty=1e12, iterations=15))
    np.testing.assert_allclose(table / start, (table / start)[0, 0], rtol=1e-6)


def test_the_fit_solves_its_equations() -> None:
    """Run to the end, conjugate gradients reach the dense solution of the ridge regression around the start."""
    start, rows, targets = problem()
    table = fit_table(start, rows, targets, TableSettings(penalty=2.0, iterations=300))
    dense = rows.toarray() / np.linalg.norm(rows @ start, axis=1, keepdims=True)
    first = dense @ start
    step = (first * targets).sum() / (first * first).sum()
    variance = np.sum(start**2, axis=1)
    variance /= variance.max()
    primal = np.linalg.solve(dense.T @ dense + 2.0 * np.diag(1 / variance), dense.T @ (targets - step * first))
    np.testing.assert_allclose(table, step * start + primal, atol=1e-8)


def test_rounding_is_within_half_a_step() -> None:
    """Each row is within half of its own scale of the original; a zero row stays zero."""
    table = np.random.default_rng(0).normal(size=(50, 8)) * np.logspace(-6, 3, 50)[:, None]
    table[7] = 0.0
    whole, scale = quantise(table)
    assert whole.dtype == np.int8 and scale.dtype == np.float32
    assert np.all(np.abs(whole * scale[:, None] - table) <= 0.5001 * scale[:, None])
    assert not whole[7].any()


def test_frequent_tokens_weigh_less() -> None:
    """What texts hold more often, or what comes earlier in the vocabulary, weighs less; unknown tokens nothing."""
    known = np.array([True, True, False, True, True])
    by_rank = token_importance(known, TableSettings())
    assert 0 == by_rank[2] < by_rank[0] < by_rank[1] < by_rank[3] < by_rank[4] < 1
    counts = np.array([5.0, 90.0, 7.0, 0.0, 1.0])
    by_texts = token_importance(known, TableSettings(frequency="texts"), counts)
    assert 0 == by_texts[2] < by_texts[1] < by_texts[0] < by_texts[4] < by_texts[3] < 1


def test_the_weight_on_paper() -> None:
    """Of two tokens by rank, p is 1/3.7 and 1/4.7 of their sum, and the weight a / (a + p)."""
    p = np.array([1 / 3.7, 1 / 4.7]) / (1 / 3.7 + 1 / 4.7)
    weights = token_importance(np.ones(2, dtype=bool), TableSettings(sif=0.01))
    np.testing.assert_allclose(weights, 0.01 / (0.01 + p))


def test_the_start_keeps_inner_products_where_no_dimension_is_left_out() -> None:
    """With all axes the start is a rotation of the centred, weighted vectors; fewer axes keep the greatest part."""
    vectors = unit(np.random.default_rng(0).normal(size=(20, 6)))
    weights = np.linspace(0.1, 1.0, 20)
    table, axes = starting_table(vectors, weights, TableSettings(dim=6))
    centred = (vectors - vectors.mean(axis=0)) * weights[:, None]
    np.testing.assert_allclose(table @ table.T, centred @ centred.T, atol=1e-12)
    np.testing.assert_allclose(axes.T @ axes, np.eye(6), atol=1e-12)
    fewer, _ = starting_table(vectors, weights, TableSettings(dim=3))
    np.testing.assert_allclose(np.abs(fewer), np.abs(table[:, :3]), atol=1e-9)


def test_targets_have_length_one_before_the_projection() -> None:
    """On all axes every target has length 1, and those of natural texts surround the origin."""
    vectors = unit(np.random.default_rng(1).normal(size=(100, 6)) + 1.0)
    material = TokenTexts(rows=csr_matrix((100, 3)), vectors=vectors, natural=np.arange(100) < 80)
    targets = text_targets(material, np.eye(6))
    np.testing.assert_allclose(np.linalg.norm(targets, axis=1), 1)
    assert np.linalg.norm(targets[:80].mean(axis=0)) < 0.15


def test_tokens_are_counted_as_they_will_be_served() -> None:
    """A token that comes twice weighs log 3, a token that comes once log 2."""
    rows = count_tokens(WordPieces(tiny_tokenizer()), ["the model the", ""], 200)
    the, model = tiny_vocabulary().index("the"), tiny_vocabulary().index("model")
    assert rows.shape == (2, 200) and rows[1].nnz == 0
    assert rows[0, the] == pytest.approx(np.log(3)) and rows[0, model] == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", ["dim", "sif", "penalty"])
def test_wrong_settings_are_refused(name: str) -> None:
    """A setting that is not above 0 is named."""
    with pytest.raises(InvalidInputError, match=f"{name} of the token table must be above 0; got 0"):
        TableSettings(**{name: 0})


@pytest.mark.parametrize("wrong", [{"iterations": -1}, {"frequency": "guess"}])
def test_other_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    """What is out of range or unknown is named."""
    with pytest.raises(InvalidInputError, match=r"got (-1|'guess')"):
        TableSettings(**wrong)


def test_no_iterations_are_no_fit() -> None:
    """Without iterations only the common step in length is left, whatever the penalty."""
    start, rows, targets = problem()
    table = fit_table(start, rows, targets, TableSettings(penalty=1e-3, iterations=0))
    np.testing.assert_allclose(table / start, (table / start)[0, 0], rtol=1e-9)
