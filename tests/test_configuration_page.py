"""What docs/configuration.md shows works as it shows it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from arbiter.config import SHARED
from arbiter.config.serving import PLACES, RECORDS

PAGE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
PROGRAM = f"{sys.executable} -c 'from arbiter.cli import main; main()'"


def block(language: str) -> str:
    """Give the one block of that language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return str(found)


def said(folder: Path, command: str) -> str:
    """Give what a command of the shell says, on both ways out."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ARBITER")}
    line = re.sub(r"\barbiter ", lambda _: f"{PROGRAM} ", command, count=1)
    done = subprocess.run(line, shell=True, cwd=folder, env=kept, text=True, capture_output=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["", " wrong"])
def test_the_command_says_what_the_page_says(tmp_path: Path, kind: str) -> None:
    """With the file that stands above it, letter by letter."""
    (tmp_path / "arbiter.toml").write_text(block(f"toml{kind}"))
    command, _, wanted = block(f"console{kind}").partition("\n")
    assert said(tmp_path, command.removeprefix("$ ")) == wanted


def test_the_python_runs(tmp_path: Path) -> None:
    """And takes the file."""
    (tmp_path / "arbiter.toml").write_text(block("toml"))
    done = subprocess.run(
        [sys.executable, "-c", block("python")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1:] == ["5.0", "True"]
    assert (tmp_path / "ledger.db").is_file()


def test_every_table_and_shared_key_is_named() -> None:
    """In the page's table of tables."""
    for name in (*(f"[{table}]" for table in RECORDS), *SHARED, *PLACES):
        assert f"`{name}`" in PAGE
