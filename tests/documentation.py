"""Pages that run: their blocks of code, as a reader would run them, in one folder.

A fenced block is run in a fresh process: ``python`` by the interpreter, ``bash`` by the shell, which finds the
``arbiter`` command. A block of any language that begins with a comment ``# name.ext`` is a file that is written.
A ``text`` block shows lines of what the block before it printed. ``<!-- test: name -->`` says where, unseen by the
reader, a test makes what readers have themselves, such as the log of their traffic.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$|^<!-- test: (\w+) -->$", flags=re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w./-]+\.\w+)\n")

Scene = Callable[[Path, Mapping[str, str]], None]
"""Makes in a folder what a reader has; it is given the environment that the page runs in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of a page, or one scene of a test between two.

    Attributes
    ----------
    language : of the fence; empty for a scene.
    code : what is between the fences; of a scene its name.
    """

    language: str
    code: str


def blocks(page: str) -> list[Block]:
    """Give the blocks of a page in their order."""
    return [Block(language=lang, code=code or scene) for lang, code, scene in FENCE.findall(page)]


def codes(page: str, language: str) -> list[str]:
    """Give the code of one language."""
    return [block.code for block in blocks(page) if block.language == language]


def run_code(block: Block, folder: Path, env: Mapping[str, str]) -> str:
    """Run Python or shell; give what it printed.

    Raises
    ------
    AssertionError
        If it fails, with what it printed.
    """
    command = {"python": [sys.executable, "-c"], "bash": ["bash", "-euo", "pipefail", "-c"]}[block.language]
    done = subprocess.run(
        [*command, block.code], cwd=folder, env=dict(env), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def run_page(page: str, folder: Path, env: Mapping[str, str], scenes: Mapping[str, Scene]) -> None:
    """Do all that a page says, in one folder.

    Raises
    ------
    AssertionError
        If a block fails, or a line that the page shows was not printed.
    """
    printed = ""
    for block in blocks(page):
        named = FILE.match(block.code)
        if not block.language:
            scenes[block.code](folder, env)
        elif block.language == "text":
            _require_printed(block.code, printed)
        elif named:
            (folder / named[1]).write_text(block.code, encoding="utf-8")
        else:
            printed = run_code(block, folder, env)


def _require_printed(shown: str, printed: str) -> None:
    """Line by line, whatever the spaces; ``...`` stands for anything."""
    found = " ".join(printed.split())
    for line in filter(None, (" ".join(line.split()) for line in shown.splitlines())):
        pattern = ".*?".join(re.escape(part.strip()) for part in line.split("..."))
        assert re.search(pattern, found), f"the page shows {line!r}, which was not printed:\n{printed}"


def reader_environment(**more: str) -> dict[str, str]:
    """Give the environment of a reader whose shell finds `arbiter`; nothing in it looks at the network."""
    folder = Path(sys.executable).parent
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARBITER_", "MLFLOW_"))}
    return {**kept, **quiet, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}", **more}
