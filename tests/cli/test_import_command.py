"""`arbiter import`: what it says, what it refuses, and that nothing is lost between serving and the next training."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_runs import Done, Run, Workshop
from postgres_server import PostgresServer
from small_world import CHEAP, DEAR, small_records, write_jsonl

from arbiter.bundle import load_bundle
from arbiter.ledger import BufferedLedger, open_ledger
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.service import Arbiter, ServiceOptions
from arbiter_training.traffic import read_traffic


def refused(done: Done) -> str:
    assert done.status == 2 and done.err.startswith("arbiter: ") and done.err.count("\n") == 1, done
    return done.err


def test_it_says_what_was_kept_and_what_is_missing(run: Run, tmp_path: Path) -> None:
    """In lines for people and as JSON; the page holds the same, and nothing from outside gets into it unescaped."""
    records = [*small_records(20), {"request_id": "x", "prompt": "no model, from <b>bob@example.com</b>"}]
    records[0] = {"request_id": "own", "model": "house-model", "prompt": "mail bob@example.com"}
    write_jsonl(tmp_path / "log.jsonl", records)
    done = run("import", "log.jsonl", "-o", "traffic.parquet", "--report", "report.html")
    assert done.status == 0, done.err
    said = done.out.splitlines()
    assert said[0] == "traffic.parquet: 60 rows" and said[1].split() == ["format", "columns"]
    assert said[2].endswith("61 read, 60 kept, 1 left out")
    for words in ("names no model", "house-model: give one in a catalog", "email address 1"):
        assert words in done.out, words
    found = json.loads(run("import", "log.jsonl", "-o", "traffic.parquet", "--json").out)
    assert (found["rows_read"], found["kept"], found["models_lacking_price"]) == (61, 60, ["house-model"])
    assert found["rows_read"] == found["kept"] + sum(one["rows"] for one in found["dropped"].values())
    page = (tmp_path / "report.html").read_text()
    assert "60 of 61 rows kept" in page and "house-model" in page and "<b>bob" not in page


def test_wrong_input_is_one_line(run: Run, tmp_path: Path) -> None:
    """Each with what to do."""
    write_jsonl(tmp_path / "log.jsonl", [{"foo": 1}])
    (tmp_path / "empty.jsonl").touch()
    asked = ("import", "log.jsonl", "-o", "t.parquet")
    for arguments, words in (
        (asked, "no format is recognised"),
        ((*asked, "--format", "litelm"), "there are litellm"),
        ((*asked, "--format", "columns"), "none of 1 rows can be used"),
        ((*asked, "--map", "model"), "must be like NAME=VALUE"),
        ((*asked, "--map", "modle=foo"), "did you mean model"),
        ((*asked, "--unit", "latency_s=fast"), "is not a number"),
        ((*asked, "--scale", "stars=5"), "is not a number"),
        ((*asked, "--timezone", "Mars/Olympus"), "no such zone"),
        ((*asked, "--report", "absent/r.html"), "does not exist"),
        (("import", "log.jsonl", "-o", "t.csv"), "an import writes Parquet"),
        (("import", "none.jsonl", "-o", "t.parquet"), "no such file"),
        (("import", "empty.jsonl", "-o", "t.parquet"), "no format is recognised"),
        (("import", "empty.jsonl", "-o", "t.parquet", "--format", "otel"), "holds no rows"),
    ):
        assert words in refused(run(*arguments)), arguments
    assert not (tmp_path / "t.parquet").exists()


def test_a_mapping_from_the_command_line(run: Run, tmp_path: Path) -> None:
    """Columns, units, feedback and a scale."""
    (tmp_path / "log.csv").write_text("llm,ask,ms,key\ngpt-4o,Why is it so?,1500,k1\n")
    (tmp_path / "stars.csv").write_text("id,value,name\nk1,4,stars\n")
    maps = ("--map", "model=llm", "--map", "prompt=ask", "--map", "latency_s=ms", "--map", "request_id=key")
    more = ("--unit", "latency_s=0.001", "--feedback", "stars.csv", "--scale", "stars=1:5", "--quality", "stars")
    done = run("import", "log.csv", "-o", "t.parquet", *maps, *more, "--json")
    assert done.status == 0, done.err
    table = read_traffic(tmp_path / "t.parquet")
    assert (table.latency_s[0], table.quality[0]) == (1.5, 0.75)


def test_serve_export_import_train_evaluate_agree(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    """Counts, costs, qualities and propensities are equal to the last bit; learning and evaluation take the table."""
    router = load_bundle(workshop.bundle)[0]
    settings = BanditSettings(gate=GateSettings.fixed(0.95), floor=0.9)
    router = replace(router, policy=BanditPolicy.fresh(len(router.catalog), router.context_map.dim, settings))
    prompts = [str(row["prompt"]) for row in small_records(300, seed=5) if row["model"] == CHEAP]
    with Arbiter(router, BufferedLedger(open_ledger(tmp_path / "l.db")), ServiceOptions(seed=0)) as service:
        decisions = service.route_batch(prompts)
        for i, decision in enumerate(decisions):
            service.feedback(decision.id, quality=(i % 7) / 7, cost_usd=0.1 / (3 + i), latency_s=1.0 + i / 9)
    assert run("export", "--ledger", "l.db", "-o", "log.parquet").status == 0
    assert run("export", "--ledger", "l.db", "-o", "log.jsonl").status == 0
    served = {d.id: d.propensity for d in decisions}
    for source in ("log.parquet", "log.jsonl"):
        assert run("import", source, "-o", "traffic.parquet", "--json").status == 0
        table, exported = read_traffic(tmp_path / "traffic.parquet"), read_traffic(tmp_path / source)
        assert table.n_rows == len(decisions) and table.fingerprint() == exported.fingerprint()
        assert dict(zip(table.request_id, table.propensity, strict=True)) == served
        costs = dict(zip(table.request_id, table.cost_usd, strict=True))
        assert costs == {d.id: 0.1 / (3 + i) for i, d in enumerate(decisions)}
    told = json.loads(run("import", "log.jsonl", "-o", "traffic.parquet", "--json").out)
    assert (told["kept"], told["propensities"], told["judged"], told["priced"]) == (300, 300, 300, 300)
    evaluations = [
        json.loads(run("evaluate", name, "--policy", DEAR, "--policy", CHEAP, "--json").out)["rows"]
        for name in ("log.parquet", "traffic.parquet")
    ]
    assert evaluations[0] == evaluations[1]
    options = ("-o", "next", "--base", workshop.folder / "base", "--recipe", workshop.folder / "recipe.toml")
    assert run("train", "traffic.parquet", *options, "--no-track", "--json").status == 0


SPEND = """
CREATE TABLE "LiteLLM_SpendLogs" (
    request_id TEXT PRIMARY KEY, call_type TEXT, api_key TEXT, spend DOUBLE PRECISION, "startTime" TIMESTAMP,
    "endTime" TIMESTAMP, model TEXT, session_id TEXT, status TEXT, messages JSONB, metadata JSONB,
    prompt_tokens INTEGER, completion_tokens INTEGER, cache_hit TEXT
)
"""


def test_the_spend_table_by_the_url_of_its_database(run: Run, tmp_path: Path, postgres: PostgresServer) -> None:
    """Read by a cursor in the order of time; what is wrong with a URL is one line, without its password."""
    psycopg = pytest.importorskip("psycopg")
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SPEND)
        for i in range(5):
            connection.execute(
                'INSERT INTO "LiteLLM_SpendLogs" VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)',
                (f"r{i}", "acompletion", "hash", 0.5, f"2026-01-0{5 - i} 10:00", f"2026-01-0{5 - i} 10:00:02",
                 "gpt-4o", f"s{i}", "success", json.dumps([{"role": "user", "content": f"Question {i}?"}]), "{}", 5, 6,
                 "False"),
            )  # fmt: skip
    done = run("import", url, "-o", "traffic.parquet", "--json")
    assert done.status == 0, done.err
    table = read_traffic(tmp_path / "traffic.parquet")
    assert json.loads(done.out)["format"] == "litellm-spend"
    assert list(table.prompt) == [f"Question {i}?" for i in reversed(range(5))]
    assert (table.cost_usd == 0.5).all() and (table.latency_s == 2.0).all()
    assert table.timestamp[0] == np.datetime64("2026-01-01T10:00")
    wrong = run("import", "postgresql://u:secret@127.0.0.1:1/db", "-o", "traffic.parquet")
    assert "secret" not in refused(wrong)


def test_judge_by_references_from_the_command_line(run: Run, tmp_path: Path) -> None:
    """Import with answers, judge, evaluate; without a judge and without references it is refused."""
    rows = [
        {
            "request_id": f"r{i}",
            "prompt": f"What is {i} + {i}?",
            "model": m,
            "answer": str(2 * i + k),
            "gold": str(2 * i),
        }
        for i in range(12)
        for k, m in enumerate((CHEAP, DEAR))
    ]
    write_jsonl(tmp_path / "log.jsonl", rows)
    assert run("import", "log.jsonl", "-o", "t.parquet", "--answers").status == 0
    assert "nobody is asked" in refused(run("judge", "t.parquet", "-o", "j.parquet"))
    done = run("judge", "t.parquet", "-o", "j.parquet", "--reference", "gold")
    assert done.status == 0 and "24 rows, 0 judged before, 24 now" in done.out, done
    told = json.loads(run("judge", "t.parquet", "-o", "j.parquet", "--reference", "gold", "--json").out)
    assert told["judged"] == {"reference": 24} and told["mean_quality"] == {"reference": 0.5}
    table = read_traffic(tmp_path / "j.parquet")
    assert {m: float(table.quality[table.model == m].mean()) for m in (CHEAP, DEAR)} == {CHEAP: 1.0, DEAR: 0.0}


def test_what_askers_did_counts_where_it_is_wanted(run: Run, tmp_path: Path) -> None:
    """Imported, judged by behaviour, evaluated by it or without it; a wrong name of a source is told."""
    rows = small_records(60)
    for i, row in enumerate(rows):
        row |= {"session_id": f"s{i // 6}-{row['model']}", "timestamp": 1.8e9 + i, "request_id": f"q{i}"}
        del row["quality"]
    rows += [{**rows[0], "request_id": "again", "timestamp": 1.8e9 + 1.5}]
    write_jsonl(tmp_path / "log.jsonl", sorted(rows, key=lambda row: float(str(row["timestamp"]))))
    assert run("import", "log.jsonl", "-o", "t.parquet").status == 0
    told = json.loads(run("judge", "t.parquet", "-o", "j.parquet", "--implicit", "--json").out)
    assert told["rows"] == 181 and set(told["judged"]) == {"implicit:continue", "implicit:regenerate"}
    assert told["judged"]["implicit:regenerate"] == 1 and told["mean_quality"]["implicit:regenerate"] == 0.0
    assert sum(told["judged"].values()) + sum(told["left"].values()) == 181
    asked = ("evaluate", "j.parquet", "--policy", CHEAP, "--judged-by")
    assert "no row is judged by human" in refused(run(*asked, "human"))
    assert "no source of quality is called 'people'" in refused(run(*asked, "people"))
