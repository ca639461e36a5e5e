"""Laws of the enums."""

import inspect
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbiter import vocabulary
from arbiter.vocabulary import ConfidenceLevel, OrderedStrEnum, Risk

ENUMS = [cls for _, cls in inspect.getmembers(vocabulary, inspect.isclass)]
assert len(ENUMS) > 20
ORDERED = [cls for cls in ENUMS if issubclass(cls, OrderedStrEnum) and cls is not OrderedStrEnum]


@pytest.mark.parametrize("cls", ORDERED)
def test_ordered_enums_compare_by_definition_and_not_by_the_alphabet(cls: type[OrderedStrEnum]) -> None:
    """Each member is below the next one, also against plain text on either side."""
    for low, high in pairwise(cls):
        assert low < high
        assert high > low
        assert low <= high
        assert not high <= low
        assert low < str.__str__(high)
        assert str.__str__(low) < high
    assert sorted(reversed(list(cls))) == list(cls)
    assert max(cls) is list(cls)[-1]


@pytest.mark.parametrize("cls", ORDERED)
def test_rank_and_at_are_inverse(cls: type[OrderedStrEnum]) -> None:
    """The member at a member's rank is the member."""
    assert [cls.at(member.rank) for member in cls] == list(cls)


def test_comparing_with_what_is_no_member_is_an_error() -> None:
    """A misspelt level must not silently sort somewhere."""
    with pytest.raises(ValueError, match="hihg"):
        sorted([Risk.HIGH, "hihg"])


@pytest.mark.parametrize("cls", [cls for cls in ENUMS if len(cls)])
def test_members_read_and_write_as_plain_text(cls: type[OrderedStrEnum]) -> None:
    """JSON keeps a member as its value, as key and as value, and the value gives the member back."""
    for member in cls:
        assert json.loads(json.dumps({member: member})) == {member.value: member.value}
        assert cls(member.value) is member
        assert member.value == member.value.lower()


@pytest.mark.parametrize(
    ("confidence", "level"),
    [
        *((0.0, "very_low"), (0.2499, "very_low"), (0.25, "low"), (0.4999, "low"), (0.5, "medium"), (0.7499, "medium")),
        *((0.75, "high"), (0.895, "high"), (0.8999, "high"), (0.9, "very_high"), (1.0, "very_high")),
    ],
)
def test_confidence_levels_have_no_holes(confidence: float, level: str) -> None:
    """Every confidence has a name; .895 is high, not nothing."""
    assert ConfidenceLevel.of(confidence) == level


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_confidence_is_never_a_lower_level(a: float, b: float) -> None:
    """The naming is monotone."""
    assert ConfidenceLevel.of(min(a, b)) <= ConfidenceLevel.of(max(a, b))
