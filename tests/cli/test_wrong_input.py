"""Wrong input is answered by one line that names file, row and remedy; exit status 2; nothing is left behind."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_runs import Done, Run, Workshop
from small_world import small_records, write_jsonl

Records = list[dict[str, Any]]


def without(records: Records, column: str) -> Records:
    return [{k: v for k, v in r.items() if k != column} for r in records]


def with_cell(records: Records, row: int, **cell: object) -> Records:
    return [{**r, **cell} if i == row - 1 else r for i, r in enumerate(records)]


TABLES: dict[str, tuple[Callable[[Records], Records], tuple[str, ...]]] = {
    "missing column": (lambda r: without(r, "model"), ("row 1", "no column 'model'", "add it")),
    "misspelled column": (
        lambda r: without([{**x, "modle": x["model"]} for x in r], "model"),
        ("no column 'model'", "rename the column 'modle'"),
    ),
    "quality above 1": (lambda r: with_cell(r, 7, quality=87), ("row 7", "quality", "87", "divide by the maximum")),
    "quality below 0": (lambda r: with_cell(r, 7, quality=-0.1), ("row 7", "quality", "-0.1")),
    "propensity 0": (lambda r: with_cell(r, 3, propensity=0.0), ("row 3", "propensity", "in (0, 1]")),
    "propensity 1.5": (lambda r: with_cell(r, 3, propensity=1.5), ("row 3", "propensity", "1.5", "divide by 100")),
    "prompt that is a number": (lambda r: with_cell(r, 4, prompt=42), ("row 4", "prompt", "42")),
    "duplicates that disagree": (
        lambda r: [*r, {**r[0], "quality": 0.123}],
        ("row 181", "row 1", "quality differs", "correct one"),
    ),
    "a model without a price": (
        lambda r: [{**x, "model": "our-own-llm"} if x["model"] == "gpt-4o" else x for x in r],
        ("'our-own-llm'", "usd_per_mtok_in"),
    ),
    "too few judgements": (lambda r: r[:30], ("10 of 10 requests carry a quality", "learning takes 50")),
}


def assert_one_line(done: Done, *parts: str) -> None:
    assert (done.status, done.out) == (2, ""), done.err
    assert done.err.startswith("arbiter: ") and done.err.count("\n") == 1, done.err
    for part in parts:
        assert part in done.err, (part, done.err)


def train(run: Run, workshop: Workshop, traffic: Path, *more: object) -> Done:
    return run("train", traffic, "-o", "out/bundle", "--base", workshop.folder / "base", *more)


def listing(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("case", TABLES)
def test_a_wrong_table_is_one_line(run: Run, workshop: Workshop, tmp_path: Path, case: str) -> None:
    """It names the file, the row where there is one, and what to do; neither bundle nor MLflow store is begun."""
    change, parts = TABLES[case]
    log = write_jsonl(tmp_path / "log.jsonl", change(small_records(60)))
    named = () if case == "a model without a price" else (str(log),)
    assert_one_line(train(run, workshop, log), *named, *parts)
    assert listing(tmp_path) == ["log.jsonl"]


def cut_json(path: Path) -> None:
    path.write_bytes(write_jsonl(path, small_records(60)).read_bytes()[:-20])


def cut_gzip(path: Path) -> None:
    content = gzip.compress("".join(json.dumps(r) + "\n" for r in small_records(60)).encode())
    path.write_bytes(content[: len(content) // 2])


def cut_parquet(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(small_records(60)), path)
    path.write_bytes(path.read_bytes()[:-50])


FILES: dict[str, tuple[str, Callable[[Path], Any], tuple[str, ...]]] = {
    "empty": ("log.jsonl", lambda p: p.write_text(""), ("no rows",)),
    "empty csv": ("log.csv", lambda p: p.write_text(""), ()),
    "cut json": ("log.jsonl", cut_json, ("180",)),
    "cut gzip": ("log.jsonl.gz", cut_gzip, ()),
    "cut parquet": ("log.parquet", cut_parquet, ()),
    "unknown format": ("log.xlsx", lambda p: p.write_text("x"), ("end it in .parquet",)),
    "missing": ("log.jsonl", lambda p: None, ("no such file: check the path",)),
    "a folder without logs": ("log", lambda p: p.mkdir(), ("the folder holds no file",)),
}


@pytest.mark.parametrize("case", FILES)
def test_a_wrong_file_is_one_line(run: Run, workshop: Workshop, tmp_path: Path, case: str) -> None:
    """Empty, cut short, of another format, not there, a folder: the file is named, nothing is begun."""
    name, make, parts = FILES[case]
    make(tmp_path / name)
    before = listing(tmp_path)
    assert_one_line(train(run, workshop, tmp_path / name), str(tmp_path / name), *parts)
    assert listing(tmp_path) == before


def test_a_damaged_bundle_is_one_line(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """For routing, as base of a training and as policy of an evaluation; the file is named."""
    shutil.copytree(workshop.bundle, tmp_path / "bundle")
    path = tmp_path / "bundle" / "quality.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    calls = (
        ("route", "x", "--bundle", "bundle", "--ledger", "l.db"),
        ("train", workshop.later, "-o", "out", "--base", "bundle"),
        ("evaluate", workshop.later, "--policy", "bundle", "--report", "r.html"),
    )
    for call in calls:
        assert_one_line(run(*call), "quality.safetensors differs from its sha256", "train anew")
    assert listing(tmp_path) == ["bundle"]


def test_the_installed_command_answers_alike(installed: Run, workshop: Workshop, tmp_path: Path) -> None:
    """One case of a table and one of a file, by the command as users start it."""
    log = write_jsonl(tmp_path / "log.jsonl", with_cell(small_records(60), 7, quality=87))
    assert_one_line(train(installed, workshop, log), f"{log}: row 7", "divide by the maximum")
    cut_gzip(tmp_path / "cut.jsonl.gz")
    assert_one_line(train(installed, workshop, tmp_path / "cut.jsonl.gz"), "cut.jsonl.gz")
    assert listing(tmp_path) == ["cut.jsonl.gz", "log.jsonl"]


def test_wrong_evaluations_are_one_line(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """Unknown policy, a router of other models, a page or picture that has no place."""
    asked = ("evaluate", workshop.later, "--policy")
    assert_one_line(run(*asked, "models/absent"), "'models/absent' is no bundle's folder", "one of claude-opus-4-5")
    assert_one_line(run(*asked, workshop.folder / "base"), "which the log never asked", "log of the same models")
    for option in ("--report", "--figure"):
        assert_one_line(
            run(*asked, workshop.bundle, option, "no/where.x"), "no/where.x lies in no, which does not exist"
        )
        assert_one_line(run(*asked, workshop.bundle, option, "."), "is a folder")
    assert_one_line(run("evaluate", workshop.later), "Missing option", "--policy")
    assert listing(tmp_path) == []


def test_wrong_trainings_are_one_line(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """A target with other things in it, a recipe or a catalog that is absent or wrong."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "recipe.toml").write_text("[learn]\nfold = 3\n")
    log = workshop.folder / "log.jsonl"
    assert_one_line(run("train", log, "-o", "full"), "full is not empty", "name another folder")
    assert_one_line(
        train(run, workshop, log, "--recipe", "absent.toml"), "absent.toml cannot be read", "check the path"
    )
    assert_one_line(train(run, workshop, log, "--recipe", "recipe.toml"), "recipe.toml", "'fold'", "mean 'folds'")
    assert_one_line(train(run, workshop, log, "--catalog", "absent.toml"), "absent.toml")
    assert_one_line(train(run, workshop, log, "--catalog", "."), "catalog")
    assert_one_line(run("train", log), "Missing option")
    assert listing(tmp_path) == ["full", "recipe.toml"]
