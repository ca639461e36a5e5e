"""Laws of bundles: what was saved decides the same, what was changed does not load, and a crash leaves no half."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import small_base, small_learned

import arbiter.bundle
from arbiter.bundle import Provenance, check_target, load_bundle, save_bundle
from arbiter.errors import BundleError
from arbiter.intake import read_request
from arbiter.manifest import MANIFEST, SCHEMA_VERSION, write_manifest
from arbiter.policies import ConstantPolicy, GreedyPolicy
from arbiter.router import Router
from arbiter.state import State

TEXTS = ("theorem proof tensor", "capital river", "", "Was ist die Hauptstadt von Frankreich?", "x" * 5000)


@pytest.fixture(scope="module")
def router() -> Router:
    return small_learned().router


@pytest.fixture(scope="module")
def saved(router: Router, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a bundle that no test may change."""
    folder = tmp_path_factory.mktemp("saved") / "bundle"
    provenance = Provenance(created="2026-01-01", data={"rows": 3}, metrics={"a/b": 0.1, "x": 1e-17}, notes={"ä": None})
    save_bundle(router, folder, provenance)
    return folder


@pytest.fixture
def bundle(saved: Path, tmp_path: Path) -> Path:
    """Give a copy that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "bundle"))


def decisions(router: Router) -> list[Any]:
    return router.route_batch([read_request(text) for text in TEXTS], np.random.default_rng(5))


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# what was saved decides the same


def test_a_loaded_router_decides_the_same_bit_for_bit(router: Router, saved: Path) -> None:
    """Every number of every decision, identities too, since the generator is given."""
    assert decisions(load_bundle(saved)[0]) == decisions(router)


def test_the_untrained_router_and_every_policy_survive(router: Router, tmp_path: Path) -> None:
    """Keyword gatekeeper, rated quality, greedy and constant policies."""
    for i, each in enumerate(
        (small_base(), *(replace(router, policy=p) for p in (GreedyPolicy(), ConstantPolicy.uniform(3))))
    ):
        save_bundle(each, tmp_path / str(i))
        loaded = load_bundle(tmp_path / str(i))[0]
        assert decisions(loaded) == decisions(each)
        assert loaded.settings == each.settings


def test_saving_what_was_loaded_writes_the_same_files(saved: Path, tmp_path: Path) -> None:
    """A bundle is a fixed point of load and save: nothing is lost and nothing depends on the time or the place."""
    router, manifest = load_bundle(saved)
    provenance = Provenance(**{name: manifest[name] for name in ("created", "data", "metrics", "notes")})
    save_bundle(router, tmp_path / "again", provenance)
    for name in files_of(saved):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes(), name


def test_the_manifest_tells_where_a_bundle_comes_from(saved: Path) -> None:
    """Schema, libraries, models, data, metrics, and the sha256 of every other file."""
    manifest = load_bundle(saved)[1]
    assert manifest["schema_version"] == SCHEMA_VERSION
    assert manifest["models"] == ["claude-opus-4-5", "gpt-4o", "gpt-4o-mini"]
    assert (manifest["data"], manifest["metrics"]["x"]) == ({"rows": 3}, 1e-17)
    assert {*manifest["files"], MANIFEST} == set(files_of(saved))
    assert set(manifest["libraries"]) == {"arbiter-router", "numpy", "safetensors", "tokenizers"}


def test_a_bundle_holds_no_pickle(saved: Path) -> None:
    """Manifest, arrays and texts only; no file opens like a pickle or an archive."""
    for name in files_of(saved):
        content = (saved / name).read_bytes()
        assert name == MANIFEST or name.endswith(".safetensors") or content.decode("utf-8") is not None
        assert not content.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK", b"\x1f\x8b"))


# what was changed does not load


def changed(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x01
    path.write_bytes(content)


def never(*_: object) -> None:
    raise AssertionError("something was built from a damaged bundle")


def test_one_changed_byte_in_any_file_is_refused(saved: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First, middle and last byte of each file: the error names the file, and nothing is built."""
    monkeypatch.setattr(arbiter.bundle, "_router", never)
    monkeypatch.setattr(arbiter.bundle, "_rebuild", never)
    for name in files_of(saved):
        path = bundle / name
        size = path.stat().st_size
        for position in (0, size // 3, size // 2, size - 1):
            changed(path, position)
            with pytest.raises(BundleError, match=name.replace(".", r"\.")):
                load_bundle(bundle)
            shutil.copyfile(saved / name, path)


def test_every_byte_of_the_manifest_counts(saved: Path, bundle: Path) -> None:
    """Three hundred random bytes, blanks among them; each change is seen."""
    path = bundle / MANIFEST
    for position in np.random.default_rng(0).integers(0, path.stat().st_size, size=300).tolist():
        changed(path, position)
        with pytest.raises(BundleError, match=r"manifest\.json"):
            load_bundle(bundle)
        shutil.copyfile(saved / MANIFEST, path)
    path.write_bytes(path.read_bytes().replace(b'\n "files"', b'\n\t"files"', 1))
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_bundle(bundle)


def test_a_missing_or_cut_file_is_named(saved: Path, bundle: Path) -> None:
    """Each file in turn, absent and cut in half."""
    for name in files_of(saved):
        (bundle / name).unlink()
        with pytest.raises(BundleError, match=name.replace(".", r"\.")):
            load_bundle(bundle)
        content = (saved / name).read_bytes()
        (bundle / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(BundleError, match=name.replace(".", r"\.")):
            load_bundle(bundle)
        shutil.copyfile(saved / name, bundle / name)


def rewritten(bundle: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest as somebody would who knows its digest."""
    manifest = json.loads((bundle / MANIFEST).read_text())
    (bundle / MANIFEST).unlink()
    for added in ("schema_version", "digest", "files"):
        manifest.pop(added)
    change(manifest)
    write_manifest(bundle, manifest)


FORGED: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda m: m["components"]["policy"].update(kind="os.system"), "unknown policy 'os.system'; known are"),
    (lambda m: m["components"]["gatekeeper"].update(kind="pickle"), "unknown gatekeeper 'pickle'"),
    (lambda m: m["components"]["quality"].update(kind="mine"), "unknown quality 'mine'"),
    (lambda m: m["components"]["features"]["parts"]["encoder"].update(kind="mine"), "unknown encoder 'mine'"),
    (lambda m: m["components"].pop("policy"), "describes no router"),
    (lambda m: m["components"]["length"].update(arrays=["absent"]), "absent"),
    (lambda m: m["components"].update(policy=[]), "describes no router"),
    (lambda m: m.update(settings={}), "describes no router"),
    (lambda m: m["settings"].update(strategy="best"), "'best' is not a valid Strategy"),
    (lambda m: m.pop("components"), "components"),
]


@pytest.mark.parametrize(("change", "message"), FORGED, ids=[message[:25] for _, message in FORGED])
def test_a_manifest_of_another_make_is_refused(bundle: Path, change: Callable[[Any], None], message: str) -> None:
    """Digest and hashes in order, content not: one line that names the manifest."""
    rewritten(bundle, change)
    with pytest.raises(BundleError, match=message) as caught:
        load_bundle(bundle)
    assert MANIFEST in str(caught.value) and "\n" not in str(caught.value)


def test_another_schema_is_refused_by_its_number(bundle: Path) -> None:
    """Before the digest is looked at: an older reader does not know how a newer one is made."""
    path = bundle / MANIFEST
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(BundleError, match="has schema 99, this version reads 1; train anew or upgrade"):
        load_bundle(bundle)


@pytest.mark.parametrize("content", ["", "[]", "null", "{", '{"schema_version": 1}', '"text"', "\x00\xff"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    """Whatever lies under its name."""
    (tmp_path / MANIFEST).write_bytes(content.encode("latin-1"))
    with pytest.raises(BundleError, match="is damaged"):
        load_bundle(tmp_path)


def test_a_manifest_cannot_name_files_outside(bundle: Path, tmp_path: Path) -> None:
    """A path with a folder in it is no file of the bundle."""
    (tmp_path / "secret").write_text("x")
    manifest = json.loads((bundle / MANIFEST).read_text())
    manifest["files"]["../secret"] = "0" * 64
    manifest.pop("digest")
    manifest["digest"] = arbiter.manifest._digest(manifest)
    (bundle / MANIFEST).write_bytes(arbiter.manifest._rendered(manifest))
    with pytest.raises(BundleError, match=r"names '\.\./secret'"):
        load_bundle(bundle)


def test_what_is_no_bundle_is_said(tmp_path: Path) -> None:
    """A folder without manifest, a file, nothing at all."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match=r"holds no manifest\.json; name a folder written by"):
        load_bundle(tmp_path)
    with pytest.raises(BundleError, match="is a file"):
        load_bundle(tmp_path / "file")
    with pytest.raises(BundleError, match="does not exist"):
        load_bundle(tmp_path / "absent")


# where it is written


def test_targets_that_would_lose_something_are_refused(router: Router, tmp_path: Path, monkeypatch: Any) -> None:
    """A file, a folder under a file, a folder with other things, the working directory; nothing is touched."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here" / "sub")
    cases = {
        tmp_path / "file": "is a file; name a folder",
        tmp_path / "file" / "deep" / "er": "is a file; name a folder",
        tmp_path / "full": r"is not empty and holds no manifest\.json; name another folder",
        Path(): "is the working directory or holds it",
        tmp_path / "here": "is the working directory or holds it",
    }
    before = sorted(tmp_path.rglob("*"))
    for target, message in cases.items():
        for act in (lambda t: check_target(t), lambda t: save_bundle(router, t)):
            with pytest.raises(BundleError, match=message):
                act(target)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bundle_replaces_a_bundle_and_keeps_its_card(router: Router, tmp_path: Path) -> None:
    """Files of the old one are gone, the model card stays, and nothing is left beside it."""
    target = tmp_path / "deep" / "er" / "bundle"
    save_bundle(router, target)
    (target / "MODEL_CARD.md").write_text("by hand")
    save_bundle(small_base(), target)
    assert load_bundle(target)[0].catalog.names == small_base().catalog.names
    assert (target / "MODEL_CARD.md").read_text() == "by hand"
    assert files_of(target.parent) == ["bundle"]
    assert (target.stat().st_mode & 0o777, (target / MANIFEST).stat().st_mode & 0o777) == (0o755, 0o644)


def test_a_link_stays_a_link(router: Router, tmp_path: Path) -> None:
    """The folder that it names is replaced."""
    save_bundle(small_base(), tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save_bundle(router, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load_bundle(tmp_path / "real")[0].catalog.names == router.catalog.names
    assert files_of(tmp_path) == ["link", "real"]


class Own(GreedyPolicy):
    """A user's policy that no bundle can hold."""

    def to_state(self) -> State:
        """Name a kind of its own."""
        return State(kind="my_policy")


def test_what_could_not_be_loaded_is_not_saved(router: Router, tmp_path: Path) -> None:
    """The error comes at saving, where the object still is, and leaves nothing."""
    with pytest.raises(BundleError, match="unknown policy 'my_policy'"):
        save_bundle(replace(router, policy=Own()), tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_bundle(router: Router, saved: Path, bundle: Path, monkeypatch: Any) -> None:
    """The disk fills up while the new one is written."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arbiter.bundle, "write_manifest", full)
    with pytest.raises(OSError, match="No space left"):
        save_bundle(small_base(), bundle)
    assert {n: (bundle / n).read_bytes() for n in files_of(bundle)} == {
        n: (saved / n).read_bytes() for n in files_of(saved)
    }
    assert files_of(bundle.parent) == ["bundle"]


def test_a_failed_exchange_puts_the_old_bundle_back(bundle: Path, monkeypatch: Any) -> None:
    """Between the two renames the second one fails."""
    rename, calls = Path.replace, list[Path]()

    def failing(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 1:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="Input/output"):
        save_bundle(small_base(), bundle)
    assert load_bundle(bundle)[0].catalog.names == small_learned().router.catalog.names
    assert files_of(bundle.parent) == ["bundle"]


WRITER = """
import sys
from pathlib import Path
from arbiter.bundle import load_bundle, save_bundle
one, two = (load_bundle(Path(p))[0] for p in sys.argv[1:3])
print("ready", flush=True)
while True:
    for router in (one, two):
        save_bundle(router, Path(sys.argv[3]))
"""


def test_a_killed_writer_leaves_a_whole_bundle_or_none(saved: Path, tmp_path: Path) -> None:
    """Eight times a process that writes without pause is killed at a random moment."""
    other, target = tmp_path / "other", tmp_path / "target" / "bundle"
    save_bundle(small_base(), other)
    names = {small_base().catalog.names, small_learned().router.catalog.names}
    pauses, whole = np.random.default_rng(0).uniform(0.0, 0.12, size=8), 0
    for pause in pauses:
        process = subprocess.Popen([sys.executable, "-c", WRITER, saved, other, target], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(float(pause))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        if target.exists():
            assert load_bundle(target)[0].catalog.names in names
            whole += 1
    assert whole >= 4
