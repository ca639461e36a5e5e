"""How tests start the command, and what it did."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import arbiter.cli


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command did."""

    status: int
    out: str
    err: str


Run = Callable[..., Done]


def command() -> str:
    """Give the installed `arbiter`; the tests are about the command as users start it."""
    beside = Path(sys.executable).with_name("arbiter")
    found = str(beside) if beside.is_file() else shutil.which("arbiter")
    if found is None:
        pytest.skip("the command arbiter is not installed")
    return found


SET_ONCE = "TIKTOKEN_CACHE_DIR"
"""Where litellm has its tokenizers; it says so when it is imported, and not again."""


def run_in(folder: Path, *arguments: object, stdin: bytes = b"", **environment: str) -> Done:
    """Run the command in a folder, with nobody at the terminal."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "ARBITER"))}
    done = subprocess.run(
        [command(), *map(str, arguments)],
        cwd=folder,
        env={**kept, "OMP_NUM_THREADS": "1", **environment},
        input=stdin,
        capture_output=True,
        timeout=240,
        check=False,
    )
    return Done(status=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def run_here(folder: Path, *arguments: object, stdin: bytes = b"", **environment: str) -> Done:
    """Run the command inside this process: the same code without a second for the imports."""
    out, err = io.StringIO(), io.StringIO()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "ARBITER"))}
    kept |= environment
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.setattr(os, "environ", kept)
        patch.setattr(sys, "argv", ["arbiter", *map(str, arguments)])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = arbiter.cli.run()
    if SET_ONCE in kept:
        os.environ[SET_ONCE] = kept[SET_ONCE]
    return Done(status=status, out=out.getvalue(), err=err.getvalue())


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """A folder in which `arbiter train` ran.

    Attributes
    ----------
    folder : holds ``base``, ``log.jsonl`` (one model per request), ``later.jsonl`` (all models, other requests),
        ``recipe.toml``, ``bundle`` and MLflow's store.
    trained : what the command did.
    """

    folder: Path
    trained: Done

    @property
    def bundle(self) -> Path:
        """The trained bundle."""
        return self.folder / "bundle"

    @property
    def later(self) -> Path:
        """Traffic that the bundle has not seen."""
        return self.folder / "later.jsonl"
