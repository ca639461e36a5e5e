"""The manifest of a bundle: it lists every file with its sha256, and guards itself by a digest of its own.

``SCHEMA_VERSION`` changes when an older reader would misread a new bundle. To change it: raise the number, keep a
bundle of the old schema in ``tests/bundles/``, and add to :func:`read_manifest` what turns the old manifest into the
new.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arbiter.errors import BundleError

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"


def write_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest of the files that lie in ``folder``.

    Parameters
    ----------
    folder : holds the other files of the bundle already.
    content : JSON-ready; schema version, files and digest are added.
    """
    files = {path.name: _sha256(path.read_bytes()) for path in sorted(folder.iterdir())}
    manifest = {"schema_version": SCHEMA_VERSION, **content, "files": files}
    manifest["digest"] = _digest(manifest)
    (folder / MANIFEST).write_bytes(_rendered(manifest))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read and check the manifest of a bundle.

    Returns
    -------
    manifest : with its digest.

    Raises
    ------
    BundleError
        If there is none, it is damaged, was changed in any byte, or has another schema.
    """
    path = folder / MANIFEST
    if not path.is_file():
        what = f"holds no {MANIFEST}" if folder.is_dir() else "is a file" if folder.exists() else "does not exist"
        raise BundleError(f"{folder} {what}; name a folder written by `arbiter train`")
    content = path.read_bytes()
    try:
        manifest: dict[str, Any] = json.loads(content)
        schema, digest, files = manifest["schema_version"], manifest["digest"], dict(manifest["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path} is damaged ({error}); bring the bundle again or train anew") from error
    if schema != SCHEMA_VERSION:
        raise BundleError(f"{path} has schema {schema}, this version reads {SCHEMA_VERSION}; train anew or upgrade")
    if digest != _digest(manifest) or content != _rendered(manifest):  # the latter sees a changed blank, too
        raise BundleError(f"{path} differs from its own digest; bring the bundle again or train anew")
    outside = [name for name in files if Path(name).name != name]
    if outside:
        raise BundleError(f"{path} names {outside[0]!r}, which is no file of the bundle; train anew")
    return manifest


def read_files(folder: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """Read every file that a manifest lists.

    Raises
    ------
    BundleError
        If one is missing or has another sha256; the message names it.
    """
    return {name: _checked(folder / name, digest) for name, digest in manifest["files"].items()}


def _checked(path: Path, digest: str) -> bytes:
    if not path.is_file():
        raise BundleError(f"{path} is missing; bring the bundle again")
    content = path.read_bytes()
    if _sha256(content) != digest:
        raise BundleError(f"{path} differs from its sha256 in {MANIFEST}; bring the bundle again or train anew")
    return content


def _rendered(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()


def _digest(manifest: Mapping[str, Any]) -> str:
    """Give the sha256 of everything in a manifest but its digest."""
    plain = json.loads(json.dumps(manifest))  # members of ordered enums would sort by their order
    plain.pop("digest", None)
    return _sha256(json.dumps(plain, sort_keys=True).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
