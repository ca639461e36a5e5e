"""The jobs behind the commands: policies by name, columns by model, files whole or not at all."""

from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_world import CHEAP, DEAR, MIDDLE, small_base, small_learned, small_records, write_jsonl

from arbiter.bundle import load_bundle, save_bundle
from arbiter.catalog import Catalog
from arbiter.errors import BundleError, InvalidInputError, TrafficError
from arbiter.estimates.estimator import Estimator, Speed
from arbiter.estimates.quality import RatedQuality
from arbiter.estimates.tokens import OutputLength
from arbiter.intake import read_request
from arbiter.policies import ConstantPolicy
from arbiter.router import Router
from arbiter_training.evaluation.records import EvaluationReport
from arbiter_training.jobs import evaluate as evaluate_job
from arbiter_training.jobs.demo import DemoJob
from arbiter_training.jobs.demo import run as run_demo_job
from arbiter_training.jobs.evaluate import EvaluateJob, aligned, refused
from arbiter_training.jobs.train import TrainJob, remembering
from arbiter_training.jobs.train import run as run_train_job


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a bundle and traffic that it has not seen."""
    folder = tmp_path_factory.mktemp("jobs")
    save_bundle(small_learned().router, folder / "bundle")
    write_jsonl(folder / "later.jsonl", small_records(40, seed=1))
    return folder


def judged(place: Path, *policies: str, **more: Any) -> EvaluationReport:
    job = EvaluateJob(traffic=(place / "later.jsonl",), policies=policies, **more)
    return evaluate_job.run(job, quiet)


def always(names: tuple[str, ...], chosen: str) -> Router:
    """Give a router over models in this order that always asks one of them."""
    catalog = Catalog([Catalog.default()[name] for name in names])
    base = small_base()
    dim, k = base.context_map.dim, len(names)
    length = OutputLength(weights=np.zeros((dim, k)), smear=np.ones(k), most=np.full(k, 100.0))
    estimator = Estimator(quality=RatedQuality(ratings=np.full(k, 0.5)), length=length, speed=Speed.of(catalog))
    policy = ConstantPolicy.single(names.index(chosen), k)
    return replace(base, catalog=catalog, estimator=estimator, policy=policy)


@pytest.mark.parametrize("names", [(DEAR, MIDDLE, CHEAP), (MIDDLE, CHEAP, DEAR), (CHEAP, MIDDLE)], ids=str)
@pytest.mark.parametrize("chosen", [CHEAP, MIDDLE])
def test_columns_are_matched_by_name(place: Path, tmp_path: Path, names: tuple[str, ...], chosen: str) -> None:
    """A router that always asks one model is worth what that model is, in whatever order it keeps its candidates."""
    save_bundle(always(names, chosen), tmp_path / "bundle")
    report = judged(place, str(tmp_path / "bundle"), chosen)
    row, constant = report.row(str(tmp_path / "bundle")), report.row(chosen)
    assert row.shares == constant.shares and row.shares[chosen] == 1.0
    assert row.outcomes == constant.outcomes


def test_alignment_by_hand() -> None:
    """Columns move to their names; models that the router does not know get nothing."""
    found = aligned(np.array([[0.3, 0.7]]), ("c", "a"), ("a", "b", "c"))
    np.testing.assert_array_equal(found, [[0.7, 0.0, 0.3]])


def test_a_name_listed_twice_counts_once(place: Path) -> None:
    """Baselines are always there and asking for them adds nothing."""
    bundle = str(place / "bundle")
    report = judged(place, "random", bundle, "best-single", bundle, CHEAP, CHEAP, "random")
    assert [row.name for row in report.rows] == [bundle, f"{bundle} (greedy)", CHEAP, f"best-single ({DEAR})", "random"]
    assert [curve.name for curve in report.frontiers] == [bundle]


def test_a_bundle_called_default_is_no_exception(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name of a folder changes what is evaluated: this one knows models that the log never asked."""
    save_bundle(small_base(), tmp_path / "default")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInputError, match=r"default may choose .* which the log never asked"):
        judged(place, "default")


def test_the_users_catalog_prices_every_evaluation(place: Path, tmp_path: Path) -> None:
    """A model that only the given catalog knows, with and without a router among the policies."""
    records = [{**r, "model": "our-own-llm" if r["model"] == CHEAP else r["model"]} for r in small_records(40, seed=1)]
    log = write_jsonl(tmp_path / "log.jsonl", records)
    catalog = tmp_path / "catalog.toml"
    from arbiter.catalog import write_catalog

    write_catalog(Catalog([replace(Catalog.default()[CHEAP], name="our-own-llm", litellm_model=None)]), catalog)
    job = EvaluateJob(traffic=(log,), policies=("our-own-llm",), catalog=catalog)
    assert evaluate_job.run(job, quiet).row("our-own-llm").shares["our-own-llm"] == 1.0


def test_only_policies_asked_for_can_be_refused(place: Path) -> None:
    """A baseline that the log cannot tell is no reason to refuse the policy that it can."""
    report = judged(place, CHEAP)
    silent = tuple(replace(row, outcomes={"quality": None}) for row in report.rows)
    report = replace(report, rows=silent)
    assert [row.name for row in refused(report, (CHEAP,))] == [CHEAP]
    assert [row.name for row in refused(report, ("best-single",))] == [f"best-single ({DEAR})"]
    assert [row.name for row in refused(report, ("random",))] == ["random"]


def test_files_are_checked_before_the_work(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither traffic nor bundle is read when the page has no place."""
    monkeypatch.setattr(evaluate_job, "read_traffic", None)
    for where in ({"report": tmp_path / "no" / "r.html"}, {"figure": tmp_path}):
        with pytest.raises(InvalidInputError, match=r"does not exist|is a folder"):
            judged(place, CHEAP, **where)


def test_a_failed_training_leaves_nothing(place: Path, tmp_path: Path) -> None:
    """Neither the target nor what would hold it."""
    (tmp_path / "empty.jsonl").write_text("")
    save_bundle(small_base(), tmp_path / "base")
    job = TrainJob(traffic=(tmp_path / "empty.jsonl",), out=tmp_path / "deep" / "bundle", base=str(tmp_path / "base"))
    with pytest.raises(TrafficError):
        run_train_job(job, quiet)
    assert not (tmp_path / "deep").exists()


def test_a_demo_checks_its_folder_before_the_work(tmp_path: Path) -> None:
    """A file in its place is said at once."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match="is a file; name a folder"):
        run_demo_job(DemoJob(out=tmp_path / "file"), quiet)


def test_embeddings_are_kept_between_runs_and_not_in_the_bundle(tmp_path: Path) -> None:
    """A second run reads what the first encoded; the bundle holds the encoder inside."""
    router = small_base()
    texts = [read_request(f"prompt number {i}") for i in range(5)]
    first = remembering(router, tmp_path / "cache").features.transform(texts)
    files = sorted((tmp_path / "cache").rglob("*.joblib"))
    assert files

    class Broken:
        dim, fingerprint = router.features.encoder.dim, router.features.encoder.fingerprint

        def encode(self, asked: list[str]) -> np.ndarray:
            raise AssertionError(f"encoded again: {asked}")

        to_state = router.features.encoder.to_state

    deaf = copy(router.features)
    deaf.encoder = Broken()
    again = remembering(replace(router, features=deaf), tmp_path / "cache")
    np.testing.assert_array_equal(again.features.transform(texts).embedding, first.embedding)
    save_bundle(again, tmp_path / "bundle")
    assert load_bundle(tmp_path / "bundle")[0].features.encoder.to_state().kind == "hashing_encoder"
