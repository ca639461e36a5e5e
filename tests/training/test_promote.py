"""The gate in the registry: what is promoted, what is refused, and the way back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import DEAR, MIDDLE, small_learned, small_truth

from arbiter import Router, load
from arbiter.bundle import save_bundle
from arbiter.errors import BundleError, InvalidInputError
from arbiter.policies import ConstantPolicy
from arbiter.service import Arbiter
from arbiter.watching import AliasWatcher
from arbiter_training.jobs.promote import GateAsk, PromoteJob, rollback, run
from arbiter_training.jobs.train import Tracking
from arbiter_training.sequential import LookPlan
from arbiter_training.tracking import CHALLENGER, CHAMPION, Tracker
from arbiter_training.traffic import write_traffic


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give requests that the routers have not seen, with every model's outcome."""
    path = tmp_path_factory.mktemp("traffic") / "later.jsonl"
    write_traffic(small_truth(400, seed=9).to_table(), path)
    return path


def bundle(folder: Path, router: Router) -> Path:
    save_bundle(router, folder)
    return folder


def constant(name: str) -> Router:
    """Give the learned router's estimates under a policy that always takes one model."""
    router = small_learned().router
    at = router.catalog.position(name)
    return replace(router, policy=ConstantPolicy(np.eye(len(router.catalog))[at]))


def job(folder: Path, traffic: Path, store: Path, **ask: object) -> PromoteJob:
    return PromoteJob(
        bundle=folder,
        traffic=(traffic,),
        tracking=Tracking(folder=store),
        ask=GateAsk(quality_per_usd=20.0, **ask),  # type: ignore[arg-type]
    )


def routed_while(watcher: AliasWatcher, service: Arbiter) -> int:
    """Swap while two threads route without a break; give how many requests they had answered meanwhile."""
    swapped, answered = threading.Event(), [0, 0]

    def route(place: int) -> None:
        while not swapped.is_set():
            assert service.route("tensor proof").model in service.router.catalog.names
            answered[place] += 1

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(route, place) for place in range(2)]
        try:
            assert watcher.check()
        finally:
            swapped.set()
        for each in running:
            each.result()
    return min(answered)


def test_champion_follows_the_gate_and_comes_back_by_rollback(
    tmp_path: Path, traffic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First a good constant against the best single; then a router better than it; never one that is worse."""
    store = tmp_path / "store"
    registry = Tracker(store).registry
    first = run(job(bundle(tmp_path / "a", constant(MIDDLE)), traffic, store, margin=0.5), quiet)
    assert first.decision.promote and registry.version_of("arbiter", CHAMPION) == first.version
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    service = load("models:/arbiter@champion")
    watcher = AliasWatcher(service, "models:/arbiter@champion")
    watcher.check()
    assert service.route("tensor proof").model == MIDDLE
    assert not watcher.check()

    better = run(job(bundle(tmp_path / "b", small_learned().router), traffic, store), quiet)
    assert better.decision.promote, better.lines()
    assert routed_while(watcher, service) > 0 and not watcher.check()
    assert service.router.policy.version == small_learned().router.policy.version

    worse = run(job(bundle(tmp_path / "c", constant(DEAR)), traffic, store), quiet)
    assert not worse.decision.promote and worse.decision.reasons
    assert registry.version_of("arbiter", CHAMPION) == better.version
    assert registry.version_of("arbiter", CHALLENGER) == worse.version

    assert rollback(Tracking(folder=store)) == first.version
    assert registry.version_of("arbiter", CHAMPION) == first.version
    assert rollback(Tracking(folder=store)) == better.version


def test_a_router_is_not_promoted_over_itself(tmp_path: Path, traffic: Path) -> None:
    """Equal is not better: at margin 0 the champion stays."""
    store = tmp_path / "store"
    folder = bundle(tmp_path / "a", small_learned().router)
    run(job(folder, traffic, store, margin=0.5), quiet)
    again = run(job(folder, traffic, store), quiet)
    assert not again.decision.promote
    assert any("utility" in reason for reason in again.decision.reasons)


def test_a_budget_is_kept_by_the_bound(tmp_path: Path, traffic: Path) -> None:
    """A router dearer than the budget is refused, and the reason names the budget."""
    refused = run(
        job(bundle(tmp_path / "a", constant(DEAR)), traffic, tmp_path / "store", margin=1.0, budget_usd=0.001), quiet
    )
    assert not refused.decision.promote
    assert any("0.001" in reason for reason in refused.decision.reasons)


def test_nothing_to_roll_back_to_is_said(tmp_path: Path) -> None:
    """Without a champion before this one, rollback refuses."""
    with pytest.raises(BundleError, match="nothing to roll back"):
        rollback(Tracking(folder=tmp_path))


def test_a_plan_shorter_than_the_log_is_refused(tmp_path: Path, traffic: Path) -> None:
    """The last look cannot lie behind the first."""
    folder = bundle(tmp_path / "a", small_learned().router)
    with pytest.raises(InvalidInputError, match="plan more"):
        run(job(folder, traffic, tmp_path / "store", planned_requests=10), quiet)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give one log at three times, and one that lost its beginning."""
    whole, folder = small_truth(400, seed=9), tmp_path_factory.mktemp("grown")
    rows = {"200": range(200), "300": range(300), "400": range(400), "late": range(50, 400)}
    for name, kept in rows.items():
        write_traffic(whole.subset(np.array(kept)).to_table(), folder / f"{name}.jsonl")
    return {name: folder / f"{name}.jsonl" for name in rows}


def test_looks_are_remembered_from_call_to_call(tmp_path: Path, grown: dict[str, Path]) -> None:
    """Each call knows of the looks before it; the same log again is the same look; another plan or log is refused."""
    store, folder = tmp_path / "store", bundle(tmp_path / "a", constant(MIDDLE))
    first = run(job(folder, grown["200"], store), quiet)
    second = run(job(folder, grown["300"], store), quiet)
    again = run(job(folder, grown["300"], store, budget_usd=1.0), quiet)
    assert first.look.startswith("look 1") and second.look == again.look and again.look.startswith("look 2")
    plan = LookPlan(planned_units=200, method="anytime")  # tuned at the first look, not anew at each
    assert second.decision.critical_value == again.decision.critical_value == plan.critical_value(300, (200,))
    for log in ("200", "late"):
        with pytest.raises(InvalidInputError, match="not that of the last look"):
            run(job(folder, grown[log], store), quiet)
    for change in ({"alpha": 0.1}, {"planned_requests": 2000}):
        with pytest.raises(InvalidInputError, match="another plan"):
            run(job(folder, grown["400"], store, **change), quiet)


def test_a_watcher_needs_an_alias_and_survives_its_absence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A version never moves; a registry that is away is logged, and the service goes on."""
    service = load()
    with pytest.raises(InvalidInputError, match="alias"):
        AliasWatcher(service, "models:/arbiter/3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'absent.db'}")
        before = service.router
        with AliasWatcher(service, "models:/arbiter@champion", interval_s=0.05), caplog.at_level("ERROR"):
            for _ in range(100):
                if caplog.records:
                    break
                time.sleep(0.05)
    assert "the last good router serves on" in caplog.text
    assert service.router is before
