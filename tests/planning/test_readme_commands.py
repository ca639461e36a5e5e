"""The commands that the README of planning shows run as they stand there, in one folder."""

import re
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "arbiter" / "planning" / "README.md").read_text(encoding="utf-8")


def test_the_commands_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order: the first writes the file that the others read."""
    import arbiter.cli

    block = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)[0]
    commands = [shlex.split(line, comments=True) for line in block.splitlines()]
    assert len(commands) == 8
    monkeypatch.chdir(tmp_path)
    for words in commands:
        monkeypatch.setattr(sys, "argv", words)
        assert arbiter.cli.run() == 0, words
    assert (tmp_path / "plan.html").is_file() and (tmp_path / "plan.json").is_file()
