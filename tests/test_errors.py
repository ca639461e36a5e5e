"""Laws of the exception tree."""

import inspect

import pytest

from arbiter import errors

TREE = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if cls.__module__ == errors.__name__ and issubclass(cls, BaseException)
]


@pytest.mark.parametrize("cls", TREE)
def test_every_error_is_an_arbiter_error_and_stands_in_the_drawn_tree(cls: type) -> None:
    """One ``except ArbiterError`` catches all that arbiter raises, and the module's docstring shows it."""
    assert issubclass(cls, errors.ArbiterError)
    assert errors.__doc__ is not None
    assert cls.__name__ in errors.__doc__


def test_wrong_input_is_a_value_error_too() -> None:
    """Whoever knows only Python's own errors still catches what is meant for him."""
    assert issubclass(errors.InvalidInputError, ValueError)
    assert issubclass(errors.MissingExtraError, ImportError)
    assert issubclass(errors.UnknownDecisionError, KeyError)


def test_a_missing_extra_names_the_pip_command() -> None:
    """The message can be pasted into a shell."""
    assert str(errors.MissingExtraError.of("scipy", "train")) == (
        "scipy is not installed: pip install 'arbiter-router[train]'"
    )


def test_an_unknown_decision_reads_without_quotes() -> None:
    """A KeyError would print the message's repr; ours prints the message."""
    assert str(errors.UnknownDecisionError("no decision 'x'")) == "no decision 'x'"
    assert str(errors.UnknownDecisionError()) == ""
