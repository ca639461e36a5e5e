"""Code of the user's own by its name on the command line: found, and what is wrong with it is said in one line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arbiter.errors import BundleError, InvalidInputError
from arbiter.own_code import OwnCode, is_own_code, own_module, own_object


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder of the user's; modules and search path are as before afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("rules.py:short", True),
        ("some/folder/rules.py:short", True),
        ("package.module:short", True),
        ("models:/arbiter@champion", False),
        ("models:/arbiter/3", False),
        ("models/mine", False),
        ("gpt-4o", False),
        ("bedrock/claude-v2:1", False),
        ("rules.py", False),
    ],
)
def test_what_names_code(name: str, own: bool) -> None:
    """A registry's names, folders and models with a colon do not."""
    assert is_own_code(name) is own


def test_a_file_is_imported_once_and_finds_what_lies_beside_it(folder: Path) -> None:
    """By path or by name, from any directory."""
    (folder / "own_numbers.py").write_text("ONE = 1\n")
    (folder / "own_rules.py").write_text("from own_numbers import ONE\nfound = [ONE]\n")
    found = own_object(f"{folder / 'own_rules.py'}:found")
    assert found == [1] and own_object(f"{folder / 'own_rules.py'}:found") is found
    assert own_object("own_rules:found") is found


def test_what_is_wrong_is_said(folder: Path) -> None:
    """No file, no such name, code that fails, a name that is taken."""
    (folder / "own_bad.py").write_text("def short(query):\n    return 1\n\n\nif True:\n    raise OSError('no disk')\n")
    (folder / "own_good.py").write_text("def short(query):\n    return 1\n")
    (folder / "json.py").write_text("")
    for name, message in (
        (f"{folder / 'absent.py'}:x", "no such file"),
        ("no_such_module_anywhere:x", "no_such_module_anywhere failed: ModuleNotFoundError"),
        (f"{folder / 'own_bad.py'}:short", r"failed: OSError: no disk \(own_bad.py:6\)"),
        (f"{folder / 'own_good.py'}:shrt", "has no 'shrt'; did you mean 'short'"),
        (f"{folder / 'json.py'}:x", "rename the file"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            own_object(name)
    assert own_module(str(folder / "own_good.py")).short(None) == 1


def test_errors_of_arbiter_and_interrupts_pass() -> None:
    """They say already what they say."""
    with pytest.raises(BundleError), OwnCode("mine"):
        raise BundleError("no bundle")
    with pytest.raises(KeyboardInterrupt), OwnCode("mine"):
        raise KeyboardInterrupt
