"""The commands that serve: route, feedback, stats, models; and what holds for every command."""

import json
import re
from pathlib import Path

import pytest
from command_runs import Done, Run, Workshop

import arbiter
import arbiter.cli.app

COMMANDS = sorted(command.__name__.replace("_", "-") for command in arbiter.cli.app.COMMANDS)


def one_line(done: Done) -> str:
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("arbiter: ") and done.err.count("\n") == 1, done.err
    return done.err


def test_route_explains_for_people_and_tells_programs_everything(run: Run, workshop: Workshop) -> None:
    """Text ends in the decision's id; JSON is the whole decision; neither holds an escape code."""
    options = ("route", "theorem proof tensor", "--bundle", workshop.bundle, "--seed", 3)
    text, data = run(*options), run(*options, "--json")
    assert (text.status, text.err, data.status, data.err) == (0, "", 0, "")
    told = json.loads(data.out)
    assert re.search(r"^decision [0-9a-f]{32}$", text.out.strip().splitlines()[-1])
    assert text.out.startswith(told["model"])
    assert told["propensity"] == told["action_probs"][told["model"]] and sum(
        told["action_probs"].values()
    ) == pytest.approx(1)
    assert {"estimates", "excluded", "profile", "fallbacks", "context"} <= set(told)
    assert "\x1b" not in text.out + data.out


def test_route_then_feedback_then_stats(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """One ledger carries a decision from one process to the next; the next router has learned."""
    ledger = ("--ledger", "l.db")
    first = run("route", "theorem proof", "--bundle", workshop.bundle, *ledger, "--json")
    decision = json.loads(first.out)
    assert run("feedback", decision["id"], *ledger, "--quality", "0.1").out.startswith(f"recorded: {decision['id']}")
    told = json.loads(run("feedback", decision["id"], *ledger, "--quality", 0.2, "--source", "judge", "--json").out)
    assert told == {"decision_id": decision["id"], "quality": 0.2, "source": "judge"}
    counts = json.loads(run("stats", *ledger, "--json").out)
    model = decision["model"]
    assert counts == [
        {"kind": "decision", "model": model, "events": 1},
        {"kind": "feedback", "model": model, "events": 2},
    ]
    assert run("stats", ARBITER_LEDGER="l.db").out.split() == ["1", "decision", model, "2", "feedback", model]
    second = json.loads(run("route", "theorem proof", "--bundle", workshop.bundle, *ledger, "--json").out)
    assert second["policy_version"] != decision["policy_version"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["l.db"]


def test_route_reads_standard_input(run: Run, workshop: Workshop) -> None:
    """A dash stands for it; bytes that are no text are refused."""
    options = ("--bundle", workshop.bundle, "--json")
    piped = json.loads(run("route", "-", *options, stdin="théorème".encode()).out)
    assert piped["estimates"] == json.loads(run("route", "théorème", *options).out)["estimates"]
    assert "not UTF-8" in one_line(run("route", "-", *options, stdin=b"\xff\xfe"))


def test_wrong_requests_are_one_line_and_make_no_ledger(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """Options are checked before a file is made."""
    options = ("--bundle", workshop.bundle, "--ledger", "l.db")
    assert "unknown strategy 'best'; there are single_best" in one_line(
        run("route", "x", *options, "--strategy", "best")
    )
    assert "max_cost_usd must lie in" in one_line(run("route", "x", *options, "--max-cost-usd", "-1"))
    assert "--seed" in one_line(run("route", "x", *options, "--seed", "soon"))
    assert "does not exist; name a folder written by" in one_line(
        run("route", "x", "--bundle", "no", "--ledger", "l.db")
    )
    assert list(tmp_path.iterdir()) == []


def test_wrong_ledgers_are_one_line(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """Absent, a folder, no ledger at all, a decision that it does not hold, a quality that is none."""
    (tmp_path / "text").write_text("x" * 5000)
    for command in (("stats",), ("feedback", "id", "--quality", "0.5")):
        assert "absent.db does not exist" in one_line(run(*command, "--ledger", "absent.db"))
        assert ". is no file" in one_line(run(*command, "--ledger", "."))
        assert "text" in one_line(run(*command, "--ledger", "text"))
    run("route", "x", "--bundle", workshop.bundle, "--ledger", "l.db")
    assert "holds no decision 'id'" in one_line(run("feedback", "id", "--quality", "0.5", "--ledger", "l.db"))
    assert "quality must lie in [0, 1], got 5.0" in one_line(
        run("feedback", "id", "--quality", "5", "--ledger", "l.db")
    )
    assert "unknown source" in one_line(run("feedback", "id", "--quality", "1", "--source", "me", "--ledger", "l.db"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["l.db", "text"]


def test_models_lists_the_catalog(run: Run, tmp_path: Path) -> None:
    """The shipped one, or a file; every model once."""
    data = run("models", "--json")
    names = [entry["name"] for entry in json.loads(data.out)]
    assert names == list(arbiter.Catalog.default().names)
    assert [line.split()[0] for line in run("models").out.splitlines()[1:]] == names
    arbiter.write_catalog(arbiter.Catalog([arbiter.Catalog.default()["gpt-4o"]]), tmp_path / "mine.toml")
    assert [entry["name"] for entry in json.loads(run("models", "--catalog", "mine.toml", "--json").out)] == ["gpt-4o"]
    assert "absent.toml" in one_line(run("models", "--catalog", "absent.toml"))


def test_every_command_has_help_and_json(run: Run) -> None:
    """Each is listed, described, takes --json, and no help colours a pipe."""
    listed = run("--help").out
    for command in COMMANDS:
        told = run(command, "--help")
        assert (told.status, told.err) == (0, "")
        assert command in listed and "--json" in told.out and "\x1b" not in told.out


def test_the_bare_command_and_the_version(run: Run) -> None:
    """Help without a command; the version on a line."""
    bare, version = run(), run("--version")
    assert bare.status == 0 and "Commands" in bare.out
    assert (version.status, version.out) == (0, f"{arbiter.__version__}\n")


@pytest.mark.parametrize("arguments", [("nosuch",), ("route",), ("route", "x", "--colour", "red"), ("stats",)])
def test_wrong_usage_is_one_line(run: Run, arguments: tuple[str, ...]) -> None:
    """Exit status 2, and where to read on."""
    assert "see arbiter" in one_line(run(*arguments))
