"""An audit log in an SQLite file: the default. Every entry is chained to the one before it."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from arbiter.errors import AuditError, TamperedError
from arbiter.governance.protocols import AuditEntry, AuditKind, Owner
from arbiter.sqlite_store import SqliteStore, StoreKind

FIRST = "0" * 64
"""What stands in the place of the seal before the first."""

PAGE_ENTRIES = 1_000

KIND = StoreKind(
    noun="audit log",
    application_id=0x41524241,  # "ARBA"
    version=1,
    schema=(
        "CREATE TABLE entries (number INTEGER PRIMARY KEY, payload TEXT NOT NULL, seal TEXT NOT NULL)",
        "CREATE TRIGGER never_changed BEFORE UPDATE ON entries "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "CREATE TRIGGER never_deleted BEFORE DELETE ON entries "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    ),
    error=AuditError,
)

_LAST = "SELECT number, seal FROM entries ORDER BY number DESC LIMIT 1"
_PAGE = "SELECT number, payload, seal FROM entries WHERE number > ? ORDER BY number LIMIT ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """How far an audit log goes, to be kept elsewhere: whoever holds it notices if the end was cut off since.

    Attributes
    ----------
    entries : their number.
    digest : hexadecimal digits that hang on each of them.
    """

    entries: int
    digest: str


class SqliteAudit:
    """Transactions in an SQLite file, for the processes of one host; see :class:`arbiter.governance.AuditClient`.

    Each entry has a seal, the HMAC-SHA256 (RFC 2104) of the seal before it and the entry's own text. A change, a
    deletion or an insertion breaks the chain from there on. With a secret key nobody without it can mend the chain;
    without one this shows accidents and careless hands alone. What is missing at the end shows only against a
    :class:`Seal` that was kept elsewhere.

    Parameters
    ----------
    path : the file, made where there is none; ``:memory:`` for one that ends with the process.
    key : secret; the same for all processes of a file.
    must_exist : whether a missing file is an error.
    timeout_s : how long to wait for another process that writes.

    Raises
    ------
    AuditError
        If the file cannot be opened, is damaged or is no audit log.
    """

    def __init__(self, path: str | Path, *, key: bytes = b"", timeout_s: float = 5.0, must_exist: bool = False) -> None:
        self._key = key or b"\0"
        self._store = SqliteStore(path, KIND, timeout_s=timeout_s, must_exist=must_exist)

    def record(self, entry: AuditEntry) -> None:
        """See :meth:`arbiter.governance.AuditClient.record`."""
        payload = _written(entry)
        with self._store.writing() as transaction:
            number, seal = transaction.execute(_LAST).fetchone() or (0, FIRST)
            row = (number + 1, payload, self._sealed(seal, payload))
            transaction.execute("INSERT INTO entries VALUES (?, ?, ?)", row)

    def entries(self) -> Iterator[AuditEntry]:
        """Give all entries in their order; raises AuditError where one cannot be read."""
        for _, payload, _ in self._rows():
            yield _read(payload)

    def seal(self) -> Seal:
        """Give how far the log goes now."""
        found = self._store.rows(_LAST)
        return Seal(entries=found[0][0], digest=found[0][1]) if found else Seal(entries=0, digest=FIRST)

    def verify(self, kept: Seal | None = None) -> Seal:
        """Check every entry against its seal.

        Parameters
        ----------
        kept : a seal of this log from before; None checks against none.

        Returns
        -------
        seal : how far the log goes now.

        Raises
        ------
        TamperedError
            Naming the first entry that was changed, is missing, or was put in; or if the log ends before ``kept``.
        """
        last = FIRST
        count = 0
        kept_found = kept is None or kept.entries == 0
        for number, payload, seal in self._rows():
            count += 1
            last = self._sealed(last, payload)
            if number != count or not hmac.compare_digest(seal, last):
                raise TamperedError(
                    f"the audit log {self._store.path} was changed at entry {count}, or the key is another"
                )
            if kept is not None and number == kept.entries:
                kept_found = hmac.compare_digest(seal, kept.digest)
        if not kept_found:
            raise TamperedError(
                f"the audit log {self._store.path} is not the one that was sealed: it now has {count} entries"
            )
        return Seal(entries=count, digest=last)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _sealed(self, before: str, payload: str) -> str:
        return hmac.new(self._key, f"{before}\n{payload}".encode(), hashlib.sha256).hexdigest()

    def _rows(self) -> Iterator[tuple[int, str, str]]:
        after = 0
        while page := self._store.rows(_PAGE, (after, PAGE_ENTRIES)):
            yield from page
            after = page[-1][0]


def _written(entry: AuditEntry) -> str:
    values = {name: value for name, value in asdict(entry).items() if value not in (None, "", {})}
    try:
        return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise AuditError(f"an audit entry cannot be written down ({error}); its values must be JSON-ready") from error


def _read(payload: str) -> AuditEntry:
    try:
        values: dict[str, Any] = json.loads(payload)
        owner = Owner(**values.pop("owner", {}))
        return AuditEntry(kind=AuditKind(values.pop("kind")), owner=owner, **values)
    except (KeyError, TypeError, ValueError) as error:
        raise AuditError(f"an entry of the audit log cannot be read ({error}); was it changed?") from error
