"""Importing and serving are light: heavy libraries load at first use, in the one place that needs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_world import small_base, small_learned

from arbiter.bundle import save_bundle

HEAVY = (
    *("joblib", "litellm", "matplotlib", "mlflow", "pandas", "pyarrow", "scipy"),
    *("sentence_transformers", "sklearn", "torch"),
)


def loaded_after(code: str) -> set[str]:
    """Give the top-level modules that a fresh process holds after some code, beyond those it starts with."""
    program = f"""
import sys
before = {{name.split('.')[0] for name in sys.modules}}
{code}
import json
print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}} - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_import_arbiter_loads_numpy_and_the_standard_library_only() -> None:
    """No third-party module but numpy, and not the training package."""
    third_party = {name for name in loaded_after("import arbiter") if name not in sys.stdlib_module_names}
    assert third_party - loaded_after("import multiprocessing, numpy.random") == {"arbiter"}


def test_import_of_the_command_line_loads_typer_only() -> None:
    """The commands import what they need when they run."""
    loaded = loaded_after("import arbiter.cli.app")
    assert not loaded & {*HEAVY, "arbiter_training", "safetensors", "tokenizers"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weight") / "bundle"
    save_bundle(small_learned().router, folder)
    return folder


def test_serving_a_trained_bundle_loads_no_training_library(bundle: Path) -> None:
    """Boosted trees, scores and neighbours are plain arrays; feedback and explanations need nothing more."""
    code = f"""
import arbiter
service = arbiter.load({str(bundle)!r})
decision = service.route("theorem proof")
service.feedback(decision.id, quality=0.5)
decision.explain()
"""
    loaded = loaded_after(code)
    assert not loaded & {*HEAVY, "arbiter_training"}


def test_the_catalogs_prices_do_not_import_litellm() -> None:
    """Its table is read as a file."""
    code = "from arbiter.catalog import catalog_for_log; catalog_for_log(['gpt-4o', 'openai/gpt-4.1-nano'])"
    assert "litellm" not in loaded_after(code)


def test_the_base_router_of_the_tests_is_untrained() -> None:
    """The tests of the shell hang on no shipped bundle."""
    assert small_base().policy.to_state().kind == "greedy_policy"
