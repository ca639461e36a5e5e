"""`arbiter budget` and `arbiter audit`: what is left, and whether the log is what was written."""

import json
import sqlite3
from pathlib import Path

import pytest
from command_runs import Run, run_in

from arbiter.governance import AuditEntry, AuditKind, Owner, SqliteAudit, SqliteBudget, read_limits

LIMITS = "[each_user]\nday_usd = 1.0\n\n[teams.research]\nmonth_usd = 20\n"
ENTRY = AuditEntry(kind=AuditKind.DECISION, timestamp=1.0, owner=Owner(user="ada"), decision_id="d", model="gpt-4o")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with limits, a budget of which some is spent, and an audit log of three entries."""
    (tmp_path / "limits.toml").write_text(LIMITS)
    budget = SqliteBudget(tmp_path / "budget.db", read_limits(tmp_path / "limits.toml"))
    ada = Owner(user="ada", team="research")
    budget.settle(budget.reserve(ada, 0.5), 0.25)
    budget.close()
    audit = SqliteAudit(tmp_path / "audit.db", key=b"secret")
    for _ in range(3):
        audit.record(ENTRY)
    audit.close()
    return tmp_path


def test_budget_shows_what_is_left(files: Path, run: Run) -> None:
    """For people and programs; and nobody's budget is made by looking."""
    options = ("budget", "budget.db", "--limits", "limits.toml", "--user", "ada", "--team", "research")
    text = run(*options)
    assert text.status == 0
    assert text.out.splitlines() == [
        "user ada, day: $0.75 left of $1 ($0.25 spent, $0 held for calls in flight)",
        "team research, month: $19.75 left of $20 ($0.25 spent, $0 held for calls in flight)",
    ]
    told = json.loads(run(*options, "--json").out)
    assert [(q["account"], q["left_usd"]) for q in told] == [("user ada", 0.75), ("team research", 19.75)]
    missing = run("budget", "none.db", "--limits", "limits.toml")
    assert missing.status == 2 and "the budget none.db does not exist" in missing.err
    assert not (files / "none.db").exists()


def test_audit_checks_seals_and_prints(files: Path) -> None:
    """The key comes from the environment; tampering is status 1, a wrong input 2."""
    key = {"ARBITER_AUDIT_KEY": "secret"}
    whole = run_in(files, "audit", "audit.db", **key)
    assert whole.status == 0 and whole.out.startswith("3 entries, none of them changed; seal 3:")
    seal = whole.out.strip().rpartition(" ")[2]
    lines = run_in(files, "audit", "audit.db", "--entries", **key).out.splitlines()
    assert [json.loads(line)["model"] for line in lines] == ["gpt-4o"] * 3
    assert run_in(files, "audit", "audit.db", "--sealed", "nonsense", **key).status == 2
    assert run_in(files, "audit", "audit.db").status == 1  # without the key
    shell = sqlite3.connect(files / "audit.db", isolation_level=None)
    shell.execute("DROP TRIGGER never_deleted")
    shell.execute("DELETE FROM entries WHERE number = 3")
    shell.close()
    assert run_in(files, "audit", "audit.db", **key).status == 0  # what is left is whole
    cut = run_in(files, "audit", "audit.db", "--sealed", seal, **key)
    assert (cut.status, cut.out) == (1, "") and "not the one that was sealed" in cut.err and cut.err.count("\n") == 1
