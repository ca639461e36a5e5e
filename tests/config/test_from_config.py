"""`arbiter.from_config`: a service as a file and the environment say."""

import logging
import os
from pathlib import Path

import pytest
from small_world import small_base

import arbiter
from arbiter.bundle import save_bundle
from arbiter.errors import ArbiterError, ConfigError
from arbiter.governance import SqliteAudit
from arbiter.ledger import PromptPolicy, SqliteLedger
from arbiter.pacing import PacingOptions
from arbiter.records import Query
from arbiter.service import ServiceOptions

FILE = """
[defaults]
bundle = "bundle"
ledger = "unused.db"

[route]
anything = "is the command line's to check"

[serve]
ledger = "ledger.db"
deployments = "deployments.toml"
limits = "limits.toml"
budget = "budget.db"
audit = "audit.db"
seed = 3
follow_s = inf
turns = { gpt-4o = 2 }

[serve.prompts]
policy = "hashed"

[serve.standing]
session_affinity = true

[serve.standing.pacing]
usd_per_day = 20
tenants = { research = 50.0 }

[serve.execution]
time_limit_s = 7

[serve.execution.health]
failures = 2

[serve.governance]
audit_required = true

[serve.governance.economy]
from_share = 0.5

[serve.governance.audit_content]
policy = "none"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a bundle, and no variable of ours in the environment."""
    for name in [name for name in os.environ if name.startswith("ARBITER_")]:
        monkeypatch.delenv(name)
    save_bundle(small_base(), tmp_path / "bundle")
    (tmp_path / "limits.toml").write_text("[each_user]\nday_usd = 1.0\n")
    (tmp_path / "deployments.toml").write_text('[[deployment]]\ncandidate = "gpt-4o"\nname = "eu"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "arbiter.toml"
    path.write_text(text)
    return path


def test_every_table_reaches_the_service(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records as in Python, files beside the configuration, and all of it at work."""
    monkeypatch.setenv("ARBITER_AUDIT_KEY", "k")
    clock = iter(range(10**6)).__next__
    with arbiter.from_config(written(folder, FILE), ServiceOptions(clock=clock)) as service:
        o = service.options
        assert (o.seed, o.follow_s, o.turns, o.clock) == (3, float("inf"), {"gpt-4o": 2}, clock)
        assert o.prompts.policy is PromptPolicy.HASHED
        assert o.standing.session_affinity
        assert o.standing.pacing == PacingOptions(usd_per_day=20.0, tenants={"research": 50.0})
        assert (o.execution.time_limit_s, o.execution.health.failures) == (7.0, 2)
        assert o.execution.most_wait_s == ServiceOptions().execution.most_wait_s
        assert [one.name for one in o.execution.deployments["gpt-4o"]] == ["eu"]
        assert o.governance.audit_required and o.governance.audit_content.policy is PromptPolicy.NONE
        assert o.governance.economy is not None and o.governance.economy.from_share == 0.5
        decision = service.route("theorem proof", user="ada")
        quotas = o.governance.quotas(Query(text="", user="ada"))
        assert [quota.account for quota in quotas] == ["user ada"]
    assert {p.name for p in folder.iterdir()} >= {"ledger.db", "budget.db", "audit.db"}
    assert not (folder / "unused.db").exists() and not any((folder / "elsewhere").iterdir())
    with SqliteLedger(folder / "ledger.db") as ledger:
        assert ledger.decision(decision.id).model == decision.model
    audit = SqliteAudit(folder / "audit.db", key=b"k")
    assert audit.verify().entries == 1
    audit.close()


def test_nothing_set_is_what_load_gives(folder: Path) -> None:
    """The shipped bundle, a ledger in memory, the usual options."""
    with arbiter.from_config() as service, arbiter.load() as loaded:
        assert service.router.policy.version == loaded.router.policy.version
        assert not service.ledger.identity
        assert service.options.execution == loaded.options.execution
        assert service.options.standing == loaded.options.standing


def test_variables_go_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's own before the shared one; and one of them names the file."""
    path = written(
        folder, "[serve]\nbundle = 'bundle'\nledger = 'file.db'\nseed = 1\n[serve.execution]\nmost_wait_s = 3\n"
    )
    monkeypatch.setenv("ARBITER_CONFIG", str(path))
    monkeypatch.setenv("ARBITER_LEDGER", "shared.db")
    monkeypatch.setenv("ARBITER_SERVE_EXECUTION_TIME_LIMIT_S", "9")
    with arbiter.from_config() as service:
        assert (service.options.seed, service.options.execution.time_limit_s) == (1, 9.0)
        assert service.options.execution.most_wait_s == 3.0
    assert [p.name for p in (folder / "elsewhere").iterdir()] == ["shared.db"]
    monkeypatch.setenv("ARBITER_SERVE_LEDGER", "own.db")
    arbiter.from_config().close()
    assert sorted(p.name for p in (folder / "elsewhere").iterdir()) == ["own.db", "shared.db"]


WRONG = {
    "a key": ("[serve]\nledgr = 'l.db'\n", ":2: unknown key 'ledgr' in [serve]; did you mean 'ledger'?"),
    "a shared key": ("[defaults]\nledgr = 'l.db'\n", "unknown key 'ledgr' in [defaults]; did you mean 'ledger'?"),
    "a table": ("[sreve]\n", "unknown table [sreve]; did you mean 'serve'?"),
    "a table below": ("[serve.standng]\n", "unknown key 'standng' in [serve]; did you mean 'standing'?"),
    "a function": ("[serve]\nclock = 'now'\n", "unknown key 'clock' in [serve]"),
    "a value": ("[serve.execution]\ntime_limit_s = 0\n", "[serve.execution]: time_limit_s must be a number of seconds"),
    "two incomes": (
        "[serve.standing.pacing]\nusd_per_day = 1\nusd_per_request = 1\n",
        "[serve.standing.pacing]: a pacing budget is either",
    ),
    "half a budget": ("[serve]\nbudget = 'b.db'\n", "[serve] needs both for a budget"),
    "no audit": ("[serve.governance]\naudit_required = true\n", "[serve.governance]: audit_required needs an audit"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_and_nothing_is_begun(folder: Path, name: str) -> None:
    """File, line where it is sure, table, key, and what would be right."""
    text, wanted = WRONG[name]
    path = written(folder, f"{text}\n")
    with pytest.raises(ConfigError) as refused:
        arbiter.from_config(path)
    (problem,) = refused.value.problems
    assert problem.startswith(str(path)) and wanted in problem
    assert not list(folder.glob("*.db"))


def test_what_is_named_must_be_there(folder: Path) -> None:
    """The error is that of the thing; no ledger is made before."""
    for key, kind in (("bundle", "'absent'"), ("deployments", "'absent.toml'")):
        path = written(folder, f"[serve]\nledger = 'l.db'\n{key} = {kind}\n")
        with pytest.raises((ArbiterError, FileNotFoundError), match="absent"):
            arbiter.from_config(path)
    assert not list(folder.glob("*.db"))


def test_a_misspelled_variable_is_logged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A library prints nothing."""
    monkeypatch.setenv("ARBITER_SERVE_LEDGR", "x")
    monkeypatch.setenv("ARBITER_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("ARBITER_ROUTE_SEED", "x")
    with caplog.at_level(logging.WARNING, logger="arbiter"):
        arbiter.from_config().close()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["the environment variable ARBITER_SERVE_LEDGR sets nothing; ARBITER_SERVE_LEDGER would"]
