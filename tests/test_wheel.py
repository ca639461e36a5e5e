"""The wheel: it holds every module and data file of the tree, and serves alone with its base dependencies."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PARTS = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "arbiter", "training", "models", "datasets/public")
ABSENT = ("torch", "mlflow", "litellm", "sklearn", "pyarrow", "scipy", "joblib", "pandas")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, so that the tree stays clean."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
        else:
            shutil.copy2(source, copy / part)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, copy]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if done.returncode and "No module named" in done.stderr:
        pytest.skip(f"the build backend is not installed: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("*.whl")
    return found


def tree() -> set[str]:
    """Give what the wheel must hold: modules and data of both packages, bundle, manifest of public sets."""
    expected = {
        path.relative_to(root).as_posix()
        for root, package in ((REPOSITORY, "arbiter"), (REPOSITORY / "training", "arbiter_training"))
        for path in (root / package).rglob("*")
        if path.is_file() and path.suffix in (".py", ".toml", ".css", ".typed") and "__pycache__" not in path.parts
    }
    bundle = REPOSITORY / "models" / "default"
    expected.add("arbiter_training/public_sets/data/manifest.toml")
    return expected | {f"arbiter/bundles/default/{path.name}" for path in bundle.iterdir() if path.is_file()}


def test_the_wheel_holds_the_tree(wheel: Path) -> None:
    """Every module, catalog, keyword list, style sheet, type marker and file of the bundle; nothing else."""
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == tree()


def test_the_wheel_brings_licence_and_command(wheel: Path) -> None:
    """As metadata."""
    archive = zipfile.ZipFile(wheel)
    names = [name for name in archive.namelist() if ".dist-info/" in name]
    assert any(name.endswith("LICENSE") for name in names)
    entry_points = next(name for name in names if name.endswith("entry_points.txt"))
    assert "arbiter = arbiter.cli:main" in archive.read(entry_points).decode()


@pytest.mark.slow
def test_the_wheel_alone_routes_a_prompt(wheel: Path, tmp_path: Path) -> None:
    """In an empty environment with its base dependencies: library and command, without a training library."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    code = f"""
import importlib.util, arbiter
assert not [name for name in {ABSENT!r} if importlib.util.find_spec(name)]
with arbiter.load() as router:
    decision = router.route("Prove that the square root of 2 is irrational.", max_cost_usd=0.02)
    assert decision.profile.source == "learned" and not decision.degraded, decision
    router.feedback(decision.id, quality=0.9)
"""
    for command in ([python, "-c", code], [python.with_name("arbiter"), "route", "Hello!", "--json"]):
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    refused = subprocess.run(
        [python.with_name("arbiter"), "demo"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "pip install 'arbiter-router[train]'" in refused.stderr and refused.stderr.count("\n") == 1
