"""The recipe of the shipped gatekeeper."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from arbiter.encoders import HashingEncoder
from arbiter.errors import InvalidInputError
from arbiter.features import Features
from arbiter.gatekeeper.heads import HEADS
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter_training.default_gatekeeper import (
    RecipeOptions,
    read_recipe,
    recipe_data,
    recipe_prompts,
    train_default_gatekeeper,
)
from arbiter_training.gatekeeper import GatekeeperOptions

RECIPE = Path(__file__).resolve().parents[2] / "training" / "recipes" / "gatekeeper.toml"
WORDS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "jetty", "knoll", "ledge")


def write_seeds(folder: Path, n: int = 40, files: int = 3) -> None:
    """Write distinct prompts with all four labels."""
    rng = np.random.default_rng(0)
    for number in range(files):
        rows = [
            {"prompt": " ".join(rng.choice(WORDS, size=12)), **{h: str(rng.choice(HEADS[h])) for h in HEADS}}
            for _ in range(n)
        ]
        path = folder / f"kind_{number:02d}.jsonl"
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def test_the_shipped_recipe_is_the_default() -> None:
    """The file says what the code does without it."""
    assert read_recipe(RECIPE) == RecipeOptions()


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    """A misspelt key is not ignored."""
    (tmp_path / "r.toml").write_text("fold = 3", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="folds"):
        read_recipe(tmp_path / "r.toml")


def test_without_public_sets_the_seeds_train_alone_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The recipe works on the authored prompts alone, and the log says that it did."""
    write_seeds(tmp_path)
    options = RecipeOptions(folds=2, gatekeeper=GatekeeperOptions(inverse_penalty=(1.0,), iterations=2, components=4))
    features = Features(HashingEncoder(), evidence=KeywordRules.default())
    with caplog.at_level(logging.WARNING):
        gatekeeper, reports = train_default_gatekeeper(features, tmp_path, None, options)
    assert "seed prompts alone" in caplog.text
    assert set(reports) == set(HEADS)
    assert {h: c.keyword_share for h, c in gatekeeper.calibration.items()}["harm"] == 0.3


def test_a_near_duplicate_is_trained_on_once(tmp_path: Path) -> None:
    """Of twins the first stays."""
    write_seeds(tmp_path, files=1)
    path = tmp_path / "kind_00.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert len(recipe_prompts(tmp_path, None, RecipeOptions())) == 40


def test_folds_hold_whole_sources(tmp_path: Path) -> None:
    """All rows of a file share a fold, and the two halves of the one-field files are one fold each."""
    write_seeds(tmp_path, files=4)
    prompts = recipe_prompts(tmp_path, None, RecipeOptions())
    folds = recipe_data(prompts, RecipeOptions()).folds
    per_file = {name: set(folds[np.array(prompts.sources) == name].tolist()) for name in set(prompts.sources)}
    assert all(len(found) == 1 for found in per_file.values())
    assert sorted(fold for found in per_file.values() for fold in found) == [0, 0, 1, 1]
