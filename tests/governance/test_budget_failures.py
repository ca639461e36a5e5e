"""A budget that cannot be checked refuses: deleted, replaced, cut short, locked, read-only, or no budget at all."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arbiter.errors import BudgetError
from arbiter.governance import Allowance, BudgetLimits, Owner, SqliteBudget, SqliteBudgetOptions

LIMITS = BudgetLimits(each_user=Allowance(day_usd=1.0))
ADA = Owner(user="ada")
OPTIONS = SqliteBudgetOptions(timeout_s=0.05)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a budget of which half is spent."""
    kept = SqliteBudget(tmp_path / "budget.db", LIMITS)
    kept.settle(kept.reserve(ADA, 0.5), 0.5)
    kept.close()
    return tmp_path / "budget.db"


@pytest.fixture
def kept(path: Path) -> Iterator[SqliteBudget]:
    """Give it opened."""
    opened = SqliteBudget(path, LIMITS, OPTIONS)
    assert opened.left_usd(ADA) == 0.5
    yield opened
    opened.close()


def refuses(kept: SqliteBudget, said: str) -> None:
    """Check that neither is anything let in nor anything told."""
    with pytest.raises(BudgetError, match=said):
        kept.reserve(ADA, 0.1)
    with pytest.raises(BudgetError, match=said):
        kept.quotas(ADA)


def test_a_deleted_file_refuses_and_is_not_made_anew(path: Path, kept: SqliteBudget) -> None:
    """SQLite would go on with a file that nobody else sees."""
    path.unlink()
    refuses(kept, "is gone")
    assert not path.exists()


def test_a_replaced_file_refuses(path: Path, kept: SqliteBudget, tmp_path: Path) -> None:
    """Another process' budget is another one."""
    SqliteBudget(tmp_path / "other.db", LIMITS).close()
    (tmp_path / "other.db").replace(path)
    refuses(kept, "was replaced")


def test_a_file_cut_short_refuses_at_once_and_at_the_next_start(path: Path, kept: SqliteBudget) -> None:
    """However much of it is left, nothing of it included."""
    kept.close()
    whole = path.read_bytes()
    for length in (len(whole) - 4096, len(whole) - 1, 2000, 100, 1, 0):
        path.write_bytes(whole)
        opened = SqliteBudget(path, LIMITS, OPTIONS)
        os.truncate(path, length)
        refuses(opened, "was cut short")
        opened.close()
        path.write_bytes(whole[:length])
        for side in ("-wal", "-shm"):
            Path(f"{path}{side}").unlink(missing_ok=True)
        with pytest.raises(BudgetError, match=r"damaged|emptied|cannot be used"):
            SqliteBudget(path, LIMITS, OPTIONS).reserve(ADA, 0.1)


def test_a_locked_file_refuses_after_the_wait(path: Path, kept: SqliteBudget) -> None:
    """Another process that writes for longer than one is willing to wait."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BudgetError, match="stayed locked"):
        kept.reserve(ADA, 0.1)
    other.execute("COMMIT")
    other.close()
    kept.reserve(ADA, 0.1)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become another user")
def test_a_read_only_file_refuses(path: Path) -> None:
    """Asked by a user who may read it and not write it."""
    for folder in (path.parent, *path.parent.parents):
        if folder.name.startswith(("pytest-", "test_")):
            folder.chmod(0o755)
    program = """
import os, sys
from arbiter.errors import BudgetError
from arbiter.governance import Allowance, BudgetLimits, Owner, SqliteBudget
os.setuid(65534)
try:
    SqliteBudget(sys.argv[1], BudgetLimits(each_user=Allowance(day_usd=1.0))).reserve(Owner(user="ada"), 0.1)
except BudgetError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert "budget.db cannot be" in done.stdout, done.stderr


def test_another_file_is_no_budget(tmp_path: Path) -> None:
    """A ledger, a text, a folder, and a file of a later version."""
    from arbiter.ledger import SqliteLedger

    SqliteLedger(tmp_path / "ledger.db").close()
    (tmp_path / "text.db").write_text("a" * 5000)
    for name, said in (("ledger.db", "is not a budget"), ("text.db", "damaged"), (".", "cannot be opened")):
        with pytest.raises(BudgetError, match=said):
            SqliteBudget(tmp_path / name, LIMITS)
    SqliteBudget(tmp_path / "late.db", LIMITS).close()
    late = sqlite3.connect(tmp_path / "late.db")
    late.execute("PRAGMA user_version = 9")
    late.close()
    with pytest.raises(BudgetError, match="schema version 9, this arbiter reads 1"):
        SqliteBudget(tmp_path / "late.db", LIMITS)


def test_a_missing_file_refuses_where_it_must_exist_and_a_missing_folder_always(tmp_path: Path) -> None:
    """A budget that is made anew has spent nothing, which is not always what is meant."""
    with pytest.raises(BudgetError, match="does not exist"):
        SqliteBudget(tmp_path / "new.db", LIMITS, SqliteBudgetOptions(must_exist=True))
    with pytest.raises(BudgetError, match="cannot be opened"):
        SqliteBudget(tmp_path / "none" / "new.db", LIMITS)
    assert sorted(p.name for p in tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_made_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be linked is not there, and no draft lies about."""
    monkeypatch.setattr(Path, "hardlink_to", lambda self, target: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(BudgetError, match="cannot be made: No space left"):
        SqliteBudget(tmp_path / "budget.db", LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_a_closed_budget_refuses(kept: SqliteBudget, path: Path, tmp_path: Path) -> None:
    """And closing twice is no error; the file can be copied and opened elsewhere."""
    kept.close()
    kept.close()
    refuses(kept, "is closed")
    shutil.copy(path, tmp_path / "copy.db")
    copy = SqliteBudget(tmp_path / "copy.db", LIMITS)
    assert copy.left_usd(ADA) == 0.5
    copy.close()
