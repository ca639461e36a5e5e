"""Leaving sources out."""

import json
from pathlib import Path

import numpy as np
import pytest

from arbiter.encoders import HashingEncoder
from arbiter.features import Features
from arbiter.gatekeeper.heads import HEADS
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter_training import held_out_sources
from arbiter_training.default_gatekeeper import RecipeOptions, recipe_prompts
from arbiter_training.gatekeeper import GatekeeperOptions
from arbiter_training.held_out_sources import POOLED, SourceHoldOut, leave_each_out, main, table_of

OPTIONS = RecipeOptions(
    folds=2,
    hands=("desk", "everyday"),
    gatekeeper=GatekeeperOptions(inverse_penalty=(1.0,), iterations=2, components=4),
)
FILLER = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "jetty", "knoll", "ledge")


def write_hand(folder: Path, name: str, cue: str, n: int = 60) -> None:
    """Write prompts whose domain and harm hang on a word that every hand uses, and one that only this hand uses."""
    rng = np.random.default_rng(list(name.encode()))
    rows = []
    for i in range(n):
        law = bool(i % 2)
        words = [*rng.choice(FILLER, size=8), "tribunal" if law else "integral", cue]
        labels = {"domain": "law" if law else "math", "complexity": ("trivial", "expert")[law]}
        mark = {"look_alike": True} if i % 6 == 0 else {}
        risk = ("minimal", "high")[law]
        rows.append({"prompt": " ".join(words), **labels, "harm": risk, "stake": risk, **mark})
    (folder / f"{name}_01.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """Give a folder of three hands."""
    for name, cue in (("desk", "ahoy"), ("everyday", "cheers"), ("kind", "hello")):
        write_hand(tmp_path, name, cue)
    return tmp_path


def hold_out(seeds: Path) -> SourceHoldOut:
    prompts = recipe_prompts(seeds, None, OPTIONS)
    features = Features(HashingEncoder(), evidence=KeywordRules.default()).fit(prompts.queries)
    return SourceHoldOut(prompts, features, OPTIONS)


def test_what_all_hands_share_is_found_in_one_never_seen(seeds: Path) -> None:
    """The word that stands for the domain is learned from two hands and found in the third."""
    found = leave_each_out(hold_out(seeds), ["desk"])
    assert found["desk"].heads["domain"].accuracy == 1.0
    assert found["desk"].hard_easy_auc == 1.0
    assert found["desk"].look_alikes_flagged == 0.0


def test_the_pool_holds_every_left_out_prompt_once(seeds: Path) -> None:
    """Counts add up over the sources."""
    write_hand(seeds, "other", "salut")
    found = leave_each_out(hold_out(seeds), ["desk+everyday"])
    assert set(found) == {"desk", "everyday", POOLED}
    assert found[POOLED].heads["domain"].n == sum(found[g].heads["domain"].n for g in ("desk", "everyday"))


def test_nothing_of_the_left_out_source_is_learned_from(seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fit sees the other hands' files only, and with a share below one fewer of them."""
    seen: list[set[str]] = []
    whole = held_out_sources.recipe_data

    def watched(prompts, options):  # type: ignore[no-untyped-def]
        seen.append(set(prompts.sources))
        return whole(prompts, options)

    monkeypatch.setattr(held_out_sources, "recipe_data", watched)
    hold_out(seeds).left_out(["desk"])
    assert seen == [{"everyday_01", "kind_01"}]


def test_a_source_that_cannot_tell_gives_a_dash() -> None:
    """The table has one line per source, and a dash for a figure that it lacks."""
    lines = table_of({"here": {"domain/macro_f1": 0.5}}).splitlines()
    assert lines[1].startswith("here | 0.500 | -")


def test_the_command_prints_and_keeps_the_figures(
    seeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The figures of a source go to the screen and, whole, to a file."""
    recipe, out = tmp_path / "recipe.toml", tmp_path / "found.json"
    recipe.write_text('folds = 2\nhands = ["desk", "everyday"]\n[gatekeeper]\niterations = 2', encoding="utf-8")
    main(["--seeds", str(seeds), "--recipe", str(recipe), "--groups", "desk", "--json", str(out)])
    assert "desk | " in capsys.readouterr().out
    found = json.loads(out.read_text(encoding="utf-8"))["1"]["desk"]
    assert found["domain/macro_f1"] == 1.0
    assert set(HEADS) <= {name.split("/")[0] for name in found}
