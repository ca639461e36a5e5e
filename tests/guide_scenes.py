"""What readers of the guides have themselves: applications that serve, users that judge, logs that grew.

Everything is made by the components that would make it: arbiter's service and ledger, litellm and its callbacks, a
provider on loopback. Prompts and qualities are those of the demo's traffic, where they are not the sample's.
"""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from documentation import Scene

from arbiter.errors import MissingExtraError
from arbiter_training.traffic.demo_data import FIRST_FILE, demo_folder

CHEAP, GOOD = "llama-3.1-8b", "mistral-large-2512"
ARMS = {CHEAP: "meta-llama/llama-3.1-8b-instruct", GOOD: "mistralai/mistral-large-2512"}
SAMPLE = Path(__file__).parent.parent / "datasets" / "sample_traffic" / "sample.jsonl"
FIRST, ALL = 350, 750
"""Requests that were served in the first weeks, and until later."""

SERVING = """
import json, sys
from app import router
from arbiter.records import Outcome

for line in open("requests.jsonl", encoding="utf-8"):
    request = json.loads(line)
    decision = router.route(request["prompt"])
    arm = request["arms"][decision.model]
    router.record(Outcome(decision_id=decision.id, model=decision.model, ok=True, cost_usd=arm["cost"]))
    router.feedback(decision.id, quality=arm["reward"], source="judge")
router.close()
"""
"""An application whose every answer is judged: the demo's traffic knows what each model's answer was worth."""


def demo_requests() -> list[dict[str, Any]]:
    """Give the demo's requests, with what both models' answers cost and were worth."""
    try:
        path = demo_folder() / FIRST_FILE
    except MissingExtraError as error:
        pytest.skip(str(error))
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [{"prompt": r["prompt"], "arms": {name: r["arms"][arm] for name, arm in ARMS.items()}} for r in found]


def logged_by_rule(folder: Path, env: Mapping[str, str]) -> None:
    """Make a log of the rule alone: what teams have."""
    with (folder / "old.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["request_id", "prompt", "model", "quality", "cost_usd", "propensity"])
        writer.writeheader()
        for number, request in enumerate(demo_requests()[:300]):
            model = CHEAP if len(request["prompt"]) < 200 else GOOD
            arm = request["arms"][model]
            row = {"request_id": number, "prompt": request["prompt"], "model": model, "propensity": 1.0}
            writer.writerow({**row, "quality": arm["reward"], "cost_usd": arm["cost"]})


def served(folder: Path, env: Mapping[str, str]) -> None:
    """Run the application of the page for some weeks."""
    _serve(folder, env, demo_requests()[:FIRST])


def served_later(folder: Path, env: Mapping[str, str]) -> None:
    """Run it on, with the ledger that the page asks for."""
    app = folder / "app.py"
    app.write_text(app.read_text(encoding="utf-8").replace("ledger.db", "later.db"), encoding="utf-8")
    _serve(folder, env, demo_requests()[FIRST:ALL])


REGISTERING = """
from arbiter.loading import default_bundle
from arbiter_training.bundle_registry import CHAMPION
from arbiter_training.tracking import Tracker

with Tracker(".") as tracker:
    tracker.registry.set_alias("arbiter", CHAMPION, tracker.register(default_bundle(), "arbiter").version)
"""


def champion(folder: Path, env: Mapping[str, str]) -> None:
    """Make a registry whose champion is the shipped bundle."""
    _python(folder, env, REGISTERING)


CALLS = """
import json, time
from arbiter.quiet_litellm import import_litellm
litellm = import_litellm()
from log_calls import LogCalls

litellm.callbacks.append(LogCalls())
asked = [json.loads(line) for line in open("requests.jsonl", encoding="utf-8")]
with open("thumbs.jsonl", "w", encoding="utf-8") as thumbs:
    for request in asked:
        response = litellm.completion(model=request["model"], messages=request["messages"])
        print(json.dumps({"id": response.id, "name": "thumbs", "value": request["thumb"]}), file=thumbs)
until = time.monotonic() + 30
while sum(1 for _ in open("calls.jsonl", encoding="utf-8")) < len(asked) and time.monotonic() < until:
    time.sleep(0.1)
"""
"""An application that calls models by turns through litellm, with the callback of the page."""


def litellm_calls(folder: Path, env: Mapping[str, str]) -> None:
    """Make some calls and their thumbs: up where the demo's judge gave nine tenths or more."""
    models = {CHEAP: "gpt-4o-mini", GOOD: "gpt-4o"}
    lines = []
    for number, request in enumerate(demo_requests()[:150]):
        arm = (CHEAP, GOOD)[number % 2]
        asked = {"model": models[arm], "messages": [{"role": "user", "content": request["prompt"]}]}
        lines.append(json.dumps({**asked, "thumb": request["arms"][arm]["reward"] >= 0.9}) + "\n")
    (folder / "requests.jsonl").write_text("".join(lines), encoding="utf-8")
    _python(folder, env, CALLS)


def _serve(folder: Path, env: Mapping[str, str], requests: list[dict[str, Any]]) -> None:
    (folder / "requests.jsonl").write_text("".join(json.dumps(r) + "\n" for r in requests), encoding="utf-8")
    _python(folder, env, SERVING)


def _python(folder: Path, env: Mapping[str, str], code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=dict(env), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def sample(folder: Path, env: Mapping[str, str]) -> None:
    """Bring the sample traffic: three models judged on each request."""
    shutil.copy2(SAMPLE, folder / "traffic.jsonl")


def routellm_results(folder: Path, env: Mapping[str, str]) -> None:
    """Write what RouteLLM's evaluations write: a prompt, and whether each of two models was right."""
    with (folder / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prompt", CHEAP, GOOD])
        for request in demo_requests()[:150]:
            right = [request["arms"][model]["reward"] >= 0.9 for model in (CHEAP, GOOD)]
            writer.writerow([request["prompt"], *right])


def pareto_arms(folder: Path, env: Mapping[str, str]) -> None:
    """Bring the first lines of ParetoBandit's own data."""
    lines = (demo_folder() / FIRST_FILE).read_text(encoding="utf-8").split("\n")[:120]
    (folder / "arms.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def semantic_routes(folder: Path, env: Mapping[str, str]) -> None:
    """Write a routes file as litellm's documentation shows it, beside the sample traffic."""
    sample(folder, env)
    utterances = {
        "gpt-4o": ["how to write a program in python", "fix this bug"],
        "claude-opus-4-5": ["prove this theorem", "review this contract"],
    }
    routes = [{"name": name, "utterances": said, "score_threshold": 0.5} for name, said in utterances.items()]
    config = {"encoder_type": "openai", "encoder_name": "text-embedding-3-large", "routes": routes}
    (folder / "router.json").write_text(json.dumps(config), encoding="utf-8")


SCENES: dict[str, Scene] = {
    "champion": champion,
    "litellm_calls": litellm_calls,
    "logged_by_rule": logged_by_rule,
    "pareto_arms": pareto_arms,
    "routellm_results": routellm_results,
    "sample": sample,
    "semantic_routes": semantic_routes,
    "served": served,
    "served_later": served_later,
}
