"""Hashed n-grams."""

import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter.errors import InvalidInputError, MissingExtraError
from arbiter.ngrams import HashedNgrams

TEXTS = ["the cheap model is the best model", "", "模型", "?!", "cheap model"]


def test_counts_on_paper() -> None:
    """'a b a' has words a twice, b once, and the pairs ab and ba."""
    row = HashedNgrams(2**16).transform_one("A b a")
    expected = np.log1p([2, 1, 1, 1])
    np.testing.assert_allclose(sorted(row.values), sorted(expected / np.linalg.norm(expected)), rtol=1e-6)


def test_signs_and_case_do_not_count() -> None:
    """The same words otherwise written give the same row."""
    a, b = (HashedNgrams().transform_one(text) for text in ("Cheap, model!", "cheap MODEL"))
    np.testing.assert_array_equal(a.indices, b.indices)


@given(st.lists(st.text(max_size=40), max_size=6))
def test_rows_are_unit_or_empty_and_equal_alone_and_together(texts: list[str]) -> None:
    """Each row has length 1 or no entry, and one text gives its row of a batch to the bit."""
    ngrams = HashedNgrams(64)
    batch = ngrams.transform(texts)
    assert len(batch) == len(texts)
    for text, (indices, values) in zip(texts, batch.rows(), strict=True):
        alone = ngrams.transform_one(text)
        np.testing.assert_array_equal(alone.indices, indices)
        np.testing.assert_array_equal(alone.values, values)
        assert len(values) == 0 or abs(float(values @ values) - 1) < 1e-5
        assert np.all(np.diff(indices) > 0) and np.all(indices < 64)


def test_the_product_is_that_of_the_dense_matrix() -> None:
    """Multiplying equals multiplying the written-out matrix, empty rows giving zero."""
    pytest.importorskip("scipy")
    batch = HashedNgrams(64).transform(TEXTS)
    matrix = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
    np.testing.assert_allclose(batch.dot(matrix), batch.to_csr().toarray() @ matrix, atol=1e-6)
    assert not batch.dot(matrix)[1].any()


def test_rows_can_be_taken() -> None:
    """Taking rows equals transforming their texts."""
    ngrams = HashedNgrams()
    taken = ngrams.transform(TEXTS).take([4, 0, 0, 1])
    direct = ngrams.transform([TEXTS[4], TEXTS[0], TEXTS[0], TEXTS[1]])
    np.testing.assert_array_equal(taken.indptr, direct.indptr)
    np.testing.assert_array_equal(taken.indices, direct.indices)
    np.testing.assert_array_equal(taken.values, direct.values)
    assert len(ngrams.transform(TEXTS).take([])) == 0


def test_no_texts_give_no_rows() -> None:
    """An empty list is a batch of none."""
    assert HashedNgrams().transform([]).dot(np.zeros((4096, 2), dtype=np.float32)).shape == (0, 2)


def test_buckets_are_part_of_the_format() -> None:
    """The buckets of a text never change: fitted weights belong to them."""
    assert HashedNgrams().transform_one("hello router").indices.tolist() == [3339, 3403, 3949]


def test_threads_share_one() -> None:
    """Eight threads with one counter all get the right rows."""
    ngrams, wrong = HashedNgrams(), []
    texts = [f"word{i} of {i * 7}" for i in range(200)]
    expected = [HashedNgrams().transform_one(text).indices.tolist() for text in texts]

    def work() -> None:
        wrong.extend(t for t, e in zip(texts, expected, strict=True) if ngrams.transform_one(t).indices.tolist() != e)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("buckets", [0, 8, 1000, -4096])
def test_buckets_must_be_a_power_of_two(buckets: int) -> None:
    """Another number is refused with one that would do."""
    with pytest.raises(InvalidInputError, match=f"got {buckets}"):
        HashedNgrams(buckets)


def test_a_missing_scipy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scipy the error names the extra."""
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(MissingExtraError, match=r"arbiter-router\[train\]"):
        HashedNgrams().transform(["a"]).to_csr()


def test_buckets_are_named_by_what_fills_them() -> None:
    """Every bucket of the row has a name, and a word alone fills the bucket that it names."""
    ngrams = HashedNgrams()
    names = ngrams.names("to be or not to be")
    assert set(names) == set(ngrams.transform_one("to be or not to be").indices.tolist())
    assert set(names.values()) == {"to", "be", "or", "not", "to be", "be or", "or not", "not to"}
    for bucket, name in names.items():
        assert bucket in ngrams.transform_one(name).indices
    assert ngrams.names("") == {}
