"""Cutting long texts."""

from hypothesis import given
from hypothesis import strategies as st

from arbiter.encoders.cut import MAX_CHARS, cut


def test_a_text_within_the_limit_is_kept() -> None:
    """A text of exactly the limit comes back as it is."""
    assert cut("a" * MAX_CHARS) == "a" * MAX_CHARS


def test_head_and_tail_stay_and_the_middle_goes() -> None:
    """The first and the last word of a long text survive, whole words only."""
    text = "first " + "middle " * 1_000 + "last"
    short = cut(text)
    assert short.startswith("first ") and short.endswith(" last")
    assert set(short.split()) == {"first", "middle", "last"}


@given(st.text(alphabet="ab \n中", min_size=1, max_size=60), st.integers(1, 400))
def test_cutting_twice_is_cutting_once(piece: str, times: int) -> None:
    """A cut text is within the limit, and cutting it again changes nothing."""
    short = cut(piece * times)
    assert len(short) <= MAX_CHARS
    assert cut(short) == short


def test_a_text_without_blanks_is_cut_through() -> None:
    """Where no word ends near the cut, nearly the whole limit is kept."""
    assert len(cut("字" * 5_000)) >= MAX_CHARS - 1
