"""Laws of recipes: what is written is what is done, and a slip is named with its nearest key."""

from pathlib import Path

import pytest

from arbiter.errors import InvalidInputError
from arbiter_training.estimates.shared_logistic import Penalty
from arbiter_training.learn import LearnOptions
from arbiter_training.recipe import read_recipe
from arbiter_training.train import TrainOptions


def recipe(folder: Path, text: str) -> TrainOptions:
    path = folder / "r.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path)


def test_no_recipe_and_an_empty_one_are_the_defaults(tmp_path: Path) -> None:
    """Nothing said, nothing changed."""
    assert read_recipe(None) == recipe(tmp_path, "") == TrainOptions()


def test_what_is_written_is_set_and_nothing_else(tmp_path: Path) -> None:
    """At every depth; whole numbers serve where numbers are wanted."""
    text = """
test_share = 0.3
refit = false
[learn]
seed = 4
quality_per_usd = 15
[learn.bandit]
half_life_feedback = 500.0
[learn.bandit.gate]
start = 0.0
least = 0.0
[learn.gatekeeper]
inverse_penalty = [0.5, 2]
[[learn.quality.members.penalties]]
shared = 1.0
own = 3.0
"""
    found = recipe(tmp_path, text)
    assert (found.test_share, found.refit, found.forward) == (0.3, False, False)
    assert (found.learn.seed, found.learn.quality_per_usd, found.learn.folds) == (4, 15.0, LearnOptions().folds)
    assert (found.learn.bandit.gate.start, found.learn.bandit.half_life_feedback) == (0.0, 500.0)
    assert found.learn.gatekeeper.inverse_penalty == (0.5, 2.0)
    assert found.learn.quality.members.penalties == (Penalty(shared=1.0, own=3.0),)


WRONG = [
    ("test_shar = 0.2", "unknown key 'test_shar'; did you mean 'test_share'"),
    ("zzz = 1", "unknown key 'zzz'; there are test_share, forward"),
    ("[learn]\nfold = 3", "learn: unknown key 'fold'; did you mean 'folds'"),
    ("learn = 3", "learn is a table, got 3"),
    ("test_share = 'a fifth'", "test_share wants a number, got 'a fifth'"),
    ("test_share = true", "test_share wants a number, got True"),
    ("test_share = 1.5", r"test_share must lie in \[0, 1\), got 1.5"),
    ("refit = 1", "refit wants true or false, got 1"),
    ("[learn]\nfolds = 2.5", "folds wants a whole number, got 2.5"),
    ("[learn]\nfolds = 1", "learn: folds must be 2 or more, got 1"),
    ("[learn]\nseed = -1", "learn: seed must be 0 or more, got -1"),
    ("[learn]\ncontext_components = 0", "context_components must be 1 or more"),
    ("[learn]\nquality_per_usd = nan", "quality_per_usd must be a number from 0 up"),
    ("[learn.bandit.gate]\nstart = 2", "learn: bandit: gate: start must lie in"),
    ("[learn.gatekeeper]\ninverse_penalty = ['x']", "inverse_penalty, item 1 wants a number"),
    ("[[learn.quality.members.penalties]]\nshared = 1.0", "penalties, item 1 lacks own"),
    ("x = [", "is not a TOML file"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_a_slip_is_one_line_with_the_file_and_the_remedy(tmp_path: Path, text: str, message: str) -> None:
    """File, table, key, value."""
    with pytest.raises(InvalidInputError, match=message) as caught:
        recipe(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "r.toml"))
    assert "\n" not in str(caught.value)


def test_a_recipe_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Absent, a folder, no text."""
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInputError, match=r"absent\.toml cannot be read"):
        read_recipe(tmp_path / "absent.toml")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_recipe(tmp_path)
    with pytest.raises(InvalidInputError, match="is not a TOML file"):
        read_recipe(tmp_path / "bytes.toml")


def test_the_recipe_of_a_student_names_its_teacher() -> None:
    """As it lies in the repository."""
    recipes = Path(__file__).resolve().parents[2] / "training" / "recipes"
    assert read_recipe(recipes / "student.toml").learn.teacher == "minilm"
