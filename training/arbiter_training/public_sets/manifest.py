"""The manifest of public sets: ``datasets/public/manifest.toml``, which the wheel holds too."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from arbiter.errors import InvalidInputError

_PACKAGE = Path(__file__).resolve().parent
PLACES = (_PACKAGE / "data" / "manifest.toml", _PACKAGE.parents[2] / "datasets" / "public" / "manifest.toml")
"""Where the wheel holds it, and where the tree does (an editable install does not see the first)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A file of a set as its source publishes it.

    Attributes
    ----------
    name : by which the converter, the folder ``raw`` and a mirror know it; no two files of the manifest share one.
    url : pinned to a commit or a release.
    max_bytes : above it the file is not what it should be, and is not read to its end.
    sha256 : of the file; empty where nobody here could compute it. Then the content digest alone guards the set.
    """

    name: str
    url: str
    max_bytes: int
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSet:
    """A public set: what it is, where it comes from, and what it must be after conversion.

    Attributes
    ----------
    name : of the set and of its file.
    source : page where people read about it.
    licence, citation, used_for : in words.
    prepared : path in the folder, ``labels/NAME.parquet`` or ``traffic/NAME.parquet``.
    rows : of the converted table.
    content_sha256 : digest of its rows.
    checked : how url, sha256 and conversion were checked, in words.
    unavailable : why it cannot be fetched from its source; empty where it can.
    files : what its source publishes; none where it cannot be fetched.
    """

    name: str
    source: str
    licence: str
    citation: str
    used_for: str
    prepared: str
    rows: int
    content_sha256: str
    checked: Mapping[str, str]
    unavailable: str = ""
    files: tuple[RawFile, ...] = ()


def manifest_path() -> Path:
    """Give the manifest that came with this installation.

    Raises
    ------
    InvalidInputError
        If the installation lacks it.
    """
    found = next((path for path in PLACES if path.is_file()), None)
    if found is None:
        raise InvalidInputError(f"no manifest of public sets at {PLACES[0]}: install arbiter-router again")
    return found


def read_manifest(path: Path | None = None) -> dict[str, PublicSet]:
    """Read a manifest.

    Parameters
    ----------
    path : TOML file; None reads the one that came with this installation.

    Returns
    -------
    sets : name to set, in the file's order.

    Raises
    ------
    InvalidInputError
        If the file is no TOML, or an entry lacks a key or has one that there is none of.
    """
    path = manifest_path() if path is None else path
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _entry(name, dict(entry)) for name, entry in entries.items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
        known = ", ".join(f.name for f in (*fields(PublicSet), *fields(RawFile)))
        raise InvalidInputError(f"{path}: {error}; the keys are {known}") from error


def _entry(name: str, entry: dict[str, Any]) -> PublicSet:
    files = tuple(RawFile(**file) for file in entry.pop("files", ()))
    found = PublicSet(name=name, files=files, **entry)
    if found.prepared not in (f"labels/{name}.parquet", f"traffic/{name}.parquet"):
        raise ValueError(f"{name}: prepared must be labels/{name}.parquet or traffic/{name}.parquet")
    if any(Path(file.name).name != file.name for file in files):
        raise ValueError(f"{name}: the name of a file is no path")
    return found
