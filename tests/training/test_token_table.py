"""The fit of a token table."""

import numpy as np
import pytest
from arbiter_training.token_table import (
    TableSettings,
    TokenTexts,
    count_tokens,
    fit_table,
    quantise,
    starting_table,
)
from numpy.typing import NDArray
from tiny_tokenizer import tiny_tokenizer, tiny_vocabulary

from arbiter.encoders.wordpiece import WordPieces
from arbiter.errors import InvalidInputError

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
    table = fit_table(start, rows[:150], targets[:150], TableSettings(penalty=0.1))
    assert cosine(table, rows[150:], targets[150:]) > cosine(start, rows[150:], targets[150:]) + 0.03


def test_tokens_without_texts_keep_their_start() -> None:
    """The vector of a token that no text holds keeps its direction; all share one step in length."""
    start, rows, targets = problem()
    table = fit_table(start, rows, targets, TableSettings())
    steps = table[20:] / start[20:]
    np.testing.assert_allclose(steps, steps[0, 0], rtol=1e-9)


def test_a_great_penalty_fits_nothing() -> None:
    """With a great penalty only the common step in length is left."""
    start, rows, targets = problem()
    table = fit_table(start, rows, targets, TableSettings(penalty=1e12))
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


def test_rare_tokens_start_longer_than_frequent_ones() -> None:
    """Of two tokens the one that texts hold more often starts shorter; unknown ones start at 0."""
    vectors = unit(np.random.default_rng(0).normal(size=(6, 6)))
    rows = csr_matrix(np.array([[1.0, 1.0, 0, 0, 0, 0]] + [[1.0, 0, 1.0, 0, 0, 0]] * 99))
    known = np.array([True] * 5 + [False])
    material = TokenTexts(
        rows=rows, vectors=unit(np.random.default_rng(1).normal(size=(100, 6))), natural=np.ones(100, dtype=bool)
    )
    table, targets = starting_table(vectors, material, known, TableSettings(dim=6))
    centred = np.linalg.norm(vectors - vectors[:5].mean(axis=0), axis=1)
    lengths = np.linalg.norm(table, axis=1)
    weight = lengths / centred
    assert weight[0] < weight[2] < weight[1] < weight[3]
    assert lengths[5] == 0
    np.testing.assert_allclose(np.linalg.norm(targets, axis=1), 1, atol=1e-9)


def test_tokens_are_counted_as_they_will_be_served() -> None:
    """A token that comes twice weighs log 3, a token that comes once log 2."""
    rows = count_tokens(WordPieces(tiny_tokenizer()), ["the model the", ""], 200)
    the, model = tiny_vocabulary().index("the"), tiny_vocabulary().index("model")
    assert rows.shape == (2, 200) and rows[1].nnz == 0
    assert rows[0, the] == pytest.approx(np.log(3)) and rows[0, model] == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", ["dim", "sif", "penalty", "iterations"])
def test_wrong_settings_are_refused(name: str) -> None:
    """A setting that is not above 0 is named."""
    with pytest.raises(InvalidInputError, match=f"{name} of the token table must be above 0; got 0"):
        TableSettings(**{name: 0})
