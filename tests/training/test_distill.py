"""The distillation as a whole, with a small teacher."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny_tokenizer import tiny_tokenizer, tiny_vocabulary

from arbiter.encoders import HashingEncoder
from arbiter.errors import InvalidInputError
from arbiter_training.distill import DistillRecipe, distil, read_encoder, read_recipe, write_encoder
from arbiter_training.distill_corpus import read_prompts
from arbiter_training.token_table import TableSettings

pytest.importorskip("scipy")
FITTED = TableSettings(dim=16, iterations=15, frequency="texts")
RECIPES = Path(__file__).resolve().parents[2] / "training" / "recipes"
TEXTS = ["the cheap router", "what is the model", "route the prompt", "cheap models", "what is a router"] * 8


class SmallTeacher(HashingEncoder):
    """The hashing encoder as a teacher over the tiny tokenizer."""

    def token_vectors(self) -> tuple[NDArray[np.float32], str]:
        """Encode each token as a text."""
        return self.encode([token.removeprefix("##") for token in tiny_vocabulary()]), tiny_tokenizer()


def test_texts_that_are_near_to_the_teacher_are_near_to_the_student() -> None:
    """On all axes of the teacher, similarities between texts follow the teacher's with a correlation above 0.9."""
    teacher = SmallTeacher(64)
    encoder = distil(teacher, DistillRecipe(mixes=50, table=replace(FITTED, dim=64)), TEXTS)
    assert encoder.dim == 64
    a, b = encoder.encode(TEXTS[:5]), teacher.encode(TEXTS[:5])
    b = b - teacher.encode(TEXTS).mean(axis=0)
    b /= np.linalg.norm(b, axis=1, keepdims=True)
    upper = np.triu_indices(5, 1)
    assert np.corrcoef((a @ a.T)[upper], (b @ b.T)[upper])[0, 1] > 0.9


def test_the_same_recipe_gives_the_same_table() -> None:
    """A distillation can be repeated to the bit."""
    recipe = DistillRecipe(mixes=50, packages=("email",), docstrings_per_package=20, spans=20, table=FITTED)
    first, again = (distil(SmallTeacher(64), recipe, TEXTS) for _ in range(2))
    assert first.fingerprint == again.fingerprint


def test_special_tokens_have_no_vector() -> None:
    """The rows of tokens that stand for no text are 0."""
    table = distil(SmallTeacher(64), DistillRecipe(), TEXTS).to_state().arrays["table"]
    assert not table[:5].any() and table[tiny_vocabulary().index("[")].any()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Folder and back: the same vectors."""
    encoder = distil(SmallTeacher(64), DistillRecipe(), TEXTS)
    write_encoder(encoder, tmp_path / "new")
    np.testing.assert_array_equal(read_encoder(tmp_path / "new").encode(TEXTS), encoder.encode(TEXTS))
    with pytest.raises(InvalidInputError, match=r"static_encoder\.npz is missing"):
        read_encoder(tmp_path)


def test_no_texts_are_refused() -> None:
    """A recipe without sources has nothing to fit on."""
    with pytest.raises(InvalidInputError, match="names no texts"):
        distil(SmallTeacher(64), DistillRecipe(table=FITTED))


def test_without_a_fit_no_texts_are_needed_or_read() -> None:
    """A table that is not fitted depends on the teacher's tokens alone."""
    alone = distil(SmallTeacher(64), DistillRecipe())
    assert alone.fingerprint == distil(SmallTeacher(64), DistillRecipe(), TEXTS).fingerprint


def test_the_shipped_recipe_is_read() -> None:
    """The recipe in the project has the keys of a recipe."""
    assert read_recipe(RECIPES / "static_encoder.toml").table == TableSettings(dim=256)


def test_prompts_are_found_from_the_recipe(tmp_path: Path) -> None:
    """A relative folder of prompts is one beside the recipe, wherever the program runs."""
    (tmp_path / "recipe.toml").write_text('prompts = "../prompts"', encoding="utf-8")
    assert Path(read_recipe(tmp_path / "recipe.toml").prompts) == tmp_path.parent / "prompts"


@pytest.mark.parametrize("text", ["dim = 3", "[table]\nwidth = 3", "= 3"])
def test_a_wrong_recipe_is_named(tmp_path: Path, text: str) -> None:
    """An unknown key or broken TOML is refused with the file's name."""
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"recipe\.toml is no recipe"):
        read_recipe(path)


def test_seed_prompts_have_the_form_that_is_read() -> None:
    """Every line of the project's seed prompts can be read for a corpus."""
    folder = RECIPES.parents[1] / "datasets" / "seed_prompts"
    if not any(folder.glob("*.jsonl")):
        pytest.skip(f"no seed prompts at {folder}")
    assert all(read_prompts(folder))
