"""`arbiter export`: from serving to the next training."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command_runs import Done, Run, Workshop
from postgres_server import PostgresServer
from small_world import CHEAP, DEAR, QUALITY, small_records

from arbiter.bundle import load_bundle
from arbiter.ledger import BufferedLedger, PromptPolicy, PromptStorage, open_ledger
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.service import Arbiter, ServiceOptions
from arbiter_training.traffic import read_traffic


def served(workshop: Workshop, source: str | Path, policy: PromptPolicy = PromptPolicy.FULL) -> int:
    """Serve 300 requests with an exploring bandit, and judge most; give how many."""
    router = load_bundle(workshop.bundle)[0]
    settings = BanditSettings(gate=GateSettings.fixed(0.95), floor=0.9)
    router = replace(router, policy=BanditPolicy.fresh(len(router.catalog), router.context_map.dim, settings))
    records = [row for row in small_records(300, seed=5) if row["model"] == "gpt-4o"]
    options = ServiceOptions(seed=0, prompts=PromptStorage(policy=policy))
    with Arbiter(router, BufferedLedger(open_ledger(source)), options) as service:
        decisions = service.route_batch([str(row["prompt"]) for row in records])
        for i, decision in enumerate(decisions):
            if i % 10:
                kind = "hard" if i % 2 else "easy"
                service.feedback(decision.id, quality=QUALITY[kind][decision.model], cost_usd=0.001, latency_s=1.0)
    return len(decisions)


def refused(done: Done) -> str:
    assert done.status == 2 and done.err.startswith("arbiter: ") and done.err.count("\n") == 1, done
    return done.err


def test_the_serving_log_trains_and_evaluates(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """Served, exported, evaluated off-policy with the logged propensities, and learned from: all by the command."""
    n = served(workshop, tmp_path / "l.db")
    told = json.loads(run("export", "--ledger", "l.db", "-o", "log.parquet", "--json").out)
    assert (told["requests"], told["judged"], told["texts"], told["note"]) == (n, n - n // 10, n, None)
    said = run("export", "-o", "log.jsonl", ARBITER_LEDGER="l.db").out
    assert said == f"log.jsonl: {n} requests, {n - n // 10} judged\n"
    table = read_traffic(tmp_path / "log.parquet")
    assert ((table.propensity > 0.0) & (table.propensity < 1.0)).all()
    policies = ("--policy", DEAR, "--policy", CHEAP, "--policy", workshop.bundle)
    found = run("evaluate", "log.parquet", *policies, "--json")
    assert found.status in (0, 1), found.err
    rows = {row["name"]: row for row in json.loads(found.out)["rows"]}
    for model in (DEAR, CHEAP):
        estimate, truth = rows[model]["outcomes"]["quality"], (QUALITY["easy"][model] + QUALITY["hard"][model]) / 2
        assert estimate["low"] <= truth <= estimate["high"]
    options = ("-o", "next", "--base", workshop.folder / "base", "--recipe", workshop.folder / "recipe.toml")
    assert run("train", "log.jsonl", *options, "--no-track", "--json").status == 0
    assert (tmp_path / "next" / "manifest.json").is_file()


def test_without_texts_models_can_be_evaluated_and_no_more(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """Export says so, evaluation of constants goes through, learning and routers are refused in one line."""
    served(workshop, tmp_path / "l.db", PromptPolicy.HASHED)
    done = run("export", "--ledger", "l.db", "-o", "log.jsonl")
    assert done.status == 0 and "have no text, since the ledger did not keep it" in done.err
    assert run("evaluate", "log.jsonl", "--policy", "best-single", "--policy", "random", "--json").status in (0, 1)
    assert "no router can be learned from them" in refused(run("train", "log.jsonl", "-o", "next"))
    policy = ("--policy", workshop.bundle)
    assert "cannot be evaluated on them" in refused(run("evaluate", "log.jsonl", *policy))


def test_wrong_targets_and_empty_ledgers_are_one_line(run: Run, tmp_path: Path) -> None:
    """The format is checked before the ledger is read; a ledger without decisions gives no table."""
    assert "end it in .parquet" in refused(run("export", "--ledger", "l.db", "-o", "log.txt"))
    assert "l.db does not exist" in refused(run("export", "--ledger", "l.db", "-o", "log.jsonl"))
    open_ledger(tmp_path / "l.db").close()
    assert "holds no rows" in refused(run("export", "--ledger", "l.db", "-o", "log.jsonl"))


def test_a_server_by_its_url(run: Run, workshop: Workshop, postgres: PostgresServer) -> None:
    """route, feedback, stats and export take it; a wrong scheme and a server that is not there are one line."""
    url = postgres.new_database()
    decision = json.loads(run("route", "theorem proof", "--bundle", workshop.bundle, "--ledger", url, "--json").out)
    assert run("feedback", decision["id"], "--quality", "0.1", ARBITER_LEDGER=url).status == 0
    assert [row["kind"] for row in json.loads(run("stats", "--ledger", url, "--json").out)] == ["decision", "feedback"]
    again = json.loads(run("route", "theorem proof", "--bundle", workshop.bundle, "--ledger", url, "--json").out)
    assert again["policy_version"] != decision["policy_version"]
    assert run("export", "--ledger", url, "-o", "log.jsonl").out == "log.jsonl: 2 requests, 1 judged\n"
    assert "no ledger is kept in mysql://" in refused(run("stats", "--ledger", "mysql://h/db"))
    assert "cannot be reached" in refused(run("stats", "--ledger", "postgresql://u:pw@127.0.0.1:1/db"))


@pytest.mark.parametrize("command", ["export"])
def test_help_names_the_options(run: Run, command: str) -> None:
    """A URL is named where a ledger is asked for."""
    assert "postgresql://" in run(command, "--help").out


def test_prune_deletes_and_leaves_what_was_learned(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """Nothing is old enough, then all is; the next decision is made by the policy of before."""
    served(workshop, tmp_path / "l.db")
    options = ("--ledger", "l.db", "--bundle", workshop.bundle)
    ask = ("route", "theorem proof", *options, "--json")
    before = json.loads(run(*ask).out)
    assert run("prune", *options, "--older-than-days", 1).out == "0 events deleted\n"
    done = json.loads(run("prune", *options, "--older-than-days", 1e-7, "--json").out)
    assert done["events"] > 300 and done["held_back"] == 0
    assert json.loads(run(*ask).out)["policy_version"] == before["policy_version"]
    assert "older_than_days must be above 0" in refused(run("prune", *options, "--older-than-days", 0))


def test_prune_asks_whose_learning_is_to_live_on(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """Without a bundle the shipped one would keep what it learned, which is nothing, and the serving one's be lost."""
    served(workshop, tmp_path / "l.db")
    said = refused(run("prune", "--ledger", "l.db", "--older-than-days", 1e-7))
    assert "was made by another bundle than the shipped one" in said and "name it by --bundle" in said
    with open_ledger(tmp_path / "l.db") as ledger:
        assert next(ledger.judged(), None) is not None
    run("route", "theorem proof", "--ledger", "own.db")
    assert run("prune", "--ledger", "own.db", "--older-than-days", 1e-7).out == "1 events deleted\n"


def test_calls_that_were_only_seen_can_be_left_out(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """One row without a propensity would keep the whole log from being evaluated; learning takes it."""
    router = load_bundle(workshop.bundle)[0]
    with Arbiter(router, open_ledger(tmp_path / "l.db"), ServiceOptions(seed=0)) as service:
        service.route("capital river")
        service.observe("theorem proof", DEAR)
    counted = [
        json.loads(run("export", "--ledger", "l.db", "-o", f"{name}.jsonl", "--json", *options).out)["requests"]
        for name, options in (("all", ()), ("routed", ("--routed-only",)))
    ]
    assert counted == [2, 1]
    propensities = read_traffic(tmp_path / "all.jsonl").propensity
    assert sorted(p > 0.0 for p in propensities) == [False, True]
    assert (read_traffic(tmp_path / "routed.jsonl").propensity > 0.0).all()


def test_a_reward_of_ones_own(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """In the place of quality; what is wrong with it is one line."""
    n = served(workshop, tmp_path / "l.db")
    code = "def half(decision, said):\n    return said.quality / 2\n\n\ndef large(decision, said):\n    return 7\n"
    (tmp_path / "house_reward.py").write_text(code)
    run("export", "--ledger", "l.db", "-o", "log.jsonl")
    run("export", "--ledger", "l.db", "-o", "half.jsonl", "--reward", "house_reward.py:half")
    plain, halved = (read_traffic(tmp_path / name).quality for name in ("log.jsonl", "half.jsonl"))
    assert len(plain) == n and halved == pytest.approx(plain / 2, nan_ok=True)
    for name, message in (("large", "must lie in [0, 1]"), ("absent", "has no 'absent'")):
        done = run("export", "--ledger", "l.db", "-o", "bad.jsonl", "--reward", f"house_reward.py:{name}")
        assert message in refused(done)
