"""Laws of whole benchmarks, on small made-up traffic, and the quick form of the public ones."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arbiter.errors import ArbiterError, InvalidInputError
from arbiter.loading import load_router
from arbiter.router import Router
from arbiter_training.benchmarks import Benchmark, BenchmarkResult, read_benchmark, run_benchmark
from arbiter_training.benchmarks.__main__ import main
from arbiter_training.benchmarks.rounds import judged_traffic
from arbiter_training.benchmarks.tracked import log_benchmark

if importlib.util.find_spec("litellm") is None:  # an import from here would look for prices on the network
    pytest.skip("litellm is not installed", allow_module_level=True)
RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"
WORDS = {"proof": "prove theorem lemma integral", "chat": "hello weather today nice"}


def traffic(path: Path, n: int = 160) -> Path:
    """Write requests of two kinds on two models: the dear one alone can prove, both can chat."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        kind = "proof" if i % 2 else "chat"
        words = " ".join(rng.choice(WORDS[kind].split(), 6)) + f" {rng.integers(1_000_000)}"
        for model, chance, cost in (("cheap", 0.1 if i % 2 else 0.9, 1e-4), ("dear", 0.9, 1e-3)):
            quality = float(rng.random() < chance)
            shared = {"request_id": f"r{i}", "prompt": words, "kind": kind}
            rows.append(shared | {"model": model, "quality": quality, "cost_usd": cost, "output_tokens": 50})
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def base() -> Router:
    try:
        return load_router()
    except ArbiterError as error:
        pytest.skip(f"no default bundle: {error}")


@pytest.fixture(scope="module")
def result(base: Router, tmp_path_factory: pytest.TempPathFactory) -> BenchmarkResult:
    folder = tmp_path_factory.mktemp("benchmark")
    path = traffic(folder / "traffic.jsonl")
    benchmark = Benchmark(name="made-up", train=path.name, label="kind", folds=2).quick()
    return run_benchmark(benchmark, folder, base, folder / "vectors", lambda line: None)


def test_every_competitor_has_a_line_and_the_better_model_per_kind_is_learned(result: BenchmarkResult) -> None:
    """Kinds are plain in the words: the estimates come near the baseline that is told them, well above chance."""
    names = [line.name for line in result.board.lines]
    for name in ("random", "best single", "per-task best", "kNN 40, static", "arbiter, static", "litellm adaptive"):
        assert name in names
    shipped = result.board.line("arbiter, static").figures
    assert shipped["APGR"].value > 0.7
    assert shipped["AIQ"].value > result.board.line("fixed-model hull, hindsight").figures["AIQ"].value
    assert shipped["worst against a constant"].high >= 0.0


def test_the_same_benchmark_gives_the_same_table(result: BenchmarkResult, base: Router, tmp_path: Path) -> None:
    """Figure by figure: nothing is random but by seed."""
    traffic(tmp_path / "traffic.jsonl")
    again = run_benchmark(result.benchmark, tmp_path, base, tmp_path, lambda line: None)
    assert again.board.to_dict() == result.board.to_dict()
    assert again.fingerprint == result.fingerprint


def test_a_benchmark_is_tracked_as_one_run_with_one_nested_run_per_round(
    result: BenchmarkResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nested runs name their parent, and the parent has the figures."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    said = log_benchmark(result, tmp_path)
    client = mlflow.MlflowClient(said.rsplit(" ", 1)[1])
    runs = client.search_runs([client.get_experiment_by_name("arbiter benchmarks").experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert len(parents) == 1
    assert len(runs) == 1 + len(result.rounds)
    assert parents[0].data.metrics["arbiter static/APGR"] == pytest.approx(
        result.board.line("arbiter, static").figures["APGR"].value
    )


def test_partial_feedback_is_no_benchmark(base: Router, tmp_path: Path) -> None:
    """Truth is needed on every model and request."""
    path = traffic(tmp_path / "traffic.jsonl", 20)
    path.write_text("\n".join(path.read_text(encoding="utf-8").splitlines()[:-1]), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="every model on each request"):
        run_benchmark(Benchmark(train=path.name).quick(), tmp_path, base, tmp_path, lambda line: None)


def test_the_layout_of_public_sets_is_a_folder_of_data(tmp_path: Path) -> None:
    """A file is read beside ``traffic`` or in it, the first before the second."""
    (tmp_path / "traffic").mkdir()
    traffic(tmp_path / "traffic" / "t.jsonl", 20)
    assert judged_traffic(Benchmark(train="t.jsonl").quick(), tmp_path).outcomes.n == 20
    traffic(tmp_path / "t.jsonl", 30)
    assert judged_traffic(Benchmark(train="t.jsonl").quick(), tmp_path).outcomes.n == 30


def test_a_wrong_recipe_ends_the_command_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And one line of reason."""
    assert main([str(tmp_path / "absent.toml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gsm8k_pair", "paretobandit", "llmrouter9", "mmlu_pro16"])
def test_the_public_benchmarks_run_in_their_quick_form(name: str, base: Router, data_dir: Path) -> None:
    """On 240 requests: the table is whole, and no setting is worse than a constant beyond its interval."""
    benchmark = read_benchmark(RECIPES / f"{name}.toml").quick()
    board = run_benchmark(benchmark, data_dir / "traffic", base, data_dir, lambda line: None).board
    shipped = board.line("arbiter, static").figures
    assert shipped["AIQ"].value > board.line("random").figures["AIQ"].value
    assert shipped["worst against a constant"].high >= -0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gsm8k_pair", "paretobandit", "llmrouter9", "mmlu_pro16"])
def test_no_setting_is_worse_than_the_best_constant_at_its_cost(name: str, base: Router, data_dir: Path) -> None:
    """On all folds, the default encoder: at the setting that looks worst the interval reaches 0 or above."""
    recipe = read_benchmark(RECIPES / f"{name}.toml")
    benchmark = replace(recipe, seeds=recipe.seeds[:1], encoders=("static",), rivals_encoder="static", partial_logs=0)
    board = run_benchmark(benchmark, data_dir / "traffic", base, data_dir, lambda line: None).board
    for competitor in ("arbiter, static", "arbiter, static, tasks named in training"):
        if competitor in [line.name for line in board.lines]:
            assert board.line(competitor).figures["worst against a constant"].high >= 0.0, competitor
