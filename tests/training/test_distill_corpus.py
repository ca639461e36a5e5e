"""The texts of a distillation."""

import json
from pathlib import Path

import numpy as np
import pytest

from arbiter.errors import InvalidInputError
from arbiter_training.distill_corpus import docstrings, mixes, read_prompts, spans


def test_prompts_and_conversations_are_read(tmp_path: Path) -> None:
    """A prompt is itself; a conversation is its last user turn."""
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "last"},
    ]
    lines = [json.dumps({"prompt": "plain", "domain": "x"}), "", json.dumps({"messages": turns})]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert read_prompts(tmp_path) == ["plain", "last"]


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"messages": []}', "3"])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    """The error names file and line."""
    (tmp_path / "a.jsonl").write_text(f'{{"prompt": "p"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"a\.jsonl:2 is no prompt"):
        read_prompts(tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    """No prompts at all is an error, not an empty list."""
    with pytest.raises(InvalidInputError, match="seed prompts"):
        read_prompts(tmp_path)


def test_docstrings_are_read_without_importing() -> None:
    """Docstrings of a package are sampled up to the limit, the same for the same seed."""
    first, again = (docstrings("email", 20, np.random.default_rng(0)) for _ in range(2))
    assert first == again and len(first) == 20
    assert all(len(text) >= 60 for text in first)


def test_a_package_that_is_not_there_is_named() -> None:
    """The recipe's package must be installed."""
    with pytest.raises(InvalidInputError, match="'no_such_package'"):
        docstrings("no_such_package", 5, np.random.default_rng(0))


def test_spans_are_runs_of_words() -> None:
    """Each span is a run of at least four words of a text; too short texts give none."""
    text = " ".join(f"w{i}" for i in range(50))
    found = spans([text, "too short"], 30, np.random.default_rng(0))
    assert len(found) == 30
    assert all(span in text and 4 <= len(span.split()) <= 40 for span in found)
    assert spans(["too short"], 30, np.random.default_rng(0)) == []


def test_every_whole_word_is_mixed_in() -> None:
    """Each whole word of the vocabulary enters, pieces and signs do not."""
    vocabulary = ["[PAD]", "##ing", "of", "!", *(f"word{'x' * i}" for i in range(30))]
    found = mixes(vocabulary, 30, np.random.default_rng(0))
    assert {word for mix in found for word in mix.split()} == set(vocabulary[4:])
    assert mixes(["!"], 5, np.random.default_rng(0)) == []
