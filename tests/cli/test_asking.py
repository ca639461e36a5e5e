"""What a request may ask for on the command line: every limit, on every command that takes a request."""

import json
import subprocess
from pathlib import Path

import pytest
from command_runs import Done, Run, command, run_here

from arbiter.catalog import Catalog
from arbiter.cli.asking import OPTIONS, PLURALS
from arbiter.route_options import RouteOptions

COMMANDS = ("route", "compare", "ensemble")
PROMPT = "Prove that there are infinitely many primes."


@pytest.fixture
def ask(tmp_path: Path) -> Run:
    """Ask in this process, in an empty folder."""
    return lambda *arguments: run_here(tmp_path, *arguments)


def excluded(done: Done) -> dict[str, str]:
    assert (done.status, done.err) == (0, ""), done.err
    found: dict[str, str] = json.loads(done.out)["excluded"]
    return found


def test_every_option_of_a_route_can_be_asked_for() -> None:
    """Save who asks, which means nothing to a command that ends at once."""
    names = {PLURALS.get(name, name) for name in OPTIONS}
    assert names == RouteOptions.__optional_keys__ - {"session_id", "user"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_them(ask: Run, name: str) -> None:
    """A command line that names all of them is understood."""
    given = {"strategy": "balanced", "capability": "reasoning", "language": "en", "allow": "gpt-4o", "deny": "gpt-5"}
    flags = {"local_only", "batch"}
    words: list[object] = []
    for option in OPTIONS.keys() - {"region", "compliance", *flags}:
        words += [f"--{option.replace('_', '-')}", given.get(option, "0.5" if option == "latency_quantile" else "1")]
    done = ask(name, PROMPT, *words, "--batch")
    assert done.status in (0, 2) and "No such option" not in done.err
    assert name != "ensemble" or "candidates are eligible" in done.err  # only gpt-4o may


def test_each_promise_excludes_with_its_reason(ask: Run) -> None:
    """Local, region, compliance, allow and deny list, room for the answer."""
    catalog = Catalog.default()
    usable = [c for c in catalog if c.status == "available"]
    asked = {
        ("--deny", "gpt-4o"): ({"gpt-4o"}, "on the deny list"),
        ("--allow", "gpt-4o", "--allow", "gpt-5"): (
            {c.name for c in usable} - {"gpt-4o", "gpt-5"},
            "not on the allow list",
        ),
        ("--local-only",): ({c.name for c in usable if c.tier != "local"}, "not local"),
        ("--compliance", "hipaa"): ({c.name for c in usable if "hipaa" not in c.compliance}, "lacks compliance hipaa"),
        ("--region", "eu"): ({c.name for c in usable if "eu" not in c.regions}, "not in region eu"),
    }
    for words, (names, reason) in asked.items():
        reasons = excluded(ask("route", PROMPT, *words, "--json"))
        assert {name for name, why in reasons.items() if why == reason} == names, words


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("option", ["--deny", "--allow"])
def test_a_misspelled_model_is_refused(ask: Run, name: str, option: str, tmp_path: Path) -> None:
    """A deny list of names that do not exist would let the model through."""
    done = ask(name, PROMPT, option, "gpt4o", *(("--ledger", "l.db") if name == "route" else ()))
    assert (done.status, done.out) == (2, "") and "no model 'gpt4o'" in done.err and done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_nothing_may_cost_is_a_limit(ask: Run) -> None:
    """0 is a number: only what is free may answer."""
    reasons = excluded(ask("route", PROMPT, "--max-cost-usd", 0, "--json"))
    assert "above the limit $0" in reasons["gpt-4o"]
    wrong = ask("route", PROMPT, "--max-output-tokens", 0)
    assert wrong.status == 2 and "max_output_tokens must lie in [1, inf]" in wrong.err


def test_batch_prices_and_cached_tokens_lower_the_cost(ask: Run) -> None:
    """Where a model has such prices; the estimate says so."""
    costs = []
    for words in ((), ("--batch",), ("--cached-input-tokens", 11)):
        told = json.loads(ask("route", PROMPT, *words, "--json").out)
        costs.append(told["estimates"]["gpt-4o"]["cost_usd"])
    assert costs[1] == pytest.approx(costs[0] / 2)
    assert costs[1] < costs[2] < costs[0]


def test_an_ensemble_keeps_the_strategy_that_is_asked_for(ask: Run) -> None:
    """Without one, its own goes by how answers are joined."""
    refused = ask("ensemble", PROMPT, "--strategy", "privacy_first")
    assert refused.status == 2 and "1 candidates are eligible" in refused.err
    assert ask("ensemble", PROMPT, "--json").status == 0


@pytest.mark.parametrize("arguments", [("models", "--json"), ("models",)])
def test_a_reader_that_has_seen_enough_is_no_refused_verdict(arguments: tuple[str, ...]) -> None:
    """`arbiter models | head -1` ends with status 0 and says nothing."""
    with subprocess.Popen([command(), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
