"""An audit keeps every transaction, and shows if one was changed, taken out or put in."""

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from arbiter.errors import AuditError
from arbiter.governance import AuditEntry, AuditKind, Owner, Seal, SqliteAudit

ENTRY = AuditEntry(
    kind=AuditKind.COMPLETION,
    timestamp=12.5,
    owner=Owner(user="ada", team="research"),
    decision_id="d",
    model="gpt-4o",
    cost_usd=0.25,
    request={"text": "größer?", "input_tokens": 2},
    answer={"text": "ja"},
    detail={"strategy": "balanced"},
)
REFUSAL = AuditEntry(kind=AuditKind.REFUSAL, timestamp=13.0, owner=Owner(), cost_usd=0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a log of four entries."""
    audit = SqliteAudit(tmp_path / "audit.db", key=b"secret")
    for entry in (ENTRY, REFUSAL, ENTRY, REFUSAL):
        audit.record(entry)
    audit.close()
    return tmp_path / "audit.db"


def verify(path: Path, kept: Seal | None = None, key: bytes = b"secret") -> Seal:
    audit = SqliteAudit(path, key=key)
    try:
        return audit.verify(kept)
    finally:
        audit.close()


def tamper(path: Path, *statements: str) -> None:
    """Change the file as somebody with an SQLite shell would."""
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("DROP TRIGGER never_changed")
    shell.execute("DROP TRIGGER never_deleted")
    for statement in statements:
        shell.execute(statement)
    shell.close()


def test_entries_come_back_as_they_were(path: Path) -> None:
    """In their order; what is not known stays so, and a cost of nothing is known."""
    audit = SqliteAudit(path)
    assert list(audit.entries()) == [ENTRY, REFUSAL, ENTRY, REFUSAL]
    audit.close()


def test_a_whole_log_verifies_and_its_seal_shows_that_it_only_grew(path: Path) -> None:
    """A seal of earlier stays true."""
    before = verify(path)
    assert before.entries == 4
    audit = SqliteAudit(path, key=b"secret")
    assert audit.seal() == before
    audit.record(ENTRY)
    audit.close()
    assert verify(path, before).entries == 5


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE entries SET payload = replace(payload, '0.25', '0.05') WHERE number = 3", "changed at entry 3"),
        ("UPDATE entries SET seal = upper(seal) WHERE number = 2", "changed at entry 2"),
        ("DELETE FROM entries WHERE number = 2", "changed at entry 2"),
        ("INSERT INTO entries SELECT 5, payload, seal FROM entries WHERE number = 4", "changed at entry 5"),
        ("DELETE FROM entries WHERE number = 1", "changed at entry 1"),
    ],
)
def test_tampering_shows_at_the_first_entry_concerned(path: Path, statement: str, said: str) -> None:
    """Changed, taken out, put in."""
    tamper(path, statement)
    with pytest.raises(AuditError, match=said):
        verify(path)


def test_an_end_that_was_cut_off_shows_against_a_seal_alone(path: Path) -> None:
    """The rest is a whole log of its own; so a seal belongs elsewhere."""
    before = verify(path)
    tamper(path, "DELETE FROM entries WHERE number >= 3")
    assert verify(path).entries == 2
    with pytest.raises(AuditError, match="not the one that was sealed: it now has 2 entries"):
        verify(path, before)


def test_nobody_without_the_key_mends_the_chain(path: Path) -> None:
    """A log that was written anew under another key is another one."""
    with pytest.raises(AuditError, match="changed at entry 1, or the key is another"):
        verify(path, key=b"guessed")


def test_the_file_refuses_changes_by_accident(path: Path) -> None:
    """Its own rules stop an update that does not first remove them."""
    shell = sqlite3.connect(path)
    for statement in ("UPDATE entries SET payload = ''", "DELETE FROM entries"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            shell.execute(statement)
    shell.close()


def write_some(path: str) -> None:
    audit = SqliteAudit(path, key=b"secret", timeout_s=60.0)
    for _ in range(50):
        audit.record(ENTRY)
    audit.close()


def test_processes_share_one_chain(tmp_path: Path) -> None:
    """Three at once leave one chain of all their entries."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_some, args=(str(tmp_path / "audit.db"),)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert verify(tmp_path / "audit.db").entries == 150


def test_what_cannot_be_written_is_said(path: Path) -> None:
    """Values that are not JSON, and a file that is gone."""
    audit = SqliteAudit(path)
    with pytest.raises(AuditError, match="must be JSON-ready"):
        audit.record(AuditEntry(kind=AuditKind.REFUSAL, timestamp=0.0, owner=Owner(), detail={"x": object()}))
    path.unlink()
    with pytest.raises(AuditError, match="is gone"):
        audit.record(ENTRY)
    audit.close()
