"""`arbiter profile`."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from command_runs import Run, command, run_here

from arbiter.cli.output import BarStyle
from arbiter.gatekeeper.heads import HEADS

PROMPT = "Prove that the square root of 2 is irrational."


def test_it_says_what_a_request_is(tmp_path: Path) -> None:
    """Verdicts, bars, parts of the score and keywords; the likeliest domain has the longest bar."""
    done = run_here(tmp_path, "profile", PROMPT)
    assert (done.status, done.err) == (0, "")
    first, *rest = done.out.splitlines()
    assert first.startswith("math, ")
    assert "by learned, confidence" in first
    for head in HEADS:
        assert any(line.startswith(f"{head}: ") for line in rest)
    assert sum(line.startswith("  spoke: ") for line in rest) == len(HEADS)
    math = next(line for line in rest if line.strip().startswith("math "))
    assert math.count("#") > 15
    assert "\033" not in done.out
    assert rest[-1].startswith("keywords: prove")


def test_json_holds_the_whole_profile(tmp_path: Path) -> None:
    """Every probability, the source, and the parts."""
    found = json.loads(run_here(tmp_path, "profile", PROMPT, "--json").out)
    assert found["profile"]["domain"] == "math"
    assert set(found["profile"]["probabilities"]) == set(HEADS) == set(found["parts"])
    assert sum(found["profile"]["probabilities"]["domain"].values()) == pytest.approx(1.0)
    assert {"name", "log_odds"} == set(found["parts"]["domain"][0])


@pytest.mark.parametrize(
    ("by", "source"), [("keywords", "keywords"), ("heuristic", "heuristic"), ("bundle", "learned")]
)
def test_others_may_judge(tmp_path: Path, by: str, source: str) -> None:
    """The source says who spoke."""
    found = json.loads(run_here(tmp_path, "profile", PROMPT, "--by", by, "--json").out)
    assert found["profile"]["source"] == source


def test_an_llm_that_is_not_there_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the command says so; without litellm it names the pip command."""
    monkeypatch.setitem(__import__("sys").modules, "litellm", None)
    done = run_here(tmp_path, "profile", PROMPT, "--by", "openai/none")
    assert done.status == 0
    assert done.out.splitlines()[1].startswith("fell back: openai/none failed: litellm is not installed: pip install")
    assert "by learned" in done.out


def test_requests_come_from_files_and_standard_input(run: Run, tmp_path: Path) -> None:
    """Text, messages as JSON, and a pipe."""
    (tmp_path / "prompt.txt").write_text(PROMPT, encoding="utf-8")
    messages = [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": "x"}]
    (tmp_path / "talk.json").write_text(json.dumps([*messages, {"role": "user", "content": "yes, go on"}]))
    expected = run_here(tmp_path, "profile", PROMPT, "--json").out
    assert run_here(tmp_path, "profile", "--file", "prompt.txt", "--json").out == expected
    assert run("profile", "-", "--json", stdin=PROMPT.encode()).out == expected
    talk = json.loads(run_here(tmp_path, "profile", "--file", "talk.json", "--json").out)
    assert talk["profile"]["domain"] == "math"


WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing": (("profile",), "give one request"),
    "two": (("profile", "x", "--file", "prompt.txt"), "give one request"),
    "no such file": (("profile", "--file", "absent.txt"), "absent.txt: No such file or directory"),
    "not text": (("profile", "--file", "latin.txt"), "latin.txt is not UTF-8 text"),
    "not JSON": (("profile", "--file", "cut.json"), "cut.json is not JSON"),
    "no messages": (("profile", "--file", "empty.json"), "no turn with role 'user'"),
    "no bundle": (("profile", "x", "--bundle", "absent"), "absent"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line(tmp_path: Path, case: str) -> None:
    """With exit status 2."""
    (tmp_path / "prompt.txt").write_text("x")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "cut.json").write_text('[{"role"')
    (tmp_path / "empty.json").write_text("[]")
    arguments, message = WRONG[case]
    done = run_here(tmp_path, *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err and done.err.count("\n") == 1


def test_bars_stand_out_in_colour_only_where_asked() -> None:
    """The accented one in another colour; a share of 0 has no bar and no escape sequence."""
    plain, coloured = BarStyle(coloured=False, sign="#"), BarStyle(coloured=True, sign="#")
    assert plain.bar(0.5, 10, accented=True) == "#####"
    assert coloured.bar(0.5, 10, accented=True) == "\033[36m#####\033[0m"
    assert coloured.bar(0.0, 10, accented=True) == ""


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_it_says_no(tmp_path: Path, no_color: str, coloured: bool) -> None:
    """NO_COLOR, if not empty, switches them off (no-color.org)."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm", "PYTHONUTF8": "1"}
    started = subprocess.Popen([command(), "profile", "hi"], stdout=theirs, env=environment, cwd=tmp_path)
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert started.wait(60) == 0
    assert ("\033[" in written.decode()) == coloured
    assert "\N{FULL BLOCK}" in written.decode()
