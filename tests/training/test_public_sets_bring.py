"""A set into a folder, from its source, a mirror or a folder: verified, or nothing is left under its name."""

import hashlib
import importlib.util
import json
import pickle
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from web_files import Web, cut_after, serving

from arbiter.errors import DownloadError, InvalidInputError
from arbiter_training.public_sets import (
    Patience,
    PublicSet,
    RawFile,
    bring,
    content_digest,
    manifest_path,
    read_manifest,
)
from arbiter_training.public_sets.content import digest_of_columns, write_columns
from arbiter_training.public_sets.converters import CONVERTERS

PROMPTS = [f"Write a scanner for port {i} of our own hosts" for i in range(2000)]
RAW = json.dumps([{"mutated_prompt": p, "is_malicious": False} for p in PROMPTS]).encode()
QUICK = Patience(silence_s=2.0, tries=2, pause_s=0.0)
NAME = "cyber_benign_borderline"
TARGET = Path("labels") / f"{NAME}.parquet"


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Serve the raw file."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as web:
        web.files["/frr.json"] = RAW
        yield web


@pytest.fixture
def entry(web: Web) -> PublicSet:
    """Give a set as the manifest would describe it, with its source on loopback."""
    file = RawFile(name="frr.json", url=f"{web.url}/frr.json", max_bytes=1_000_000)
    digest = digest_of_columns({"prompt": PROMPTS})
    return replace(read_manifest()[NAME], rows=2000, content_sha256=digest, files=(file,))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_from_its_source_and_once(web: Web, entry: PublicSet, tmp_path: Path) -> None:
    """Converted to the folder's layout in the source's order; a second call verifies and asks nobody."""
    done = bring(entry, tmp_path, "", QUICK, print)
    assert (done.path, done.how) == (tmp_path / TARGET, "converted")
    assert pq.read_table(done.path).to_pydict() == {"prompt": PROMPTS}
    assert files(tmp_path) == [TARGET.as_posix(), "raw/frr.json"]
    assert bring(entry, tmp_path, "", QUICK, print).how == "present"
    assert len(web.asked) == 1


def test_after_an_interruption_the_next_call_goes_on(web: Web, entry: PublicSet, tmp_path: Path) -> None:
    """Nothing stands under the set's name until all of it is there."""
    web.answers["/frr.json"] = [cut_after(30_000), cut_after(30_000)]
    with pytest.raises(DownloadError, match="60,000 bytes are kept"):
        bring(entry, tmp_path, "", QUICK, print)
    assert files(tmp_path) == ["raw/frr.json.part", "raw/frr.json.part.json"]
    bring(entry, tmp_path, "", QUICK, print)
    assert content_digest(tmp_path / TARGET) == entry.content_sha256
    assert web.asked[-1][1] == "bytes=60000-"


def test_rows_that_are_others_leave_nothing(web: Web, entry: PublicSet, tmp_path: Path) -> None:
    """A source that changed in one letter, without a known sum: said, not written, and fetched anew next time."""
    web.files["/frr.json"] = RAW.replace(b"port 7 ", b"port 8 ")
    with pytest.raises(DownloadError, match=f"not the rows of {NAME}: .* expected {entry.content_sha256}"):
        bring(entry, tmp_path, "", QUICK, print)
    assert files(tmp_path) == []
    web.files["/frr.json"] = RAW
    assert bring(entry, tmp_path, "", QUICK, print).how == "converted"


def test_a_wrong_sum_is_found_before_anything_is_read(web: Web, entry: PublicSet, tmp_path: Path) -> None:
    """Even a file that no converter could read."""
    web.files["/frr.json"] = pickle.dumps(["not", "JSON"])
    guarded = replace(entry, files=(replace(entry.files[0], sha256=hashlib.sha256(RAW).hexdigest()),))
    with pytest.raises(DownloadError, match="nothing of it was read"):
        bring(guarded, tmp_path, "", QUICK, print)
    assert files(tmp_path) == []


def test_a_mirror_of_raw_files(web: Web, entry: PublicSet, tmp_path: Path) -> None:
    """Their names below the mirror's URL, once it is seen that the set does not lie there prepared."""
    away = replace(entry, files=(replace(entry.files[0], url="https://source.invalid/frr.json"),))
    assert bring(away, tmp_path, web.url + "/", QUICK, print).how == "converted"
    assert [path for path, _ in web.asked] == [f"/{TARGET}", "/frr.json"]


def test_a_mirror_of_prepared_sets(web: Web, entry: PublicSet, tmp_path: Path) -> None:
    """Taken as it is if its rows are right; the only way for a set whose source cannot be fetched."""
    write_columns({"prompt": PROMPTS[::-1]}, tmp_path / "mirrored" / TARGET)
    web.files[f"/sets/{TARGET}"] = (tmp_path / "mirrored" / TARGET).read_bytes()
    alone = replace(entry, files=(), unavailable="nobody knows where it is")
    assert bring(alone, tmp_path / "out", f"{web.url}/sets", QUICK, print).how == "copied"
    assert files(tmp_path / "out") == [TARGET.as_posix()]
    assert content_digest(tmp_path / "out" / TARGET) == entry.content_sha256
    with pytest.raises(DownloadError, match="answered 404"):
        bring(alone, tmp_path / "none", f"{web.url}/elsewhere", QUICK, print)


def test_a_set_without_a_source_says_so(entry: PublicSet, tmp_path: Path) -> None:
    """Why, where to look, and what a file must be to be taken."""
    alone = replace(entry, files=(), unavailable="nobody knows where it is")
    with pytest.raises(DownloadError) as caught:
        bring(alone, tmp_path, "", QUICK, print)
    for part in ("nobody knows where it is", entry.source, "--from", entry.content_sha256):
        assert part in str(caught.value)


@pytest.mark.parametrize("place", ["", "deep/below"])
def test_a_folder_of_raw_files_or_of_prepared_ones(entry: PublicSet, tmp_path: Path, place: str) -> None:
    """At any depth, the prepared file first; the folder itself stays as it is."""
    raw, ready = tmp_path / "raw", tmp_path / "ready"
    (raw / place).mkdir(parents=True)
    (raw / place / "frr.json").write_bytes(RAW)
    write_columns({"prompt": PROMPTS}, ready / place / TARGET.name)
    for origin, how in ((raw, "converted"), (ready, "copied")):
        before = files(origin)
        out = tmp_path / f"out {how}"
        assert bring(entry, out, str(origin), QUICK, print).how == how
        assert content_digest(out / TARGET) == entry.content_sha256
        assert files(origin) == before
        assert files(out) == [TARGET.as_posix()]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("frr.json", b"[" * 100_000, "not JSON"),
        ("frr.json", RAW + b" " * 1_000_000, "more than the 1,000,000 bytes"),
        (TARGET.name, pickle.dumps(RAW), "not readable as Parquet"),
        (TARGET.name, b"PAR1" + b"\0" * 100 + b"PAR1", "not readable as Parquet"),
        ("other.json", b"[]", r"holds no cyber_benign_borderline\.parquet, and lacks frr\.json"),
    ],
)
def test_a_folder_of_something_else(entry: PublicSet, tmp_path: Path, name: str, data: bytes, message: str) -> None:
    """One line that names the file; nothing is written."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(data)
    with pytest.raises((DownloadError, InvalidInputError), match=message):
        bring(entry, tmp_path / "out", str(tmp_path / "in"), QUICK, print)
    assert not (tmp_path / "out").exists() or files(tmp_path / "out") == []


@pytest.mark.parametrize("origin", ["nowhere", "ftp://host/sets", "file:///etc"])
def test_an_origin_that_is_neither_folder_nor_web(entry: PublicSet, tmp_path: Path, origin: str) -> None:
    """It is named."""
    with pytest.raises(DownloadError, match="no such folder, and no http:// or https:// URL"):
        bring(entry, tmp_path, origin, QUICK, print)


def test_a_file_of_other_rows_is_not_written_over(entry: PublicSet, tmp_path: Path) -> None:
    """Somebody may have made it; he is told to delete it."""
    write_columns({"prompt": ["mine"]}, tmp_path / TARGET)
    with pytest.raises(DownloadError, match="delete it to have it brought anew"):
        bring(entry, tmp_path, "", QUICK, print)
    (tmp_path / TARGET).write_bytes(b"PAR1 half")
    with pytest.raises(DownloadError, match="delete it to have it brought anew"):
        bring(entry, tmp_path, "", QUICK, print)


def test_the_manifest_is_whole() -> None:
    """Sums are sums, sources are pinned, each raw file is one file wherever it stands, and doubt is written down."""
    sets = read_manifest()
    seen: dict[str, RawFile] = {}
    for entry in sets.values():
        assert len(bytes.fromhex(entry.content_sha256)) == 32
        assert entry.licence and entry.citation and entry.used_for and entry.rows > 0
        assert set(entry.checked) == {"url", "sha256", "conversion"}
        assert bool(entry.files) != bool(entry.unavailable)
        for file in entry.files:
            assert seen.setdefault(file.name, file) == file
            assert file.url.startswith(("https://raw.githubusercontent.com/", "https://files.pythonhosted.org/"))
            assert file.url.endswith("/" + file.name)
            assert any(len(part) in (40, 60) for part in file.url.split("/")), "not pinned"
            assert file.sha256 == "" or len(bytes.fromhex(file.sha256)) == 32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "Invalid"),
        ("[a]\nsource = 1", "missing"),
        (manifest_path().read_text().replace("\nlicence", "\nlicense", 1), "license"),
        (manifest_path().read_text().replace("labels/clinc150", "../clinc150"), "prepared must be"),
        (manifest_path().read_text().replace('name = "domains.json"', 'name = "../x"'), "no path"),
    ],
)
def test_a_manifest_that_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    """With the key."""
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_manifest(tmp_path / "m.toml")


def test_the_files_at_hand_are_those_of_the_manifest(data_dir: Path) -> None:
    """Digest and rows of every set that lies there."""
    found = {name: data_dir / entry.prepared for name, entry in read_manifest().items()}
    for name, path in found.items():
        if path.is_file():
            assert content_digest(path) == read_manifest()[name].content_sha256, name
            assert pq.read_metadata(path).num_rows == read_manifest()[name].rows, name
    assert any(path.is_file() for path in found.values())


def test_real_rows_come_back_in_their_order(data_dir: Path, tmp_path: Path) -> None:
    """CLINC150 rebuilt to the byte (the manifest's sum says so), then brought: rows, order and types are equal.

    Order matters: thinning draws rows by their position, so the training would be another one.
    """
    prepared = data_dir / "labels" / "clinc150.parquet"
    if not prepared.is_file():
        pytest.skip(f"no {prepared}")
    entry = read_manifest()["clinc150"]
    splits: dict[str, list[list[str]]] = {}
    domains: dict[str, list[str]] = {}
    for row in pq.read_table(prepared).to_pylist():
        splits.setdefault(row["split"], []).append([row["prompt"], row["intent"]])
        domains.setdefault(row["domain"], []).append(row["intent"])
    raw = json.dumps(splits, indent=4, separators=(", ", ": ")).encode()
    assert hashlib.sha256(raw).hexdigest() == entry.files[0].sha256
    (tmp_path / "data_full.json").write_bytes(raw)
    (tmp_path / "domains.json").write_text(json.dumps(domains))  # in another order than the source's
    unguarded = replace(entry, files=(entry.files[0], replace(entry.files[1], sha256="", max_bytes=10_000_000)))
    done = bring(unguarded, tmp_path / "out", str(tmp_path), QUICK, print)
    assert pq.read_table(done.path).to_pylist() == pq.read_table(prepared).to_pylist()
    assert pq.read_schema(done.path).remove_metadata() == pq.read_schema(prepared).remove_metadata()


def test_real_rows_of_the_wheel(data_dir: Path, tmp_path: Path) -> None:
    """The part that the installed package paretobandit holds gives the prepared rows, in their order."""
    spec = importlib.util.find_spec("pareto_bandit")
    prepared = data_dir / "traffic" / "paretobandit_val_k3.parquet"
    if spec is None or not spec.submodule_search_locations or not prepared.is_file():
        pytest.skip("paretobandit is not installed, or its prepared rows are not at hand")
    entry = read_manifest()["paretobandit_val_k3"]
    package = Path(next(iter(spec.submodule_search_locations)))
    with zipfile.ZipFile(tmp_path / entry.files[0].name, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(package / "data" / "examples" / "val.jsonl", "pareto_bandit/data/examples/val.jsonl")
    unguarded = replace(entry, files=(replace(entry.files[0], sha256=""),))
    done = bring(unguarded, tmp_path / "out", str(tmp_path), QUICK, print)
    assert pq.read_table(done.path).to_pylist() == pq.read_table(prepared).to_pylist()


def test_all_of_real_data_is_taken_as_prepared(data_dir: Path, tmp_path: Path) -> None:
    """A folder of prepared files, whatever its layout."""
    for entry in read_manifest().values():
        if (data_dir / entry.prepared).is_file():
            shutil.copy(data_dir / entry.prepared, tmp_path)
            assert bring(entry, tmp_path / "out", str(tmp_path), QUICK, print).how == "copied"
    assert CONVERTERS.keys() <= read_manifest().keys()
