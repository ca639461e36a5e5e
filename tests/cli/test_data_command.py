"""`arbiter data list` and `arbiter data get`, as users start them, against a server on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from command_runs import Done, Run, run_here
from web_files import Web, cut_after, serving, stalled

from arbiter_training.public_sets import read_manifest


@pytest.fixture
def web() -> Iterator[Web]:
    """Serve nothing yet."""
    with serving() as web:
        yield web


def assert_refused(done: Done, *parts: str) -> None:
    assert done.status == 2, done
    assert done.err.startswith("arbiter: ") and done.err.count("\n") == 1, done.err
    for part in parts:
        assert part in done.err, (part, done.err)


def test_the_list_tells_of_every_set(run: Run, tmp_path: Path) -> None:
    """Name, rows, licence, source, use, and whether it lies in the folder."""
    shown = run("data", "list")
    assert (shown.status, shown.err) == (0, "")
    for entry in read_manifest().values():
        for part in (entry.name, f"{entry.rows:,} rows", entry.licence, entry.source, entry.used_for):
            assert part in shown.out
    (tmp_path / "sets" / "labels").mkdir(parents=True)
    (tmp_path / "sets" / "labels" / "clinc150.parquet").write_bytes(b"PAR1")
    told = json.loads(run("data", "list", "-o", "sets", "--json").out)
    states = {entry["name"]: entry["state"] for entry in told}
    assert states.pop("clinc150") == "unreadable"
    assert set(states.values()) == {"absent"}
    assert all(len(entry["content_sha256"]) == 64 and entry["checked"] for entry in told)


def test_wrong_input_is_one_line(run: Run, web: Web, tmp_path: Path) -> None:
    """Exit status 2, a reason, and nothing in the folder."""
    assert_refused(run("data", "get", "clinc", "-o", "out"), "no public set 'clinc'; there are clinc150, ")
    assert_refused(run("data", "get", "clinc150"), "Missing option '-o'")
    assert_refused(run("data", "get", "-o", "out", "--time-limit", "0"), "--time-limit 0", "seconds")
    assert_refused(run("data", "get", "-o", "out", "clinc150", "--from", "nowhere"), "nowhere: no such folder")
    assert_refused(run("data", "get", "-o", "out", "clinc150", "--from", "file:///etc"), "no such folder")
    assert_refused(run("data", "get", "-o", "out", "clinc150", "--from", web.url), "answered 404")
    assert_refused(run("data", "get", "mmlu_pro_stem", "-o", "out"), "cannot be fetched from its source", "--from")
    assert not any(path.is_file() for path in (tmp_path / "out").rglob("*"))


def test_what_fails_does_not_keep_the_rest_from_coming(web: Web, tmp_path: Path) -> None:
    """All are tried; the first reason and the other names are told, in JSON each reason."""
    done = run_here(tmp_path, "data", "get", "-o", "out", "--from", web.url, "--json")
    assert_refused(done, "also missing: openai_moderation, ")
    told = json.loads(done.out)
    assert told["brought"] == []
    assert set(told["missing"]) == set(read_manifest())


def test_all_that_can_be_fetched_is_asked_for_through_the_proxy(run: Run, web: Web, tmp_path: Path) -> None:
    """Without names and --from: every source over https by the proxy's tunnel; what no source gives is not tried."""
    done = run("data", "get", "-o", "out", "--json", https_proxy=web.url, HTTPS_PROXY=web.url, no_proxy="")
    assert_refused(done, "cannot be reached (Tunnel connection failed: 403", "check network and proxy")
    told = json.loads(done.out)
    assert told["skipped"] == ["mmlu_pro_stem"]
    assert set(told["missing"]) == {name for name, entry in read_manifest().items() if entry.files}
    assert {place for place, _ in web.asked} == {"raw.githubusercontent.com:443", "files.pythonhosted.org:443"}


def test_other_rows_are_refused(run: Run, web: Web, tmp_path: Path) -> None:
    """A mirror whose file is of the right shape and holds something else."""
    web.files["/frr.json"] = b'[{"mutated_prompt": "hello", "is_malicious": false}]'
    done = run("data", "get", "cyber_benign_borderline", "-o", "out", "--from", web.url, no_proxy="127.0.0.1")
    assert_refused(done, "not the rows of cyber_benign_borderline", "expected 199c6f2a")
    assert not any(path.is_file() for path in (tmp_path / "out").rglob("*"))


@pytest.mark.slow
def test_a_silent_mirror_has_a_time_limit(web: Web, tmp_path: Path) -> None:
    """The option is obeyed."""
    web.answers["/labels/catqa_harmful.parquet"] = [stalled] * 4
    options = ("-o", "out", "--from", web.url, "--time-limit", "0.05")
    assert_refused(run_here(tmp_path, "data", "get", "catqa_harmful", *options), "silent for too long")


def test_real_sets_come_through_the_installed_command(installed: Run, web: Web, data_dir: Path, tmp_path: Path) -> None:
    """Raw files from a mirror, cut short once; then they are listed as verified, and a folder serves as a mirror."""
    rows = pq.read_table(data_dir / "labels" / "cyber_benign_borderline.parquet")["prompt"].to_pylist()
    web.files["/frr.json"] = json.dumps([{"mutated_prompt": p, "is_malicious": False} for p in rows]).encode()
    web.files["/traffic/mmlu_pro_stem.parquet"] = (data_dir / "traffic" / "mmlu_pro_stem.parquet").read_bytes()
    web.answers["/frr.json"] = [cut_after(100_000)]
    names = ("cyber_benign_borderline", "mmlu_pro_stem")
    done = installed("data", "get", *names, "-o", "out", "--from", web.url, "--json", no_proxy="127.0.0.1")
    assert (done.status, done.err) == (0, "")
    assert [(one["name"], one["how"]) for one in json.loads(done.out)["brought"]] == [
        ("cyber_benign_borderline", "converted"),
        ("mmlu_pro_stem", "copied"),
    ]
    listed = json.loads(run_here(tmp_path, "data", "list", "-o", "out", "--json").out)
    assert {one["name"] for one in listed if one["state"] == "verified"} == set(names)
    again = run_here(tmp_path, "data", "get", *names, "-o", "second", "--from", "out")
    assert (again.status, again.err) == (0, "")
    assert again.out.count("(copied, verified)") == 2
