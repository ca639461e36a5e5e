"""A router as a folder: manifest, arrays as safetensors, texts as files; no pickle, and loading runs no code in it."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.catalog import Catalog
from arbiter.components import reader_of
from arbiter.errors import BundleError
from arbiter.estimates.estimator import Estimator, Speed
from arbiter.estimates.tokens import OutputLength
from arbiter.features import Features
from arbiter.manifest import MANIFEST, SCHEMA_VERSION, read_files, read_manifest, write_manifest
from arbiter.policies.context import ContextMap
from arbiter.router import Router
from arbiter.settings import Settings
from arbiter.state import State

__all__ = ["MANIFEST", "SCHEMA_VERSION", "Provenance", "check_target", "load_bundle", "save_bundle"]

LIBRARIES = ("arbiter-router", "numpy", "safetensors", "tokenizers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a bundle comes from; JSON-ready values only.

    Attributes
    ----------
    created : ISO time, given by the caller.
    data : fingerprint and counts of the training data.
    metrics : name to number, measured on rows that were held out.
    notes : recipe, choices of the cross-validation, anything else worth keeping.
    """

    created: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


def save_bundle(router: Router, folder: Path, provenance: Provenance | None = None) -> None:
    """Write a router into ``folder``, replacing a bundle that is there; whole or not at all.

    Parameters
    ----------
    router : what to keep.
    folder : is made; an existing one must be empty or hold a bundle. Model cards (``*.md``) in it stay.
    provenance : kept in the manifest.

    Raises
    ------
    BundleError
        If ``folder`` holds something that is not a bundle, or the router a component that no bundle can hold.
    """
    check_target(folder)
    folder = folder.resolve()  # of a link, the folder that it names is replaced
    states = _states(router)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(states, router, scratch, provenance or Provenance())
        scratch.chmod(0o755)
        _put_in_place(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_target(folder: Path) -> None:
    """Make sure that a bundle may be written to ``folder``, before the work of making one.

    Raises
    ------
    BundleError
        If ``folder`` or what should hold it is a file, if it holds something that is not a bundle, or if it is the
        working directory (replacing that would leave the process nowhere).
    """
    place = folder.resolve()
    above = next(path for path in (place, *place.parents) if path.exists())
    if not above.is_dir():
        raise BundleError(f"{folder}: {above} is a file; name a folder for the bundle")
    if place == Path.cwd() or place in Path.cwd().parents:
        raise BundleError(f"{folder} is the working directory or holds it; name a folder inside of it")
    if place.exists() and any(place.iterdir()) and not (place / MANIFEST).is_file():
        raise BundleError(f"{folder} is not empty and holds no {MANIFEST}; name another folder")


def _put_in_place(scratch: Path, folder: Path) -> None:
    """Exchange two folders by renaming: at any moment there is the old bundle, the new one or none, never a mixture."""
    if not folder.exists():
        scratch.replace(folder)
        return
    for card in folder.glob("*.md"):  # a model card written by hand survives a new training
        shutil.copy2(card, scratch / card.name)
    aside = folder.rename(scratch.with_name(f"{scratch.name}-old"))
    try:
        scratch.replace(folder)
    except OSError:
        aside.replace(folder)
        raise
    shutil.rmtree(aside)


def _write(states: Mapping[str, State], router: Router, folder: Path, provenance: Provenance) -> None:
    from safetensors.numpy import save_file

    components: dict[str, Any] = {}
    for name, state in states.items():
        arrays: dict[str, Any] = {}
        texts: dict[str, str] = {}
        components[name] = _describe(state, name, arrays, texts)
        if arrays:
            contiguous = {key: np.ascontiguousarray(value) for key, value in arrays.items()}
            save_file(contiguous, folder / f"{name}.safetensors")
        for key, text in texts.items():
            (folder / key).write_text(text, encoding="utf-8", newline="")
    content = {
        "created": provenance.created,
        "libraries": {library: _version(library) for library in LIBRARIES},
        "models": list(router.catalog.names),
        "settings": router.settings.to_dict(),
        "data": dict(provenance.data),
        "metrics": dict(provenance.metrics),
        "notes": dict(provenance.notes),
        "components": components,
    }
    write_manifest(folder, content)
    for path in folder.iterdir():
        path.chmod(0o644)


def _states(router: Router) -> dict[str, State]:
    states = {
        "catalog": router.catalog.to_state(),
        "features": router.features.to_state(),
        "gatekeeper": router.gatekeeper.to_state(),
        "context_map": router.context_map.to_state(),
        "quality": router.estimator.quality.to_state(),
        "length": router.estimator.length.to_state(),
        "speed": router.estimator.speed.to_state(),
        "policy": router.policy.to_state(),
    }
    for part in ("gatekeeper", "quality", "policy"):
        reader_of(part, states[part])
    reader_of("encoder", states["features"].parts["encoder"])
    return states


def _describe(state: State, prefix: str, arrays: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    arrays.update({f"{prefix}/{name}": array for name, array in state.arrays.items()})
    names = {name: f"{prefix.replace('/', '.')}.{name}" for name in state.texts}
    texts.update({names[name]: text for name, text in state.texts.items()})
    return {
        "kind": state.kind,
        "settings": dict(state.settings),
        "arrays": sorted(state.arrays),
        "texts": names,
        "parts": {name: _describe(part, f"{prefix}/{name}", arrays, texts) for name, part in state.parts.items()},
    }


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed as a package"


def load_bundle(folder: Path) -> tuple[Router, Mapping[str, Any]]:
    """Read a router from ``folder``.

    Parameters
    ----------
    folder : written by :func:`save_bundle`.

    Returns
    -------
    router, manifest

    Raises
    ------
    BundleError
        If a file is missing, has another sha256 than the manifest says, or names an unknown component; the message
        names the file. Nothing is built before every file has been checked.
    """
    from safetensors import SafetensorError

    manifest = read_manifest(folder)
    contents = read_files(folder, manifest)
    try:
        states = {name: _rebuild(entry, name, contents) for name, entry in manifest["components"].items()}
        return _router(states, Settings.from_dict(manifest["settings"])), manifest
    except BundleError as error:
        raise BundleError(f"{folder / MANIFEST}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError, SafetensorError) as error:
        why = f"{type(error).__name__}: {error}"
        raise BundleError(f"{folder / MANIFEST} describes no router of schema {SCHEMA_VERSION} ({why})") from error


def _router(states: Mapping[str, State], settings: Settings) -> Router:
    gatekeeper = _known("gatekeeper", states)
    evidence = gatekeeper.rules if states["features"].settings["evidence"] else None
    return Router(
        catalog=Catalog.from_state(states["catalog"]),
        features=Features.from_state(states["features"], evidence),
        gatekeeper=gatekeeper,
        context_map=ContextMap.from_state(states["context_map"]),
        estimator=Estimator(
            quality=_known("quality", states),
            length=OutputLength.from_state(states["length"]),
            speed=Speed.from_state(states["speed"]),
        ),
        policy=_known("policy", states),
        settings=settings,
    )


def _known(part: str, states: Mapping[str, State]) -> Any:
    return reader_of(part, states[part])(states[part])


def _rebuild(entry: Mapping[str, Any], prefix: str, contents: Mapping[str, bytes]) -> State:
    from safetensors.numpy import load

    top = prefix.split("/", 1)[0]
    arrays = load(contents[f"{top}.safetensors"]) if f"{top}.safetensors" in contents else {}
    return _part(entry, prefix, arrays, contents)


def _part(entry: Mapping[str, Any], prefix: str, arrays: Mapping[str, Any], contents: Mapping[str, bytes]) -> State:
    return State(
        kind=entry["kind"],
        settings=entry["settings"],
        arrays={name: arrays[f"{prefix}/{name}"] for name in entry["arrays"]},
        texts={name: contents[file].decode("utf-8") for name, file in entry["texts"].items()},
        parts={name: _part(part, f"{prefix}/{name}", arrays, contents) for name, part in entry["parts"].items()},
    )
