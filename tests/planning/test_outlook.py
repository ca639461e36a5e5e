"""What is expected of models: the catalog's rating where nothing was judged, the answers where they were."""

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.planning import Assumptions, CaseHistory, Limits, ModelHistory, TokenCount, UseCase, Volume
from arbiter.planning.history import weighed_mean
from arbiter.planning.outlook import ModelOutlook, outlooks
from arbiter.planning.request_cost import measured
from arbiter.vocabulary import Workload

CATALOG = Catalog.default()


def expected(
    history: CaseHistory, workload: Workload = Workload.INTERACTIVE, **more: object
) -> dict[str, ModelOutlook]:
    """Give the outlook of each model on a use case."""
    case = UseCase(name="x", workload=workload, volume=Volume(per_day=1.0), **more)  # type: ignore[arg-type]  # tests
    return {o.candidate.name: o for o in outlooks(case, CATALOG, history, Assumptions())}


def test_without_answers_the_rating_is_all_there_is() -> None:
    """With the error of a rating."""
    found = expected(CaseHistory(requests=0, models={}))["gpt-4o"]
    assert (found.quality, found.quality_se, found.judged) == (0.81, 0.1, 0)
    assert found.cost is None and found.tokens is None


def test_a_strict_judge_moves_the_models_that_nobody_judged() -> None:
    """gpt-4o judged at 0.41, 0.4 below its rating: gpt-4o-mini is expected 0.4 below its own, less surely."""
    quality = np.tile([0.0, 0.82], 500)
    history = CaseHistory(requests=1000, models={"gpt-4o": ModelHistory(quality=quality)})
    found = expected(history)
    assert found["gpt-4o"].quality == pytest.approx(0.41, abs=0.001)
    assert found["gpt-4o"].quality_se == pytest.approx(quality.std(ddof=1) / 1000**0.5, rel=0.02)
    assert found["gpt-4o-mini"].quality == pytest.approx(0.70 - 0.40)
    assert found["gpt-4o-mini"].quality_se == pytest.approx((0.1**2 + 0.1**2) ** 0.5)


def test_few_answers_are_weighed_against_the_rating() -> None:
    """Precisions add: the mean lies between answers and rating on the judge's scale, the error below both."""
    history = CaseHistory(requests=4, models={"gpt-4o": ModelHistory(quality=np.array([0.2, 0.9, 0.3, 1.0]))})
    found = expected(history)["gpt-4o"]
    assert found.quality == pytest.approx(0.6)
    assert found.quality_se < min(np.std([0.2, 0.9, 0.3, 1.0], ddof=1) / 2, 0.15)


def test_means_of_a_log_that_chose_are_weighed_by_its_propensities() -> None:
    """Ten requests of quality 0 went here surely, ten of 1 with one in four: the mean of all is 40 / 50."""
    quality = np.repeat([0.0, 1.0], 10)
    cost = np.repeat([0.003, 0.001], 20)
    weight = np.repeat([1.0, 4.0], 10)
    mean, variance = weighed_mean(quality, weight)
    assert mean == pytest.approx(0.8)
    assert variance == pytest.approx((10 * 0.64 + 10 * 16 * 0.04) / 50**2 * 20 / 19)
    assert weighed_mean(quality, np.empty(0)) == pytest.approx((0.5, quality.var(ddof=1) / 20))
    past = ModelHistory(quality=quality, quality_weight=weight, cost_usd=cost, cost_weight=np.repeat([1.0, 4.0], 20))
    found = expected(CaseHistory(requests=20, models={"gpt-4o": past}, weighed=True))["gpt-4o"]
    assert found.cost is not None and found.cost.mean_usd == pytest.approx((0.003 + 4 * 0.001) / 5)
    assert found.quality == pytest.approx(0.8, abs=0.01)


def test_what_was_billed_goes_before_the_price_list_and_declared_tokens_before_both() -> None:
    """A bill of 50 requests; too short a bill; tokens in the file."""
    bill = np.full(50, 0.02)
    history = CaseHistory(requests=50, models={"gpt-4o": ModelHistory(cost_usd=bill)})
    assert expected(history)["gpt-4o"].cost == measured(bill)
    short = CaseHistory(requests=5, models={"gpt-4o": ModelHistory(cost_usd=bill[:5])})
    assert expected(short)["gpt-4o"].cost is None
    tokens = {"input_tokens": TokenCount(mean=1000), "output_tokens": TokenCount(mean=100)}
    declared = expected(history, **tokens)["gpt-4o"].cost
    assert declared is not None and declared.mean_usd == pytest.approx(0.0035) and declared.known == 0


def test_few_latencies_say_nothing_of_a_high_quantile() -> None:
    """Ninety-nine of them, and the catalog's prior is taken."""
    history = CaseHistory(requests=99, models={"gpt-4o": ModelHistory(latency_s=np.full(99, 9.0))})
    assert expected(history)["gpt-4o"].timed == 0 and expected(history)["gpt-4o"].latency_s < 9.0


def test_no_answer_is_longer_than_the_model_can_give() -> None:
    """Nor paid for."""
    huge = TokenCount(mean=1e6, sd=1e5)
    found = expected(CaseHistory(requests=0, models={}), input_tokens=TokenCount(mean=10), output_tokens=huge)["gpt-4o"]
    most = CATALOG["gpt-4o"].max_output_tokens
    assert found.tokens is not None and found.cost is not None
    assert (found.tokens[1].mean, found.tokens[1].sd) == (most, pytest.approx(most / 10))
    assert found.cost.mean_usd == pytest.approx((10 * 2.5 + most * 10) / 1e6)


def test_latency_is_read_off_the_log_where_it_is_long_enough() -> None:
    """The quantile of two hundred measured latencies; of the first token where the workload streams."""
    latency = np.linspace(1.0, 3.0, 201)
    history = CaseHistory(requests=201, models={"gpt-4o": ModelHistory(latency_s=latency, ttft_s=latency / 10)})
    limits = Limits(latency_quantile=0.9)
    found = expected(history, limits=limits)["gpt-4o"]
    assert (found.latency_median_s, found.latency_s, found.timed) == (pytest.approx(2.0), pytest.approx(2.8), 201)
    streamed = expected(history, Workload.STREAMING, limits=limits)["gpt-4o"]
    assert streamed.latency_s == pytest.approx(0.28)
    prior = expected(CaseHistory(requests=0, models={}), limits=limits, output_tokens=TokenCount(mean=95))["gpt-4o"]
    assert prior.latency_median_s == pytest.approx(0.55 + 95 / 95) and prior.latency_s > prior.latency_median_s
