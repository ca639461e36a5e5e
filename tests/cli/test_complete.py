"""`arbiter complete` and what `arbiter status` says afterwards, through the installed command."""

import json
from collections.abc import Iterator
from pathlib import Path

import openai_server
import provider_world
import pytest
from command_runs import Run, Workshop
from openai_server import OpenAIServer
from provider_world import KEY
from small_world import CHEAP, DEAR, MIDDLE

pytestmark = provider_world.QUIET
MODELS = (CHEAP, MIDDLE, DEAR)


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with openai_server.running() as found:
        yield found


@pytest.fixture
def deployments(server: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write where the three models are called, each under its own name; the key is in the environment."""
    provider_world.require_litellm()
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    tables = [
        f'[[deployment]]\ncandidate = "{model}"\nkey_env = "LOOPBACK_KEY"\n'
        f'litellm_params = {{ model = "openai/{model}", api_base = "{server.url}" }}\n'
        for model in MODELS
    ]
    path = tmp_path / "deployments.toml"
    path.write_text("\n".join(tables))
    return path


def test_a_prompt_is_answered_and_recorded(
    run: Run, workshop: Workshop, server: OpenAIServer, deployments: Path, tmp_path: Path
) -> None:
    """For people the answer, who gave it and for how much; for programs every call; the key is in neither."""
    options = ("theorem proof", "--bundle", workshop.bundle, "--deployments", deployments, "--ledger", "l.db")
    text = run("complete", *options)
    assert (text.status, text.err) == (0, "")
    first, second = text.out.splitlines()
    assert first == "Paris" and second.split(",")[0] in MODELS and "decision " in second
    assert server.authorizations == [f"Bearer {KEY}"]
    chosen = server.bodies[0]["model"]
    server.models[chosen] = openai_server.rate_limited(50)
    again = run("complete", *options, "--json")
    assert again.status == 0, again.err
    told = json.loads(again.out)
    assert told["text"] == "Paris"
    assert told["model"] != chosen
    assert [a["reason"] for a in told["attempts"]][-1] is None
    assert KEY not in text.out + json.dumps(told)
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.iterdir())
    status = json.loads(run("status", "--bundle", workshop.bundle, "--ledger", "l.db", "--json").out)
    health = {c["name"]: c for c in status["health"]}
    if told["chosen"] == chosen:
        assert health[chosen]["reason"].startswith("rate_limited, rests ")
    shown = run("status", "--bundle", workshop.bundle, "--ledger", "l.db").out
    assert "health in the last minute" in shown
    assert f"{told['model']}  breaker closed, 0 of " in shown


def test_an_answer_is_printed_as_it_comes(
    run: Run, workshop: Workshop, server: OpenAIServer, deployments: Path
) -> None:
    """And ends with who gave it."""
    server.behave = openai_server.streams(["It ", "is ", "Paris."], every_s=0.01)
    options = ("theorem proof", "--bundle", workshop.bundle, "--deployments", deployments, "--stream")
    done = run("complete", *options)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[0] == "It is Paris."


def test_when_nobody_answers_one_line_says_why(
    run: Run, workshop: Workshop, server: OpenAIServer, deployments: Path
) -> None:
    """Of each, without the key; exit status 2."""
    server.behave = openai_server.fails(401, "invalid_api_key", f"Incorrect API key provided: {KEY}")
    options = ("theorem proof", "--bundle", workshop.bundle, "--deployments", deployments)
    done = run("complete", *options)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "no candidate answered: " in done.err and "primary_unavailable" in done.err
    assert KEY not in done.err


WRONG = {
    "[[deployment]]\nname = 'x'": "it needs candidate",
    "[[deployment]]\ncandidate = 'm'\nkey = 'x'": "unknown key key",
    "[[deployment]]\ncandidate = 'm'\nweight = -1": "weight must be a number above 0",
    "[[deployment]]\ncandidate = 'm'\nkey_env = 'NO_SUCH_VARIABLE'": "NO_SUCH_VARIABLE is not set",
    "[[deployment]]\ncandidate = 'm'\n[[deployment]]\ncandidate = 'm'": "names that differ",
    "x = 1": "holds no [[deployment]] table",
    "x": "is not TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_files_are_refused_in_one_line(run: Run, workshop: Workshop, tmp_path: Path, text: str) -> None:
    """With the table and what is wrong in it."""
    (tmp_path / "wrong.toml").write_text(text)
    done = run("complete", "hello", "--bundle", workshop.bundle, "--deployments", "wrong.toml")
    assert (done.status, done.err.count("\n")) == (2, 1), done.err
    assert WRONG[text] in done.err
