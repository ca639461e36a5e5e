"""Laws of one value: what each kind takes from a file, from a variable, and what is shown of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest

from arbiter.config import Mark, WrongValueError, option_of
from arbiter.config.option import Option, known_option, without_password
from arbiter.ledger import PromptPolicy

KINDS: dict[str, tuple[Any, object, str, object]] = {
    "flag": (bool, True, "true", True),
    "flag in capitals": (bool, False, "OFF", False),
    "whole number": (int | None, 3, "3", 3),
    "number": (float, 0.5, "0.5", 0.5),
    "number without a point": (float, 2, "2", 2.0),
    "text": (str | None, "x, y", "x, y", "x, y"),
    "path": (Path, "a/b", "a/b", Path("a/b")),
    "member": (PromptPolicy, "hashed", "hashed", PromptPolicy.HASHED),
    "list": (list[str] | None, ["a", "b"], "a, b", ["a", "b"]),
    "list of numbers": (list[int], [1, 2], "1,2", [1, 2]),
    "list of members": (list[PromptPolicy], ["full"], "full", [PromptPolicy.FULL]),
    "table": (Mapping[str, float], {"a": 1, "b": 2.5}, "a=1, b=2.5", {"a": 1.0, "b": 2.5}),
}


@pytest.mark.parametrize("name", KINDS)
def test_file_and_variable_say_the_same(name: str) -> None:
    """A value of TOML and its text in the environment are read to one value, of the declared kind."""
    annotation, in_file, in_environment, value = KINDS[name]
    option = known_option(annotation)
    assert option.read(in_file) == option.parse(in_environment) == value
    assert type(option.read(in_file)) is type(value)


WRONG: dict[str, tuple[Any, object, str]] = {
    "text for a flag": (bool, "true", "must be true or false"),
    "number for a flag": (bool, 1, "must be true or false"),
    "flag for a number": (int, True, "must be a whole number"),
    "fraction for a whole number": (int, 1.0, "must be a whole number"),
    "text for a number": (float, "1.5", "must be a number"),
    "no number": (float, float("nan"), "must be a number"),
    "beyond all numbers": (float, 10**400, "is greater"),
    "number for a text": (str, 3, "must be a text"),
    "list for a path": (Path, ["a"], "must be a text that names a file or folder"),
    "text for a list": (list[str], "a", "must be a list, of a text each"),
    "list with a number": (list[str], ["a", 1], "must be a text"),
    "list for a table": (Mapping[str, float], [1.0], "must be a table of names, to a number each"),
    "misspelled member": (PromptPolicy, "hashd", "must be one of full, hashed, none; did you mean 'hashed'?"),
    "number for a member": (PromptPolicy, 1, "must be one of full, hashed, none"),
    "zero byte": (Path, "a\0b", "without a zero byte"),
    "half a letter": (str, "\udcff", "must be UTF-8 text"),
}


@pytest.mark.parametrize("name", WRONG)
def test_another_kind_is_refused(name: str) -> None:
    """Nothing is bent into shape: the text says what is wanted."""
    annotation, value, text = WRONG[name]
    with pytest.raises(WrongValueError) as refused:
        known_option(annotation).read(value)
    assert text in str(refused.value)


@pytest.mark.parametrize("text", ["maybe", "", "2"])
def test_a_variable_that_is_no_flag_is_refused(text: str) -> None:
    """Such a word does not count as false."""
    with pytest.raises(WrongValueError, match="must be true or false"):
        known_option(bool).parse(text)


def test_what_no_file_can_hold_is_no_option() -> None:
    """Functions, objects, and mappings of other things than names."""
    for annotation in (object, "Forward", Mapping[PromptPolicy, float], tuple[int, ...], int | str):
        assert option_of(annotation) is None


def test_places_are_relative_to_the_file(tmp_path: Path) -> None:
    """Paths always; marked texts unless they are URLs; names where no such folder is there."""
    (tmp_path / "mine").mkdir()
    place = known_option(Annotated[str | None, Mark.PLACE])
    either = known_option(Annotated[list[str], Mark.PLACE_OR_NAME])
    assert known_option(Path).read("a.toml", tmp_path) == tmp_path / "a.toml"
    assert known_option(Path).read("/a.toml", tmp_path) == Path("/a.toml")
    assert known_option(str).read("a.toml", tmp_path) == "a.toml"
    assert place.read("ledger.db", tmp_path) == str(tmp_path / "ledger.db")
    assert place.read("~/ledger.db", tmp_path) == str(Path.home() / "ledger.db")
    for text in ("postgresql://u@h/d", "models:/arbiter@champion", "https://host/x", ":memory:", ""):
        assert place.read(text, tmp_path) == text
    assert either.read(["mine", "gpt-4o"], tmp_path) == [str(tmp_path / "mine"), "gpt-4o"]
    (tmp_path / "rules.py").touch()
    assert either.read(["rules.py:mine", "gone.py:mine"], tmp_path) == [str(tmp_path / "rules.py:mine"), "gone.py:mine"]


def test_a_home_of_nobody_is_refused() -> None:
    """It would else become a folder that is called so."""
    with pytest.raises(WrongValueError, match="names no folder"):
        known_option(Path).read("~nobody-of-that-name/x", Path())


PLANTED = "s3cret"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ada:{PLANTED}@host:5432/db",
        f"postgres://:{PLANTED}@host/db",
        f"postgresql://ada:{PLANTED}@strange/@host/db",
        f"postgresql://ada@host/db?password={PLANTED}&sslmode=require",
        f"https://host/v1?api_key={PLANTED}",
    ],
)
def test_no_password_is_shown(text: str) -> None:
    """Whatever else of the URL is."""
    shown = without_password(text)
    assert PLANTED not in shown and "host" in shown
    assert without_password(shown) == shown


def test_what_holds_no_password_is_shown_as_it_is() -> None:
    """Hosts with ports, users, times, weights."""
    for text in ("postgresql://ada@host:5432/db", "http://127.0.0.1:4000/v1", "cost=0.4", "rating=1:5", "a@b", "C:/x"):
        assert without_password(text) == text


def test_values_are_shown_by_kind() -> None:
    """Ready for JSON; a secret is not, an empty one is no secret."""
    secret = Option(kind=str, marks=frozenset({Mark.SECRET}))
    assert secret.shown(PLANTED) == "***" and secret.shown("") == ""
    several = known_option(list[str])
    assert several.shown([f"https://a:{PLANTED}@b", "c"]) == ["https://a:***@b", "c"]
    assert known_option(Mapping[str, float]).shown({"a": 1.0}) == {"a": 1.0}
    assert known_option(Path).shown(Path("a")) == "a"
    assert known_option(int | None).shown(None) is None
