"""Laws of the recipes of the benchmarks."""

from pathlib import Path

import pytest

from arbiter.errors import InvalidInputError
from arbiter_training.benchmarks.protocol import Benchmark, read_benchmark

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"
NAMES = ("gsm8k_pair", "paretobandit", "llmrouter9", "mmlu_pro16")


@pytest.mark.parametrize("name", NAMES)
def test_the_recipes_that_ship_are_read(name: str) -> None:
    """Each names its data, and has a quick form that needs no MiniLM."""
    benchmark = read_benchmark(RECIPES / f"{name}.toml")
    assert benchmark.name == name
    assert benchmark.train
    assert not benchmark.quick().needs_minilm


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folds = 5", "train"),
        ('train = "a"\nfold = 5', "did you mean 'folds'"),
        ('train = "a"\nencoders = ["bert"]', "choose from"),
        ('train = "a"\nrivals_encoder = "student"', "not the student"),
        ('train = "a"\nprices = "guess"', "prices"),
        ("train = ", "not a TOML file"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    """The message names what is wrong."""
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_benchmark(path)
    assert "\n" not in str(caught.value)


def test_an_absent_recipe_is_refused(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_benchmark(tmp_path / "absent.toml")


def test_a_benchmark_needs_a_seed() -> None:
    """Without one there is no round."""
    with pytest.raises(InvalidInputError, match="seeds"):
        Benchmark(train="a", seeds=())
