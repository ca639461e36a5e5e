"""A router tried on traffic: exact where every model answered, estimated where the log chose by known chances."""

import datetime
import functools
from pathlib import Path

import numpy as np
import pytest
from small_world import CHEAP, COST_USD, DEAR, MIDDLE, small_learned, small_records, small_truth, write_jsonl

from arbiter.bundle import save_bundle
from arbiter.catalog import Catalog
from arbiter.ope.distributions import student_t_quantile
from arbiter.planning import RoutingTrial, plan_file
from arbiter.planning.file import parse_plan
from arbiter_training.planning.traffic_history import HistorySource
from arbiter_training.planning.trial import routing_trial
from arbiter_training.simulate import Uniform, simulate_log
from arbiter_training.traffic import OutcomeMatrix, pivot, traffic_from_records

TODAY = datetime.date(2026, 12, 1)
FILE = '[[use_case]]\nname = "a"\nworkload = "batch"\nrequests_per_day = 10\n'
PER_USD = 20.0
"""Quality points that a dollar is worth: 0.24 for the dearest answer."""


def tried(outcomes: OutcomeMatrix) -> RoutingTrial:
    """Try the small world's router on other requests of the same world."""
    found = routing_trial("mine", small_learned().router, outcomes, {}, PER_USD)
    assert isinstance(found, RoutingTrial), found
    return found


@functools.cache
def truth() -> OutcomeMatrix:
    """Give requests that the router has not seen, answered by every model."""
    return small_truth(2000, seed=9)


def test_with_every_answer_known_the_trial_is_arithmetic() -> None:
    """Means over the chosen cells; lower ends of three paired means at one sixtieth each, by Student's t."""
    whole, found = truth(), tried(truth())
    chosen = small_learned().router.route_batch(whole.queries, np.random.default_rng(0))
    action = np.array([whole.models.index(decision.model) for decision in chosen])
    rows = np.arange(whole.n)
    assert found.quality == pytest.approx(whole.quality[rows, action].mean())
    assert found.mean_cost_usd == pytest.approx(whole.cost_usd[rows, action].mean())
    utility = whole.quality - PER_USD * whole.cost_usd
    best = int(utility.mean(axis=0).argmax())
    assert found.single == whole.models[best]
    assert found.single_cost_usd == pytest.approx(whole.cost_usd[:, best].mean())
    t = student_t_quantile(1.0 - 0.05 / 6.0, whole.n - 1)
    for k, model in enumerate(whole.models):
        gain = utility[rows, action] - utility[:, k]
        low = gain.mean() - t * gain.std(ddof=1) / whole.n**0.5
        assert found.utility_gain[model] == pytest.approx(low, abs=1e-4)
    assert found.beats_all and sum(found.share.values()) == pytest.approx(1.0)


def test_a_log_of_one_answer_each_says_the_same_less_surely() -> None:
    """A third of the answers at random: the same choices, means within errors, lower ends lower, and it still wins."""
    whole, part = tried(truth()), tried(pivot(simulate_log(truth(), Uniform(), 1).to_table()))
    assert part.share == whole.share and part.single == whole.single
    assert part.quality == pytest.approx(whole.quality, abs=0.02)  # 667 answers of sd .1, about five errors
    assert part.mean_cost_usd == pytest.approx(whole.mean_cost_usd, rel=0.05)
    assert all(part.utility_gain[m] < whole.utility_gain[m] for m in whole.utility_gain)
    assert part.beats_all


def test_a_log_that_chose_by_request_is_weighed() -> None:
    """Costs of the requests that a model got are those of all that it would get, whatever the log preferred."""
    whole = truth()
    dear = whole.cost_usd[:, whole.models.index(CHEAP)] > COST_USD[CHEAP]
    chance = np.where(dear, 0.8, 0.2)  # the cheap model was asked above all where it is dear
    chances = np.column_stack([chance, (1.0 - chance) / 2.0, (1.0 - chance) / 2.0])
    rng, models = np.random.default_rng(0), (CHEAP, MIDDLE, DEAR)
    asked = [int(rng.choice(3, p=row)) for row in chances]
    rows = [
        {**row, "propensity": float(chances[i, asked[i]])}
        for i, row in ((int(str(r["request_id"])[1:]), r) for r in small_records(2000, 9))
        if row["model"] == models[asked[i]]
    ]
    part, full = tried(pivot(traffic_from_records(rows))), tried(whole)
    logged = part.cost_usd[CHEAP]
    assert part.mean_cost_of(CHEAP) == pytest.approx(full.mean_cost_of(CHEAP), rel=0.02)
    assert logged.mean() > 1.05 * full.mean_cost_of(CHEAP)


def test_what_a_log_cannot_tell_is_said() -> None:
    """Chances that were not logged, costs that nobody noted, and a router that asks whom the log does not know."""
    one = [{k: v for k, v in row.items()} for row in small_records(60, 4) if row["model"] == CHEAP]
    router = small_learned().router
    two = one + [{**row, "model": DEAR, "request_id": f"x{row['request_id']}"} for row in one]
    lacking = routing_trial("mine", router, pivot(traffic_from_records(two)), {}, PER_USD)
    assert isinstance(lacking, str) and "mine is not tried" in lacking
    free = [{k: v for k, v in row.items() if k != "cost_usd"} for row in small_records(60, 4)]
    nothing = routing_trial("mine", router, pivot(traffic_from_records(free)), {}, PER_USD)
    assert nothing == "mine is not tried: the log holds no cost; add a column 'cost_usd'"


def test_a_router_is_tried_on_requests_that_it_has_not_seen(tmp_path: Path) -> None:
    """Its choices are priced request by request; one that was trained on this very log is refused."""
    router = small_learned().router
    save_bundle(router, tmp_path / "bundle")
    write_jsonl(tmp_path / "log.jsonl", small_records(80, seed=3))
    (tmp_path / "plan.toml").write_text(FILE)
    source = HistorySource([tmp_path / "log.jsonl"], str(tmp_path / "bundle"))
    plan = plan_file(tmp_path / "plan.toml", router.catalog, TODAY, source.read)
    found = plan.returns[0]
    assert found.policy == str(tmp_path / "bundle") and found.single in router.catalog
    history = source.read(_spec_of(tmp_path / "plan.toml", router.catalog), router.catalog)
    trial = history.of("a").routing
    assert trial is not None and sum(costs.size for costs in trial.cost_usd.values()) == trial.requests
    assert set(trial.utility_gain) == set(router.catalog.names)


def test_a_router_is_tried_within_what_the_use_case_never_gives_up(tmp_path: Path) -> None:
    """A model on the deny list gets nothing, though it is the router's favourite otherwise."""
    router = small_learned().router
    save_bundle(router, tmp_path / "bundle")
    write_jsonl(tmp_path / "log.jsonl", small_records(80, seed=3))
    source = HistorySource([tmp_path / "log.jsonl"], str(tmp_path / "bundle"))
    share = tried(truth()).share
    favourite = max(share, key=lambda model: share[model])
    for deny in ("", f'deny = ["{favourite}"]\n'):
        (tmp_path / "plan.toml").write_text(FILE + deny)
        trial = source.read(_spec_of(tmp_path / "plan.toml", router.catalog), router.catalog).of("a").routing
        assert trial is not None and (favourite in trial.share) == (not deny)


def _spec_of(path: Path, catalog: Catalog):  # type: ignore[no-untyped-def]  # tests
    return parse_plan(path, catalog, TODAY)[0]
