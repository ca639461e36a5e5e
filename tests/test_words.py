"""Words and their hashes."""

import copy
import pickle
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter import words as module
from arbiter.words import WordHashes, mix, pairs, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi, is this_1 OK?", ["hi", "is", "this_1", "ok"]),
        ("Où est l'ÉCOLE", ["où", "est", "l", "école"]),
        ("请帮我 sort", ["请", "帮", "我", "sort"]),
        ("ソートsort", ["ソ", "ー", "ト", "sort"]),
        ("", []),
        ("?! ...", []),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    """Runs of letters and digits are words, in lower case; Chinese and Japanese fall into characters."""
    assert words(text) == expected


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_way_for_ascii_is_the_way_for_all(text: str) -> None:
    """Plain text falls into the same words as beside a letter of another script."""
    assert words(text + " é") == [*words(text), "é"]


def test_a_hash_is_the_crc() -> None:
    """A word's number is the CRC-32 of its UTF-8 bytes, the same the second time."""
    hashes = WordHashes()
    for _ in range(2):
        assert hashes(["route", "école"]).tolist() == [zlib.crc32(b"route"), zlib.crc32("école".encode())]


def test_hashes_are_the_same_in_another_process() -> None:
    """Hashes do not depend on the process's salt."""
    code = "from arbiter.words import *; print(mix(WordHashes()(words('Chat 模型'))).tolist())"
    outputs = {
        subprocess.check_output([sys.executable, "-c", code], text=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": p})
        for seed, p in (("1", _path()), ("2", _path()))
    }
    assert outputs == {f"{mix(WordHashes()(words('Chat 模型'))).tolist()}\n"}


def _path() -> str:
    return ":".join(path for path in sys.path if path)


def test_a_full_memory_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes stay right when more words come than are remembered."""
    monkeypatch.setattr(module, "MAX_REMEMBERED_WORDS", 2)
    hashes = WordHashes()
    parts = ["a", "b", "c", "d", "a"]
    assert hashes(parts).tolist() == [zlib.crc32(part.encode()) for part in parts]


def test_the_order_within_a_pair_counts() -> None:
    """Two words one way round and the other are different pairs."""
    a, b = np.uint32(17), np.uint32(99)
    assert pairs(np.array([a, b])) != pairs(np.array([b, a]))
    assert len(pairs(np.array([a]))) == 0


def test_numbers_fill_buckets_evenly() -> None:
    """5,000 words in 64 buckets: chi-square below its 99.9 % quantile at 63 degrees of freedom (103.4)."""
    hashes = mix(WordHashes()([f"word{i}" for i in range(5_000)])) & np.uint32(63)
    counts = np.bincount(hashes, minlength=64)
    assert np.sum((counts - 5_000 / 64) ** 2 / (5_000 / 64)) < 103.4


def test_hashes_can_be_copied_and_sent_to_other_processes() -> None:
    """As scikit-learn's parallel searches do with a fitted model; the numbers are the same there."""
    hashes = WordHashes()
    expected = hashes(["a", "b"])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(hashes))(["a", "b"]), expected)
    np.testing.assert_array_equal(copy.deepcopy(hashes)(["b", "a"]), expected[::-1])
