"""Laws of `train`: judged on what was held out, learned from everything, refused where there is too little."""

from dataclasses import replace

import numpy as np
import pytest
from small_world import small_base, small_log, small_records

from arbiter.errors import CatalogError, InvalidInputError, TrafficError
from arbiter_training.evaluation.tracked import evaluation_metrics
from arbiter_training.learn import LearnOptions
from arbiter_training.traffic import traffic_from_records
from arbiter_training.train import LEAST_REQUESTS, Trained, TrainOptions, train

OPTIONS = TrainOptions(test_share=0.3, learn=LearnOptions(folds=3, risk_floor=False))


@pytest.fixture(scope="module")
def trained() -> Trained:
    told: list[str] = []
    done = train(traffic_from_records(small_records(160), "log.jsonl"), small_base(), OPTIONS, say=told.append)
    assert told == ["learning from 112 requests", "judging on 48 requests held out", "learning from all 160 requests"]
    return done


def test_the_evaluation_is_of_the_held_out_part(trained: Trained) -> None:
    """48 of 160; exact, since every model was scored; source, fingerprint and protocol are told."""
    report = trained.evaluation
    assert report is not None and report.log.n_requests == 48
    assert report.log.kind == "full information" and report.log.source == "log.jsonl"
    assert "30% of 160" in report.log.protocol and "seed 0" in report.log.protocol
    quality = report.row("router").outcomes["quality"]
    assert quality is not None and quality.estimator == "exact"
    assert trained.notes == ()


def test_the_bundle_is_learned_from_all_and_the_judged_fit_from_a_part(trained: Trained) -> None:
    """Two routers, unless nothing is refitted."""
    assert trained.learned.quality.out_of_fold.shape == (112, 3)
    assert trained.router is not trained.learned.router


def test_provenance_holds_data_and_metrics(trained: Trained) -> None:
    """What a manifest needs; every metric is a number under a name that MLflow takes."""
    data, metrics = trained.provenance.data, trained.provenance.metrics
    assert (data["requests"], data["rows"], data["source"]) == (160, 480, ["log.jsonl"])
    assert len(data["fingerprint"]) == 64
    assert {"quality/mse_blend", "quality/mse_constant", "router/quality", "random/cost_usd"} <= set(metrics)
    assert all(np.isfinite(value) for value in metrics.values())
    assert all(ch.isalnum() or ch in "_-./ " for name in metrics for ch in name)
    assert trained.evaluation is not None
    assert evaluation_metrics(trained.evaluation).items() <= dict(metrics).items()


def test_nothing_held_out_nothing_judged() -> None:
    """One fit on everything, and it is the one that is kept."""
    done = train(small_log(), small_base(), replace(OPTIONS, test_share=0.0))
    assert done.evaluation is None and done.notes == ()
    assert done.router is done.learned.router
    assert done.learned.quality.out_of_fold.shape == (160, 3)


def test_without_refit_the_judged_router_is_kept() -> None:
    """What was proved is what is served."""
    done = train(small_log(), small_base(), replace(OPTIONS, refit=False))
    assert done.router is done.learned.router and done.evaluation is not None


def test_a_log_that_proves_nothing_still_teaches() -> None:
    """Without propensities there is no evaluation, and the note says why."""
    one = [r for i, r in enumerate(small_records(160)) if i % 3 == (i // 3) % 3]
    done = train(traffic_from_records(one), small_base(), replace(OPTIONS, refit=False))
    assert done.evaluation is None
    assert len(done.notes) == 1 and "no propensity" in done.notes[0]


def test_too_few_judgements_are_refused_by_number() -> None:
    """Below the limit nothing is learned; unjudged rows do not count."""
    records = small_records(LEAST_REQUESTS)
    few = [{k: v for k, v in r.items() if k != "quality" or r["request_id"] != "r0000"} for r in records]
    with pytest.raises(TrafficError, match=r"mine\.csv: 49 of 50 requests carry a quality, learning takes 50"):
        train(traffic_from_records(few, "mine.csv"), small_base(), OPTIONS)


def test_an_unknown_model_asks_for_a_price() -> None:
    """In one line, before any work."""
    records = [{**r, "model": f"our-{r['model']}"} for r in small_records(60)]
    with pytest.raises(CatalogError, match="no price is known for 'our-claude-opus-4-5'"):
        train(traffic_from_records(records), small_base(), OPTIONS)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_options_check_themselves(share: float) -> None:
    """Before any work."""
    with pytest.raises(InvalidInputError, match="test_share must lie in"):
        TrainOptions(test_share=share)
