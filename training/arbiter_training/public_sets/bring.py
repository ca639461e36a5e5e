"""One set into a folder: from its source, from a mirror, or from files that are at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbiter.errors import DownloadError, TrafficError
from arbiter_training.public_sets.content import (
    content_digest,
    digest_of_columns,
    locate,
    require_content,
    with_draft,
    write_columns,
)
from arbiter_training.public_sets.converters import convert
from arbiter_training.public_sets.download import Patience, Say, download, sha256_of
from arbiter_training.public_sets.manifest import PublicSet, RawFile
from arbiter_training.public_sets.transport import SCHEMES, AbsentError, shown

RAW = "raw"
"""Folder of what was fetched, inside the folder of the sets: it can be deleted, or served as a mirror."""

MAX_PREPARED_BYTES = 50_000_000
"""Size above which a prepared file of a mirror is no set of the manifest (the largest has 1 MB)."""

PREPARED, CONVERTED, PRESENT = "copied", "converted", "present"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A set that lies in the folder, verified.

    Attributes
    ----------
    name : of the set.
    path : of its file.
    how : ``converted`` from raw files, ``copied`` from a prepared one, or ``present`` before.
    """

    name: str
    path: Path
    how: str


def bring(entry: PublicSet, folder: Path, origin: str, patience: Patience, say: Say) -> Brought:
    """Bring a set into a folder.

    Parameters
    ----------
    entry : of the manifest.
    folder : of the sets; a set that lies there already is only verified.
    origin : empty for the set's own source; or a URL or a folder that holds its raw files, or the set itself, prepared.
    patience : how long to wait for a server.
    say : is told what happens.

    Raises
    ------
    DownloadError
        If the set cannot be had, or what was had is not what the manifest says. Nothing is left under its name.
    """
    target = folder / entry.prepared
    if target.is_file():
        _require_present(target, entry)
        return Brought(name=entry.name, path=target, how=PRESENT)
    web = origin.partition("://")[0].lower() in SCHEMES
    if not origin or web:
        how = _from_web(entry, folder, origin, patience, say)
    else:
        how = _from_folder(entry, target, Path(origin), say)
    return Brought(name=entry.name, path=target, how=how)


def _require_present(target: Path, entry: PublicSet) -> None:
    remedy = "delete it to have it brought anew"
    try:
        found = content_digest(target)
    except TrafficError as error:
        raise DownloadError(f"{error}, or {remedy}") from error
    require_content(found, entry, str(target), remedy)


def _from_folder(entry: PublicSet, target: Path, origin: Path, say: Say) -> str:
    if not origin.is_dir():
        raise DownloadError(f"{origin}: no such folder, and no http:// or https:// URL")
    ready = locate(origin, target.name)
    if ready is not None:
        return _adopt(ready, entry, target)
    found = {file.name: locate(origin, file.name) for file in entry.files}
    missing = [name for name, path in found.items() if path is None]
    if missing or not found:
        also = f", and lacks {', '.join(missing)}" if missing else ""
        raise DownloadError(f"{origin}: holds no {target.name}{also}")
    files = {name: path for name, path in found.items() if path is not None}
    for file in entry.files:
        _require_raw(files[file.name], file)
    say(f"{entry.name}: converting")
    _convert(entry, files, target)
    return CONVERTED


def _from_web(entry: PublicSet, folder: Path, mirror: str, patience: Patience, say: Say) -> str:
    if mirror:
        try:
            return _prepared_from_web(entry, folder, mirror.rstrip("/"), patience, say)
        except AbsentError:
            if not entry.files:
                raise
            say(f"{entry.name}: {shown(mirror)} does not hold it prepared; taking its raw files")
    elif not entry.files:
        raise DownloadError(
            f"{entry.name}: cannot be fetched from its source: {entry.unavailable}. See {entry.source}; a prepared "
            f"{Path(entry.prepared).name} is taken by --from if its content digest is {entry.content_sha256}"
        )
    return _raw_from_web(entry, folder, mirror.rstrip("/"), patience, say)


def _prepared_from_web(entry: PublicSet, folder: Path, mirror: str, patience: Patience, say: Say) -> str:
    name = Path(entry.prepared).name
    file = RawFile(name=name, url=f"{mirror}/{entry.prepared}", max_bytes=MAX_PREPARED_BYTES)
    fetched = download(file, file.url, folder / RAW, patience, say)
    try:
        return _adopt(fetched, entry, folder / entry.prepared)
    finally:
        fetched.unlink()


def _raw_from_web(entry: PublicSet, folder: Path, mirror: str, patience: Patience, say: Say) -> str:
    files = {}
    for file in entry.files:
        url = f"{mirror}/{file.name}" if mirror else file.url
        files[file.name] = download(file, url, folder / RAW, patience, say)
    say(f"{entry.name}: converting")
    try:
        _convert(entry, files, folder / entry.prepared)
    except DownloadError:
        for file in entry.files:
            if not file.sha256:  # what cannot be told from the right file is fetched anew by the next try
                files[file.name].unlink()
        raise
    return CONVERTED


def _adopt(path: Path, entry: PublicSet, target: Path) -> str:
    """Copy a prepared file after its rows were verified; the bytes that are verified are the bytes that are kept."""
    if path.stat().st_size > MAX_PREPARED_BYTES:
        raise DownloadError(f"{path}: more than the {MAX_PREPARED_BYTES:,} bytes that a set can have; another file")

    def write(draft: Path) -> None:
        draft.write_bytes(path.read_bytes())
        require_content(content_digest(draft), entry, str(path))

    with_draft(target, write)
    return PREPARED


def _convert(entry: PublicSet, files: Mapping[str, Path], target: Path) -> None:
    columns: Any = convert(entry, files)
    require_content(digest_of_columns(columns), entry, ", ".join(map(str, files.values())))
    write_columns(columns, target)


def _require_raw(path: Path, file: RawFile) -> None:
    """Check a raw file at hand as a fetched one would be."""
    if path.stat().st_size > file.max_bytes:
        raise DownloadError(f"{path}: more than the {file.max_bytes:,} bytes that {file.name} can have; another file")
    found = sha256_of(path)
    if file.sha256 not in ("", found):
        raise DownloadError(f"{path}: sha256 is {found}, expected {file.sha256}; it is another file")
