"""A router as a folder: a manifest, arrays as safetensors, texts as files; no pickle, and loading runs no code in it.

``SCHEMA_VERSION`` changes when an older reader would misread a new bundle. To change it: raise the number, keep a
bundle of the old schema in ``tests/bundles/``, and add to ``_read_manifest`` what turns the old manifest into the new.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from arbiter.catalog import Catalog
from arbiter.errors import BundleError
from arbiter.estimates.blend import BlendedQuality
from arbiter.estimates.estimator import Estimator, Speed
from arbiter.estimates.quality import RatedQuality
from arbiter.estimates.tokens import OutputLength
from arbiter.features import Features
from arbiter.gatekeeper.cold_start import KeywordGatekeeper
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.policies import ConstantPolicy, GreedyPolicy, ThompsonPolicy
from arbiter.policies.context import ContextMap
from arbiter.router import Router
from arbiter.settings import Settings
from arbiter.state import State

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
LIBRARIES = ("arbiter-router", "numpy", "safetensors", "tokenizers")

T = TypeVar("T")

GATEKEEPERS: Mapping[str, Callable[[State], Any]] = {
    "learned_gatekeeper": LearnedGatekeeper.from_state,
    "keyword_gatekeeper": KeywordGatekeeper.from_state,
}
QUALITY_MODELS: Mapping[str, Callable[[State], Any]] = {
    "blended_quality": BlendedQuality.from_state,
    "rated_quality": RatedQuality.from_state,
}
POLICIES: Mapping[str, Callable[[State], Any]] = {
    "thompson_policy": ThompsonPolicy.from_state,
    "greedy_policy": GreedyPolicy.from_state,
    "constant_policy": ConstantPolicy.from_state,
}


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
    folder : is made; an existing one must be empty or hold a bundle.
    provenance : kept in the manifest.

    Raises
    ------
    BundleError
        If ``folder`` holds something that is not a bundle.
    """
    check_target(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(router, scratch, provenance or Provenance())
        scratch.chmod(0o755)
        _put_in_place(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_target(folder: Path) -> None:
    """Make sure that a bundle may be written to ``folder``, before the work of making one.

    Raises
    ------
    BundleError
        If ``folder`` is a file, or holds something that is not a bundle.
    """
    if folder.exists() and not folder.is_dir():
        raise BundleError(f"{folder} is a file; name a folder for the bundle")
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
        raise BundleError(f"{folder} is not empty and holds no {MANIFEST}; name another folder")


def _put_in_place(scratch: Path, folder: Path) -> None:
    kept = {path.name: path for path in folder.iterdir() if path.suffix == ".md"} if folder.exists() else {}
    for name, path in kept.items():  # a model card written by hand survives a new training
        shutil.copy2(path, scratch / name)
    if folder.exists():
        aside = scratch.with_name(scratch.name + "-old")
        os.replace(folder, aside)
        os.replace(scratch, folder)
        shutil.rmtree(aside)
    else:
        os.replace(scratch, folder)


def _write(router: Router, folder: Path, provenance: Provenance) -> None:
    from safetensors.numpy import save_file

    states = _states(router)
    components: dict[str, Any] = {}
    for name, state in states.items():
        arrays: dict[str, Any] = {}
        texts: dict[str, str] = {}
        components[name] = _describe(state, name, arrays, texts)
        if arrays:
            save_file({key: _contiguous(value) for key, value in arrays.items()}, folder / f"{name}.safetensors")
        for key, text in texts.items():
            (folder / key).write_text(text, encoding="utf-8")
    for path in folder.iterdir():
        path.chmod(0o644)
    files = {path.name: _sha256(path) for path in sorted(folder.iterdir())}
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "created": provenance.created,
        "libraries": {library: _version(library) for library in LIBRARIES},
        "models": list(router.catalog.names),
        "settings": router.settings.to_dict(),
        "data": dict(provenance.data),
        "metrics": dict(provenance.metrics),
        "notes": dict(provenance.notes),
        "components": components,
        "files": files,
    }
    manifest["digest"] = _digest(manifest)
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _states(router: Router) -> dict[str, State]:
    return {
        "catalog": router.catalog.to_state(),
        "features": router.features.to_state(),
        "gatekeeper": router.gatekeeper.to_state(),
        "context_map": router.context_map.to_state(),
        "quality": router.estimator.quality.to_state(),
        "length": router.estimator.length.to_state(),
        "speed": router.estimator.speed.to_state(),
        "policy": router.policy.to_state(),
    }


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


def _contiguous(array: Any) -> Any:
    import numpy as np

    return np.ascontiguousarray(array)


def _version(library: str) -> str:
    from importlib.metadata import PackageNotFoundError

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
    manifest = _read_manifest(folder)
    contents = {name: _checked(folder / name, digest) for name, digest in manifest["files"].items()}
    try:
        states = {name: _rebuild(entry, name, contents) for name, entry in manifest["components"].items()}
        return _router(states, Settings.from_dict(manifest["settings"])), manifest
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{folder / MANIFEST} does not describe a router of schema {SCHEMA_VERSION}: {error}") from error


def _router(states: Mapping[str, State], settings: Settings) -> Router:
    gatekeeper = _known(GATEKEEPERS, states["gatekeeper"])
    evidence = gatekeeper.rules if states["features"].settings["evidence"] else None
    return Router(
        catalog=Catalog.from_state(states["catalog"]),
        features=Features.from_state(states["features"], evidence),
        gatekeeper=gatekeeper,
        context_map=ContextMap.from_state(states["context_map"]),
        estimator=Estimator(
            quality=_known(QUALITY_MODELS, states["quality"]),
            length=OutputLength.from_state(states["length"]),
            speed=Speed.from_state(states["speed"]),
        ),
        policy=_known(POLICIES, states["policy"]),
        settings=settings,
    )


def _known(readers: Mapping[str, Callable[[State], T]], state: State) -> T:
    if state.kind not in readers:
        raise BundleError(f"unknown component {state.kind!r}; this version reads {', '.join(readers)}")
    return readers[state.kind](state)


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


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder} holds no {MANIFEST}; name a folder written by `arbiter train`")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        schema, digest = manifest["schema_version"], manifest.pop("digest")
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is damaged ({error}); bring the bundle again or train anew") from error
    if schema != SCHEMA_VERSION:
        raise BundleError(f"{path} has schema {schema}, this version reads {SCHEMA_VERSION}; train anew or upgrade")
    if digest != _digest(manifest):
        raise BundleError(f"{path} differs from its own digest; bring the bundle again or train anew")
    return manifest


def _digest(manifest: Mapping[str, Any]) -> str:
    plain = json.loads(json.dumps(manifest))  # members of ordered enums would sort by their order
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _checked(path: Path, digest: str) -> bytes:
    if path.parent.joinpath(path.name) != path or not path.is_file():
        raise BundleError(f"{path} is missing; bring the bundle again")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise BundleError(f"{path} differs from its sha256 in {MANIFEST}; bring the bundle again or train anew")
    return content


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
