"""The jobs of `arbiter data list` and `arbiter data get`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arbiter.errors import DownloadError, InvalidInputError, TrafficError
from arbiter_training.public_sets import Brought, Patience, PublicSet, Say, bring, content_digest, read_manifest

MAX_SILENCE_S = 3600.0
"""Longest time limit: a server that has said nothing for an hour will not."""

ABSENT, VERIFIED, DIFFERS, UNREADABLE = "absent", "verified", "differs", "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A set of the manifest, and whether it lies in a folder.

    Attributes
    ----------
    entry : of the manifest.
    state : ``verified`` if the rows in the folder are those of the manifest, ``differs``, ``unreadable`` or
        ``absent``; empty where no folder was asked about.
    size : of the file in the folder, in bytes; None where there is none.
    """

    entry: PublicSet
    state: str
    size: int | None

    def lines(self) -> list[str]:
        """Say it to people."""
        entry = self.entry
        size = "" if self.size is None else f", {self.size / 1e6:.1f} MB"
        limit = sum(file.max_bytes for file in entry.files) / 1e6
        come = f"brought by `get`, below {limit:.1f} MB to fetch" if entry.files else "by `get --from` only"
        return [
            f"{entry.name:<28}{entry.rows:>7,} rows  {entry.licence:<12}{self.state}{size}",
            f"    {entry.source}  ({come})",
            f"    {entry.used_for}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        entry = self.entry
        files = [{"name": f.name, "url": f.url, "max_bytes": f.max_bytes, "sha256": f.sha256} for f in entry.files]
        return {
            "name": entry.name,
            "rows": entry.rows,
            "licence": entry.licence,
            "source": entry.source,
            "citation": entry.citation,
            "used_for": entry.used_for,
            "prepared": entry.prepared,
            "content_sha256": entry.content_sha256,
            "files": files,
            "checked": dict(entry.checked),
            "unavailable": entry.unavailable,
            "state": self.state,
            "size": self.size,
        }


def list_sets(folder: Path | None) -> list[Listed]:
    """List the sets of the manifest and, with a folder, whether each lies there as it must be."""
    return [_listed(entry, folder) for entry in read_manifest().values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetJob:
    """What to bring, and from where.

    Attributes
    ----------
    names : of sets; none is all of them, or without ``origin`` all that their sources let be fetched.
    out : folder of the sets.
    origin : empty for each set's own source; or a mirror's URL, or a folder.
    silence_s : longest time that a server may say nothing, in seconds.
    """

    names: Sequence[str]
    out: Path
    origin: str = ""
    silence_s: float = 30.0


@dataclass(slots=True, kw_only=True)
class GetDone:
    """What was brought, and why the rest was not.

    Attributes
    ----------
    brought : the sets that lie in the folder, verified.
    missing : name to reason of the sets that do not.
    skipped : names of sets that nobody named and no source gives.
    """

    brought: list[Brought] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Say to people what was brought, and what was not tried."""
        found = [f"{done.name}: {done.path} ({done.how}, verified)" for done in self.brought]
        return found + [
            f"{name}: not brought; it comes by --from only, see `arbiter data list`" for name in self.skipped
        ]

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        brought = [{"name": b.name, "path": b.path, "how": b.how} for b in self.brought]
        return {"brought": brought, "missing": self.missing, "skipped": self.skipped}

    def require_all(self) -> None:
        """Make sure that nothing is missing.

        Raises
        ------
        DownloadError
            If something is; the message gives the first reason.
        """
        if not self.missing:
            return
        first = next(iter(self.missing.values()))
        others = [name for name in self.missing][1:]
        also = f"; also missing: {', '.join(others)}" if others else ""
        raise DownloadError(f"{first}{also}")


def get_sets(job: GetJob, say: Say) -> GetDone:
    """Bring sets into a folder; what fails does not keep the others from coming.

    Raises
    ------
    InvalidInputError
        If a name is no set of the manifest, or the time limit is not above 0.
    """
    if not 0.0 < job.silence_s <= MAX_SILENCE_S:
        raise InvalidInputError(f"--time-limit {job.silence_s:g}: must be in (0, {MAX_SILENCE_S:g}] seconds")
    wanted = _wanted(job)
    possible = [e for e in wanted if job.names or job.origin or e.files or (job.out / e.prepared).is_file()]
    done = GetDone(skipped=tuple(entry.name for entry in wanted if entry not in possible))
    patience = Patience(silence_s=job.silence_s)
    for entry in possible:
        try:
            done.brought.append(bring(entry, job.out, job.origin, patience, say))
        except (DownloadError, TrafficError) as error:
            done.missing[entry.name] = str(error)
            say(str(error))
    return done


def _wanted(job: GetJob) -> list[PublicSet]:
    manifest = read_manifest()
    unknown = [name for name in job.names if name not in manifest]
    if unknown:
        raise InvalidInputError(f"no public set {unknown[0]!r}; there are {', '.join(manifest)}")
    return [manifest[name] for name in dict.fromkeys(job.names or manifest)]


def _listed(entry: PublicSet, folder: Path | None) -> Listed:
    path = None if folder is None else folder / entry.prepared
    if path is None or not path.is_file():
        return Listed(entry=entry, state="" if path is None else ABSENT, size=None)
    try:
        state = VERIFIED if content_digest(path) == entry.content_sha256 else DIFFERS
    except (TrafficError, DownloadError):
        state = UNREADABLE
    return Listed(entry=entry, state=state, size=path.stat().st_size)
