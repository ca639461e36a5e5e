"""Token ids: the fast way against the library."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_tokenizer import tiny_tokenizer, tiny_vocabulary
from tokenizers import Tokenizer

from arbiter.encoders import wordpiece
from arbiter.encoders.wordpiece import WordPieces
from arbiter.errors import BundleError, MissingExtraError

PIECES = WordPieces(tiny_tokenizer())
LIBRARY = Tokenizer.from_str(tiny_tokenizer())
LIBRARY.encode_special_tokens = True


def library_ids(text: str) -> list[int]:
    return LIBRARY.encode(text, add_special_tokens=False).ids


@given(st.text(max_size=60))
def test_any_text_gets_the_ids_of_the_library(text: str) -> None:
    """The fast way gives the library's ids on text of all scripts."""
    assert PIECES.ids(text) == library_ids(text)


@given(st.text(alphabet="abcR the.,`{[]}_\n\t\r\x00\x0b\x1f\x7f é中́\u00a0\u2028", max_size=60))
def test_signs_controls_and_accents_get_the_ids_of_the_library(text: str) -> None:
    """The fast way gives the library's ids where signs, control characters and accents meet."""
    assert PIECES.ids(text) == library_ids(text)


@given(st.text(alphabet="abcdehilmnorstu019", min_size=1, max_size=60))
def test_words_are_cut_into_the_pieces_of_the_library(word: str) -> None:
    """The longest ones from the left, with the continuing prefix; a word that has none is unknown as a whole."""
    assert WordPieces(tiny_tokenizer()).ids(word) == library_ids(word)


def test_special_tokens_in_a_prompt_are_text() -> None:
    """A prompt that writes [SEP] does not get the token [SEP]."""
    assert tiny_vocabulary().index("[SEP]") not in PIECES.ids("a [SEP] b")


def test_a_full_memory_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids stay right when more words come than are remembered."""
    monkeypatch.setattr(wordpiece, "MAX_REMEMBERED_WORDS", 3)
    pieces = WordPieces(tiny_tokenizer())
    for text in ("the router", "what is the route", "cheap model", "the router"):
        assert pieces.ids(text) == library_ids(text)


def test_half_a_surrogate_pair_is_read() -> None:
    """A str that UTF-8 cannot hold is read, with the broken half replaced."""
    assert PIECES.ids("the \ud83d end") == library_ids("the ? end")


def test_another_kind_of_tokenizer_goes_through_the_library() -> None:
    """Without BERT's lower-casing the fast way is not taken."""
    definition = json.loads(tiny_tokenizer())
    definition["normalizer"] = None
    library = Tokenizer.from_str(json.dumps(definition))
    text = "The ROUTER is café"
    assert WordPieces(json.dumps(definition)).ids(text) == library.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("definition", ["", "{", "[]", "{}"])
def test_a_damaged_definition_is_named(definition: str) -> None:
    """What is no tokenizer.json is refused with the remedy."""
    with pytest.raises(BundleError, match=r"restore tokenizer\.json"):
        WordPieces(definition)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tokenizers the error says what to install."""
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match="pip install tokenizers"):
        WordPieces(tiny_tokenizer())
