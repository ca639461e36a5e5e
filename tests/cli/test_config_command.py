"""`arbiter config show` and `arbiter config init`, and what the installed command makes of a configuration."""

import json
from pathlib import Path

import pytest
from command_runs import Run, run_here, run_in

from arbiter.config import template

URL = "postgresql://ada:s3cret@host/db"


def test_show_says_what_is_set_and_by_what(tmp_path: Path) -> None:
    """Without a command what is set alone; with one, all of its options; a group's or a service's together."""
    (tmp_path / "arbiter.toml").write_text(f"[defaults]\nledger = '{URL}'\n[route]\nmax_cost_usd = 0.02\n")
    done = run_here(tmp_path, "config", "show", ARBITER_ROUTE_DENY="gpt-4o,gpt-5")
    assert done.out.splitlines() == [
        "file: arbiter.toml",
        "[defaults] ledger     postgresql://ada:***@host/db  arbiter.toml [defaults]",
        "[route] max_cost_usd  0.02                          arbiter.toml [route]",
        "[route] deny          gpt-4o, gpt-5                 ARBITER_ROUTE_DENY",
    ]
    lines = [line.split() for line in run_here(tmp_path, "config", "show", "route").out.splitlines()]
    assert ["[route]", "ledger", "postgresql://ada:***@host/db", "arbiter.toml", "[defaults]"] in lines
    assert ["[route]", "local_only", "false", "default"] in lines
    assert ["[route]", "seed", "-", "default"] in lines
    assert ["[feedback]", "quality", "(required)", "default"] in [
        line.split() for line in run_here(tmp_path, "config", "show", "feedback").out.splitlines()
    ]
    tables = {line.split()[0] for line in run_here(tmp_path, "config", "show", "serve").out.splitlines()[1:]}
    assert {"[serve]", "[serve.standing.pacing]", "[serve.execution.health]"} <= tables
    assert "[plan.cost]" in run_here(tmp_path, "config", "show", "plan", "cost").out


def test_show_explains_a_command_line(tmp_path: Path) -> None:
    """Its flags, with whatever stands between them; it is not carried out."""
    (tmp_path / "arbiter.toml").write_text("[route]\nseed = 1\ndeny = ['gpt-4o']\n")
    words = ("route", "hi", "--deny", "a,b", "--deny=c", "--local-only", "--no-batch", "--ledger", "l.db")
    done = run_here(tmp_path, "config", "show", *words)
    assert [" ".join(line.split()) for line in done.out.splitlines() if not line.endswith("default")] == [
        "file: arbiter.toml",
        "[route] ledger l.db flag",
        "[route] seed 1 arbiter.toml [route]",
        "[route] local_only true flag",
        "[route] deny a,b, c flag",
        "[route] batch false flag",
    ]
    assert not (tmp_path / "l.db").exists()
    for words, text in {
        ("route", "--sede", "3"): "No such option: --sede",
        ("route", "--seed", "x"): "--seed x must be a whole number",
        ("serve", "--seed", "3"): "serve takes no flags, got --seed 3",
        ("plan", "strategi"): "no command and no table is called 'plan strategi'; did you mean 'plan.strategy'?",
    }.items():
        done = run_here(tmp_path, "config", "show", *words)
        assert (done.status, done.out) == (2, "") and text in done.err and done.err.count("\n") == 1


def test_show_tells_programs(tmp_path: Path) -> None:
    """As JSON; without the password; with the variables that set nothing."""
    (tmp_path / "arbiter.toml").write_text(f"[defaults]\nledger = '{URL}'\n")
    done = run_here(tmp_path, "config", "show", "--json", ARBITER_LEDGR="x", ARBITER_SERVICE_HOST="10.0.0.1")
    assert json.loads(done.out) == {
        "file": "arbiter.toml",
        "settings": [
            {
                "table": "defaults",
                "key": "ledger",
                "value": "postgresql://ada:***@host/db",
                "source": "arbiter.toml [defaults]",
            }
        ],
        "unknown_variables": ["ARBITER_LEDGR", "ARBITER_SERVICE_HOST"],
    }
    assert done.err == "arbiter: ARBITER_LEDGR sets nothing; ARBITER_LEDGER would\n"


def test_an_unknown_command_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """In one line."""
    done = run_here(tmp_path, "config", "show", "roue")
    assert (done.status, done.err) == (2, "arbiter: no command and no table is called 'roue'; did you mean 'route'?\n")


def test_init_writes_a_file_that_sets_nothing(tmp_path: Path) -> None:
    """It replaces none unless it must, and every line of it holds once its sign is taken off."""
    done = run_here(tmp_path, "config", "init")
    assert done.status == 0 and (tmp_path / "arbiter.toml").read_text() == template()
    assert run_here(tmp_path, "config", "show").out == "file: arbiter.toml\n"
    again = run_here(tmp_path, "config", "init")
    assert again.status == 2 and "--force" in again.err
    assert json.loads(run_here(tmp_path, "config", "init", "--force", "--json").out) == {"written": "arbiter.toml"}
    assert run_here(tmp_path, "config", "init", "new.toml", ARBITER_CONFIG="new.toml").status == 0
    (tmp_path / "arbiter.toml").write_text("[roue]")
    assert run_here(tmp_path, "config", "init").status == 2
    assert run_here(tmp_path, "config", "init", "--force").status == 0
    lines = [line.removeprefix("# ") if " = " in line else line for line in template().splitlines()]
    (tmp_path / "arbiter.toml").write_text("\n".join(lines))
    done = run_here(tmp_path, "config", "show", "--json")
    assert done.status == 0, done.err
    assert len(json.loads(done.out)["settings"]) == template().count(" = ")


@pytest.mark.parametrize("how", ["here", "flag", "variable"])
def test_the_installed_command_takes_a_configuration(installed: Run, tmp_path: Path, how: str) -> None:
    """From its own folder, and from another: the ledger lies beside the file."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "arbiter.toml").write_text("[defaults]\nledger = 'l.db'\n[route]\njson = true\n")
    if how == "here":
        made, counted = (run_in(tmp_path / "conf", *words) for words in (("route", "hi"), ("stats",)))
    elif how == "flag":
        made, counted = (
            installed("route", "hi", "--config", "conf/arbiter.toml"),
            installed("--config=conf/arbiter.toml", "stats"),
        )
    else:
        made, counted = (
            installed(*words, ARBITER_CONFIG="conf/arbiter.toml") for words in (("route", "hi"), ("stats",))
        )
    assert (made.status, made.err, counted.status, counted.err) == (0, "", 0, "")
    assert counted.out.split() == ["1", "decision", json.loads(made.out)["model"]]
    assert [path.name for path in tmp_path.iterdir()] == ["conf"]
    assert (tmp_path / "conf" / "l.db").is_file()


def test_the_installed_command_tells_every_problem(installed: Run, tmp_path: Path) -> None:
    """One line each, exit status 2, and nothing is begun; a variable that nobody knows changes nothing."""
    (tmp_path / "arbiter.toml").write_text("[defaults]\nledgr = 'l.db'\n[train]\nexperiment = 3\n")
    done = installed("route", "hi", "--ledger", "x.db")
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines() == [
        "arbiter: arbiter.toml:2: unknown key 'ledgr' in [defaults]; did you mean 'ledger'?",
        "arbiter: arbiter.toml:4: [train] experiment = 3 must be a text",
    ]
    assert not (tmp_path / "x.db").exists()
    (tmp_path / "arbiter.toml").unlink()
    quiet = installed("models", "--json", ARBITER_SERVICE_HOST="10.0.0.1")
    assert (quiet.status, quiet.err) == (0, "")


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    """The first page of a process' memory cannot be read by anybody."""
    unreadable = Path("/proc/self/mem")
    if not unreadable.exists():
        pytest.skip("this system has no /proc")
    done = run_here(tmp_path, "models", "--config", unreadable)
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("arbiter: /proc/self/mem: ") and "check the path of the configuration" in done.err
