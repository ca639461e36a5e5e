"""Labelled requests from files."""

import json
from pathlib import Path

import pytest

from arbiter.errors import TrafficError
from arbiter.gatekeeper.heads import HEADS
from arbiter_training.labelled import joined, read_labelled
from arbiter_training.traffic import near_duplicate_groups

SEEDS = Path(__file__).resolve().parents[2] / "datasets" / "seed_prompts"


def write(folder: Path, name: str, *rows: dict[str, object]) -> None:
    """Write a file of labelled lines."""
    (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")


def test_labels_flags_and_sources_are_read(tmp_path: Path) -> None:
    """A label that is missing is unknown; a head that nothing labels is left out; the source is the file."""
    write(tmp_path, "a_01", {"prompt": "x", "domain": "law", "look_alike": True}, {"prompt": "y", "harm": "high"})
    found = read_labelled(tmp_path)
    assert found.labels["domain"].tolist() == [HEADS["domain"].index("law"), -1]
    assert found.labels["harm"].tolist() == [-1, 3]
    assert "stake" not in found.labels
    assert found.sources == ("a_01", "a_01")
    assert found.flags["look_alike"].tolist() == [True, False]


@pytest.mark.parametrize("line", ['{"prompt": "x", "domain": "cooking"}', "{}", "not json"])
def test_a_wrong_line_is_named(tmp_path: Path, line: str) -> None:
    """The error says file and line."""
    (tmp_path / "bad.jsonl").write_text('{"prompt": "fine"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(TrafficError, match=r"bad\.jsonl, line 2"):
        read_labelled(tmp_path)


def test_joining_keeps_order_and_fills_what_is_unknown(tmp_path: Path) -> None:
    """What was read apart and joined is what was read together, and taking all rows changes nothing."""
    for name, row in (("a", {"prompt": "x", "harm": "low"}), ("b", {"prompt": "y", "stake": "high"})):
        (tmp_path / name).mkdir()
        write(tmp_path / name, name, row)
    found = joined([read_labelled(tmp_path / name) for name in "ab"])
    assert found.labels["harm"].tolist() == [1, -1]
    assert found.labels["stake"].tolist() == [-1, 3]
    assert [query.text for query in found.queries] == ["x", "y"]
    assert len(joined([])) == 0


def test_the_seed_prompts_are_many_distinct_and_consistent() -> None:
    """At least 4,000, none a near-duplicate, all but one cell of domain and complexity, marks that fit the labels."""
    seeds = read_labelled(SEEDS)
    assert len(seeds) >= 4_000
    texts = [f"{query.system}\n{query.context}\n{query.text}" for query in seeds.queries]
    assert len(set(near_duplicate_groups(texts).tolist())) == len(seeds)
    cells = set(zip(seeds.labels["domain"].tolist(), seeds.labels["complexity"].tolist(), strict=True))
    assert len(cells) >= len(HEADS["domain"]) * len(HEADS["complexity"]) - 1  # small talk is never for experts
    assert all((values >= 0).all() for values in seeds.labels.values())
    assert seeds.labels["harm"][seeds.flags["look_alike"]].max() < 3
    assert seeds.labels["harm"][seeds.flags["injection"]].min() >= 3
