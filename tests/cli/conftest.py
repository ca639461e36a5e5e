"""The installed command, and a small trained bundle made by it once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from small_world import small_base, small_log, small_records, write_jsonl

from arbiter.bundle import save_bundle
from arbiter_training.traffic import write_traffic

RECIPE = """
test_share = 0.3

[learn]
folds = 3
risk_floor = false
"""


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


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give a runner of the command in an empty folder."""
    return lambda *arguments, **more: run_in(tmp_path, *arguments, **more)


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


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Train once per session; no test may change what lies there."""
    folder = tmp_path_factory.mktemp("workshop")
    save_bundle(small_base(), folder / "base")
    write_traffic(small_log(), folder / "log.jsonl")
    write_jsonl(folder / "later.jsonl", small_records(60, seed=1))
    (folder / "recipe.toml").write_text(RECIPE)
    options = ("-o", "bundle", "--base", "base", "--recipe", "recipe.toml", "--experiment", "small")
    return Workshop(folder=folder, trained=run_in(folder, "train", "log.jsonl", *options, "--json"))
