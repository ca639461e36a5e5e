"""What the README says works as it says it."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from documentation import Block, codes, reader_environment, run_code

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"(?:^|/)arbiter ([a-z-]+)", README, flags=re.MULTILINE)))


@pytest.mark.parametrize("code", codes(README, "python"))
def test_python_of_the_readme_runs(code: str, tmp_path: Path) -> None:
    """Every Python block runs as written in a fresh process."""
    run_code(Block(language="python", code=code), tmp_path, reader_environment())


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_readme_exist(command: str) -> None:
    """Every command that the README shows has help."""
    done = subprocess.run(
        [sys.executable, "-c", "from arbiter.cli import main; main()", command, "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "Usage" in done.stdout, done.stderr


FOLDERS = {
    path.parent.name: codes(path.read_text(encoding="utf-8"), "python")
    for path in sorted((ROOT / "arbiter").glob("*/README.md"))
}


@pytest.mark.parametrize("code", [pytest.param(code, id=f) for f, found in FOLDERS.items() for code in found])
def test_python_of_the_folders_readmes_runs(code: str, tmp_path: Path) -> None:
    """And so does that of the folders' own."""
    run_code(Block(language="python", code=code), tmp_path, reader_environment())


def test_ci_runs_the_readmes_test_command() -> None:
    """The last step of CI is the command that the README names for the tests."""
    shown = next(line for line in codes(README, "bash")[0].splitlines() if "pytest" in line)
    words = shlex.split(shown.split("#")[0].split("&&")[-1])
    last = (ROOT / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()[-1]
    assert shlex.split(last)[: len(words)] == words


def test_the_picture_is_there() -> None:
    """Every picture that the README shows is in the repository."""
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path
