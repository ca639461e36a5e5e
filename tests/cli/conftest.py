"""The installed command, and a small trained bundle made by it once."""

from pathlib import Path

import pytest
from command_runs import Run, Workshop, run_here, run_in
from small_world import small_base, small_log, small_records, write_jsonl

from arbiter.bundle import save_bundle
from arbiter_training.traffic import write_traffic

RECIPE = """
test_share = 0.3

[learn]
folds = 3
risk_floor = false
"""


@pytest.fixture(params=["here", pytest.param("installed", marks=pytest.mark.slow)])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Give a runner in an empty folder: in this process, and, where slow tests run, the installed command."""
    runner = run_here if request.param == "here" else run_in
    return lambda *arguments, **more: runner(tmp_path, *arguments, **more)


@pytest.fixture
def installed(tmp_path: Path) -> Run:
    """Give a runner of the installed command in an empty folder."""
    return lambda *arguments, **more: run_in(tmp_path, *arguments, **more)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Train once per session; no test may change what lies there."""
    folder = tmp_path_factory.mktemp("workshop")
    save_bundle(small_base(), folder / "base")
    write_traffic(small_log(360), folder / "log.jsonl")
    write_jsonl(folder / "later.jsonl", small_records(60, seed=1))
    (folder / "recipe.toml").write_text(RECIPE)
    options = ("-o", "bundle", "--base", "base", "--recipe", "recipe.toml", "--experiment", "small")
    return Workshop(folder=folder, trained=run_in(folder, "train", "log.jsonl", *options, "--json"))
