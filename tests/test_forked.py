"""Laws of the forked batch: the same decisions as in one process, whatever becomes of a worker."""

import multiprocessing
import os
from dataclasses import dataclass, replace

import numpy as np
import pytest

from arbiter import forked
from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.errors import InvalidInputError
from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.intake import read_request
from arbiter.policies import BanditPolicy, BanditSettings, GateSettings
from arbiter.records import Query, TaskProfile
from arbiter.router import AT_ONCE, Router
from arbiter.service import ServiceOptions, load
from arbiter.state import State

N = forked.LEAST_REQUESTS + 7


@pytest.fixture(scope="module")
def router() -> Router:
    """Explore with half of the traffic, so that chance matters."""
    cold = cold_start_router(Catalog.default())
    settings = BanditSettings(gate=GateSettings.fixed(0.5))
    return replace(cold, policy=BanditPolicy.fresh(len(cold.catalog), cold.context_map.dim, settings))


def queries(n: int = N) -> list[Query]:
    kinds = ("Prove lemma", "Translate sentence", "How much warfarin for patient", "hi")
    return [read_request(f"{kinds[i % 4]} {i}", None) for i in range(n)]


@pytest.mark.parametrize("workers", [2, 3])
def test_decisions_are_those_of_one_process(router: Router, workers: int) -> None:
    """Choices, ids and all numbers, to the last bit, in the order of the requests."""
    together = forked.route_batch(router, queries(), np.random.default_rng(4), workers)
    assert together == router.route_batch(queries(), np.random.default_rng(4))


@dataclass(frozen=True)
class Mortal:
    """A gatekeeper that ends its process at the second look, if that is not the first one's."""

    inner: Gatekeeper
    home: int

    def probabilities(self, queries: list[Query], batch: FeatureBatch) -> HeadProbabilities:
        """See the protocol."""
        if os.getpid() != self.home and queries[0].text.endswith(f" {2 * AT_ONCE}"):
            os._exit(9)
        return self.inner.probabilities(queries, batch)

    def profiles(self, queries: list[Query], heads: HeadProbabilities) -> list[TaskProfile]:
        """See the protocol."""
        return self.inner.profiles(queries, heads)

    def to_state(self) -> State:
        """See the protocol."""
        return self.inner.to_state()


def test_what_a_dead_worker_left_undone_is_done_here(router: Router) -> None:
    """A worker that the system kills costs time and no decision."""
    mortal = replace(router, gatekeeper=Mortal(router.gatekeeper, os.getpid()))
    found = forked.route_batch(mortal, queries(), np.random.default_rng(4), 2)
    assert found == router.route_batch(queries(), np.random.default_rng(4))


def test_an_error_while_drawing_ends_the_workers(router: Router) -> None:
    """They do not wait for a reader that has gone."""
    with pytest.raises(AttributeError):
        forked.route_batch(router, queries(4 * N), None, 2)  # type: ignore[arg-type]  # on purpose
    assert not multiprocessing.active_children()


def test_small_batches_and_one_worker_fork_nothing(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are decided by the caller's process."""
    monkeypatch.setattr(forked, "_assessed", lambda *_: pytest.fail("forked"))
    for n, workers in ((10, 4), (N, 1)):
        assert len(forked.route_batch(router, queries(n), np.random.default_rng(0), workers)) == n


def test_no_workers_are_refused(router: Router) -> None:
    """The message tells what is wanted."""
    with pytest.raises(InvalidInputError, match="workers must be 1 or more, got 0"):
        forked.route_batch(router, [], np.random.default_rng(0), 0)
    with pytest.raises(InvalidInputError, match="workers must be 1 or more, got -1"):
        ServiceOptions(workers=-1)


def test_a_service_divides_a_large_batch(router: Router) -> None:
    """It chooses what a service of one process does, and records every decision."""
    chosen = []
    for workers in (1, 2):
        with load(options=ServiceOptions(seed=1, workers=workers)) as service:
            service.swap(router)
            decisions = service.route_batch(queries())
            assert all(service.ledger.decision(d.id).model == d.model for d in decisions[::100])
            chosen.append([(d.model, d.propensity, d.degraded) for d in decisions])
    assert chosen[0] == chosen[1]
