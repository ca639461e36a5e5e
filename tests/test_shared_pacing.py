"""Laws of a budget that several processes spend, over one ledger.

Income counts once, spending is the sum, and what one process has not read of another cannot be spent twice.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from paced_fleet import FOLLOW_S, WORDS
from small_world import COST_USD, DEAR, small_learned

from arbiter.bundle import save_bundle
from arbiter.intake import read_request
from arbiter.ledger import SqliteLedger, open_ledger
from arbiter.pacing import ADVANCED, RESERVE, BudgetPacer, PacingOptions
from arbiter.policies import GreedyPolicy
from arbiter.purse import DAY_S, Purse
from arbiter.purses import purses_name, read_purses
from arbiter.records import Decision, Feedback, Outcome, Query
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.standing import StandingOptions

PER_REQUEST = PacingOptions(usd_per_request=0.003)
LOOK_S = 2.0
DEAR_USD = 1.2 * COST_USD[DEAR]
"""What the dearest answer may cost."""


@pytest.fixture(scope="module")
def router() -> Router:
    return replace(small_learned().router, policy=GreedyPolicy())


@dataclass(frozen=True)
class Spent:
    """What a ledger says of spending, one entry per decision, in the order of time."""

    at: np.ndarray
    usd: np.ndarray

    def over(self, income: np.ndarray) -> np.ndarray:
        """Give by how much the sum of spending exceeds that of income, after each decision."""
        return np.asarray(self.usd.cumsum() - income)


def spent(source: str | Path) -> Spent:
    with open_ledger(source) as ledger:
        rows = sorted(
            (event.timestamp, event.record.estimates[event.record.model].cost_usd)
            for _, event in ledger.events()
            if isinstance(event.record, Decision)
        )
    at, usd = np.array(rows).T
    return Spent(at, usd)


class Fleet:
    """N services on one ledger under a clock of the test's own; each looks every LOOK_S seconds, at its own time."""

    def __init__(self, router: Router, path: Path, n: int, options: PacingOptions) -> None:
        self.now = 1000.0
        self.services = [self._service(router, path, options, seed) for seed in range(n)]
        self.looked = [self.now - LOOK_S * i / n for i in range(n)]
        self.rng = np.random.default_rng(0)

    def _service(self, router: Router, path: Path, options: PacingOptions, seed: int) -> Arbiter:
        standing = StandingOptions(pacing=options)
        # It looks when the test says so, not on a thread.
        how = ServiceOptions(seed=seed, clock=lambda: self.now, follow_s=1e12, standing=standing)
        return Arbiter(router, SqliteLedger(path), how)

    def run(self, requests: int, per_s: float) -> None:
        """Let requests come at random times to random services."""
        for _ in range(requests):
            self.now += float(self.rng.exponential(1.0 / per_s))
            i = int(self.rng.integers(len(self.services)))
            if self.now - self.looked[i] >= LOOK_S:
                self.look(i)
            self.services[i].route(" ".join(self.rng.choice(WORDS, size=5)))

    def look(self, i: int) -> None:
        """Let one service read the ledger."""
        self.services[i].standing.follow(self.services[i].ledger)
        self.looked[i] = self.now

    def left(self, i: int) -> float:
        """Give what one service knows of the whole budget."""
        pacer = self.services[i].standing.pacer
        assert pacer is not None
        return pacer.status(self.services[i].router.catalog)[""]["left_usd"]

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *exc_info: object) -> None:
        for service in self.services:
            service.close()


@pytest.mark.parametrize(("n", "per_s"), [(1, 100.0), (4, 2.0), (4, 100.0), (12, 100.0)])
def test_services_that_look_now_and_then_never_overspend(router: Router, tmp_path: Path, n: int, per_s: float) -> None:
    """A budget per request, at every horizon: never above what may be spent ahead, and nothing lies idle.

    What is left at the end is no more than two dear answers for each service, which must have saved one to ask for one,
    and what the reserve keeps beside what may be spent ahead.
    """
    with Fleet(router, tmp_path / "l.db", n, PER_REQUEST) as fleet:
        fleet.run(600, per_s)
    found = spent(tmp_path / "l.db")
    came_in = 0.003 * np.arange(1, 601)
    over = found.over(came_in)
    assert (over <= ADVANCED * came_in).all()
    assert -over[-1] <= 2 * n * DEAR_USD + RESERVE * 0.003 - ADVANCED * came_in[-1]


def test_a_day_is_paid_once(router: Router, tmp_path: Path) -> None:
    """Four services under one budget by the clock: all of it is spent, and once they know of each other no more.

    In the first look's time each takes itself for the only one: that is the bound, four times the income until then.
    """
    per_s, each = 20.0, 0.003
    with Fleet(router, tmp_path / "l.db", 4, PacingOptions(usd_per_day=per_s * each * DAY_S)) as fleet:
        fleet.run(1200, per_s)
    found = spent(tmp_path / "l.db")
    income = per_s * each * (found.at - found.at[0])
    over = found.over(income)
    assert over.max() <= 3 * per_s * each * 2 * LOOK_S
    assert over[-1] == pytest.approx(0.0, abs=0.01 * income[-1] + 8 * DEAR_USD)


def test_all_come_to_the_fold(router: Router, tmp_path: Path) -> None:
    """After a look every service knows what one knows that starts, to the bit; before it, what it did itself."""
    options = PacingOptions(usd_per_day=0.06 * DAY_S, start_usd=0.05, most_carried_usd=0.2)
    with Fleet(router, tmp_path / "l.db", 3, options) as fleet:
        fleet.run(200, 20.0)
        some = [event.record for _, event in fleet.services[0].ledger.events() if isinstance(event.record, Decision)]
        for i, decision in enumerate(some[::5]):  # calls add up; feedback corrects feedback and gives way to calls
            service = fleet.services[i % 3]
            service.feedback(decision.id, cost_usd=0.02)
            service.feedback(decision.id, cost_usd=0.001 * i)
            if i % 2:
                for _ in range(3):
                    service.record(Outcome(decision_id=decision.id, model=decision.model, ok=True, cost_usd=0.004))
                service.record(Outcome(decision_id=decision.id, model="another", ok=True, cost_usd=0.002))
        for i in range(3):
            fleet.look(i)
        with Fleet(router, tmp_path / "l.db", 1, options) as started:
            assert [fleet.left(i) for i in range(3)] == [started.left(0)] * 3


def test_a_start_from_a_snapshot_is_the_fold(router: Router, tmp_path: Path) -> None:
    """To the bit, with corrections of what lies before it; and what was pruned is not lost to it."""
    options = PacingOptions(usd_per_day=0.06 * DAY_S, tenants={"ada": 500.0}, start_usd=0.05, most_carried_usd=0.2)
    with Fleet(router, tmp_path / "l.db", 2, options) as fleet:
        fleet.run(120, 20.0)
        fleet.services[0].route("integral", user="ada")
        assert fleet.services[0].snapshot()
        held = fleet.services[0].ledger
        old = [event.record for _, event in held.events() if isinstance(event.record, Decision)][:100]
        for decision in old[::3]:
            fleet.services[1].record(Outcome(decision_id=decision.id, model=decision.model, ok=True, cost_usd=0.001))
        fleet.run(80, 20.0)
        with Fleet(router, tmp_path / "l.db", 1, options) as started:
            assert isinstance(held, SqliteLedger)
            ((payload,),) = held._rows("SELECT payload FROM snapshots WHERE name LIKE 'pacing-%'")
            with held._writing() as transaction:
                transaction.execute("DELETE FROM snapshots", ())
            with Fleet(router, tmp_path / "l.db", 1, options) as folded:
                assert folded.services[0].standing.pacer is not None and started.services[0].standing.pacer is not None
                statuses = [one.services[0].standing.pacer.status(router.catalog) for one in (started, folded)]
                assert statuses[0] == statuses[1] and set(statuses[0]) == {"", "ada"}
        before = fleet.services[0].standing
        fleet.now += 10 * DAY_S
        assert fleet.services[0].prune(5.0).events > 200
        with Fleet(router, tmp_path / "l.db", 1, options) as pruned:
            assert before.pacer is not None
            assert pruned.left(0) == before.pacer.status(router.catalog)[""]["left_usd"]
    assert read_purses(options, payload) is not None
    for text in ("", "[]", "{}", payload[:-9], payload.replace("left_usd", "rest")):
        assert read_purses(options, text) is None
    named = PacingOptions(usd_per_day=1.0, tenant=lambda query: "all")
    assert purses_name(named) is None and purses_name(options) != purses_name(PER_REQUEST)


@dataclass
class Told:
    """A ledger of two pacers in a test: what one did the other reads when the test says so."""

    pacers: tuple[BudgetPacer, BudgetPacer]
    router: Router
    at: float = 0.0

    def decide(self, i: int, kept: bool = True) -> tuple[Decision, Callable[[], None]]:
        """Decide a request by one pacer; give the decision, and what lets both read it."""
        query = Query(text="river", input_tokens=3)
        decision = self.router.route(query, np.random.default_rng(int(self.at)))
        decision = replace(decision, id=f"d{self.at}")
        self.at += 1.0
        self.pacers[i].asked(query, self.router.catalog, self.at)
        self.pacers[i].decided(query, decision, self.at)
        at = self.at
        return decision, lambda: self.read([(decision, at)] if kept else [])

    def read(self, events: Sequence[tuple[Decision | Outcome | Feedback, float]]) -> None:
        """Let both read events of the ledger."""
        for pacer in self.pacers:
            mark = pacer.mark()
            for record, at in events:
                pacer.take(record, at)
            pacer.caught_up(mark)

    def left(self, i: int) -> float:
        """Give what one knows of the whole budget."""
        return self.pacers[i].status(self.router.catalog)[""]["left_usd"]


@pytest.fixture
def told(router: Router) -> Told:
    options = PacingOptions(usd_per_request=0.01)
    return Told((BudgetPacer(options, shared=True), BudgetPacer(options, shared=True)), router)


def test_a_decision_counts_once_before_and_after_it_is_read(told: Told) -> None:
    """In the process that made it: income and cost at once, and the same when the ledger gives it back."""
    decision, read = told.decide(0)
    cost = decision.estimates[decision.model].cost_usd
    assert told.left(0) == pytest.approx(0.01 - cost)
    read()
    assert told.left(0) == told.left(1) == pytest.approx(0.01 - cost)
    read()  # an event that is read twice, as after a lost connection
    assert told.left(0) == told.left(1) == pytest.approx(0.01 - cost)


def test_what_the_ledger_refused_was_spent_all_the_same(told: Told) -> None:
    """The process that served it counts it, the others cannot know."""
    decision, read = told.decide(0, kept=False)
    cost = decision.estimates[decision.model].cost_usd
    read()
    told.decide(1)[1]()
    assert told.left(0) == pytest.approx(0.02 - 2 * cost)
    assert told.left(1) == pytest.approx(0.01 - cost)


def test_another_process_answers_count(told: Told) -> None:
    """What one decided and another was told the cost of, both settle."""
    decision, read = told.decide(0)
    read()
    answer = Feedback(decision_id=decision.id, cost_usd=0.004)
    told.pacers[1].answered(answer)
    assert told.left(1) == pytest.approx(0.006)
    told.read([(answer, 5.0)])
    assert told.left(0) == told.left(1) == pytest.approx(0.006)


def test_reservations_of_a_process_that_died_end_as_expected_costs(told: Told) -> None:
    """Nothing waits for it: what it had decided cost what was expected, until somebody says otherwise."""
    decision, read = told.decide(0)
    read()  # and the process is gone
    cost = decision.estimates[decision.model].cost_usd
    assert told.left(1) == pytest.approx(0.01 - cost)
    late = Outcome(decision_id=decision.id, model=decision.model, ok=False, cost_usd=0.0)
    told.read([(late, 900.0)])
    assert told.left(1) == pytest.approx(0.01)


def test_parts_of_a_budget_add_up_to_it() -> None:
    """Each process' part is that of its requests lately, whatever the order; a new one has a twentieth."""
    rng, purses = np.random.default_rng(0), [Purse(left_usd=8.0) for _ in range(3)]
    for by in rng.choice(3, size=500, p=[0.6, 0.3, 0.1]):
        purses = [purse.counted(0.05, mine=by == i) for i, purse in enumerate(purses)]
    parts = [purse.part() for purse in purses]
    assert sum(part.left_usd for part in parts) == pytest.approx(8.0)
    assert [part.share for part in parts] == pytest.approx([0.6, 0.3, 0.1], abs=0.06)
    assert replace(purses[0], own=0.0).part().left_usd == pytest.approx(8.0 / 20)
    assert Purse(left_usd=8.0).part().left_usd == 8.0


def test_a_decision_that_others_have_overtaken_is_not_taken(router: Router) -> None:
    """Whoever was drawn, if one who was eligible may cost more than is left now; and nothing has changed then."""
    query = read_request("theorem proof")
    for model in router.catalog.names:
        pacer = BudgetPacer(PacingOptions(usd_per_request=0.003, start_usd=0.015))
        _, allowed = pacer.asked(query, router.catalog, 0.0)
        assert allowed == pytest.approx(0.018 + ADVANCED * 0.003)
        placed = replace(query, circumstances=replace(query.circumstances, paced_usd=allowed))
        decision = router.route(placed, np.random.default_rng(0))
        assert set(decision.action_probs) == set(router.catalog.names)
        assert pacer.reserve(placed, replace(decision, id="first", model=DEAR), 0.0)
        before, late = pacer.status(router.catalog), replace(decision, model=model)
        assert not pacer.reserve(placed, late, 0.0) and pacer.status(router.catalog) == before
        pacer.decided(placed, late, 0.0)
        assert pacer.status(router.catalog) != before


def test_threads_pace_as_one_does(router: Router) -> None:
    """Eight at once, 600 requests: no more than may be spent ahead, and within a twentieth of what one alone spends."""
    prompts = [" ".join(np.random.default_rng(i).choice(WORDS, size=5)) for i in range(600)]
    spent = {}
    for threads in (1, 8):
        options = ServiceOptions(seed=0, clock=lambda: 0.0, standing=StandingOptions(pacing=PER_REQUEST))
        service = Arbiter(router, None, options)
        with ThreadPoolExecutor(threads) as pool:
            decisions = list(pool.map(service.route, prompts))
        spent[threads] = sum(d.estimates[d.model].cost_usd for d in decisions)
    assert spent[8] <= (1.0 + ADVANCED) * 600 * 0.003
    assert spent[8] == pytest.approx(spent[1], rel=0.05)


def test_a_batch_is_paced_as_its_requests_one_by_one(router: Router) -> None:
    """The first batch of a small budget does not spend it many times over."""
    prompts = [" ".join(np.random.default_rng(i).choice(WORDS, size=5)) for i in range(60)]
    standing = StandingOptions(pacing=PacingOptions(usd_per_request=0.002))
    batch, single = (Arbiter(router, None, ServiceOptions(seed=0, clock=lambda: 0.0, standing=standing)) for _ in "ab")
    together = batch.route_batch(prompts)
    assert [d.model for d in together] == [single.route(p).model for p in prompts]
    costs = np.array([d.estimates[d.model].cost_usd for d in together])
    assert (costs.cumsum() <= (1.0 + ADVANCED) * 0.002 * np.arange(1, 61)).all()


# real processes


class Servers:
    """Starts processes of one bundle that spend over one ledger."""

    def __init__(self, bundle: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("paced_fleet.py")), str(bundle)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, line: str) -> None:
        """Write a line to the parent of the servers."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def heard(self) -> str:
        """Read a line of its."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self, n: int, **job: object) -> list[int]:
        """Start n servers and give their process ids."""
        pids = []
        for seed in range(n):
            self.say(json.dumps({**job, "seed": seed}))
            pids.append(int(self.heard()))
        return pids

    def finish(self, pids: Sequence[int]) -> list[int]:
        """Wait for servers and give their exit statuses."""
        self.say("")
        ended = dict(tuple(map(int, self.heard().split()[1:])) for _ in pids)
        return [ended[pid] for pid in pids]


@pytest.fixture(scope="module")
def servers(router: Router, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    if not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    bundle = tmp_path_factory.mktemp("paced") / "bundle"
    save_bundle(router, bundle)
    made = Servers(bundle)
    yield made
    made.process.kill()
    made.process.communicate()


@pytest.fixture(params=["sqlite", "postgres"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres").new_database())
    return str(tmp_path / "ledger.db")


def test_four_processes_spend_what_one_does(servers: Servers, source: str, tmp_path: Path) -> None:
    """A budget per request: within 1 % of one process' total, and two dear answers saved up in each process more.

    And never above what came in, at any horizon, by more than 1 %.
    """
    job: dict[str, object] = {"options": {"usd_per_request": 0.003}, "pause_s": 0.01}
    one = str(tmp_path / "one.db")
    assert servers.finish(servers.start(1, ledger=one, requests=800, **job | {"pause_s": 0.0})) == [0]
    assert servers.finish(servers.start(4, ledger=source, requests=200, **job)) == [0] * 4
    alone, together = spent(one), spent(source)
    assert len(together.usd) == 800
    assert together.usd.sum() == pytest.approx(alone.usd.sum(), abs=0.01 * alone.usd.sum() + 8 * DEAR_USD)
    came_in = 0.003 * np.arange(1, 801)
    assert (together.over(came_in) <= 0.01 * came_in).all()


def test_four_processes_share_a_day(servers: Servers, source: str) -> None:
    """By the clock: from five looks after the start on never above what came in, and little left while all four run.

    That is what two dear answers cost for each, which must have saved one to ask for one. Before, each may take itself
    for the only one: three times the income of two looks. When one ends, its part waits for some seconds until the
    others have it; so what is left is looked at after three quarters of the requests.
    """
    per_s = 0.3
    job: dict[str, object] = {"options": {"usd_per_day": per_s * DAY_S}, "pause_s": 0.02}
    assert servers.finish(servers.start(4, ledger=source, requests=200, **job)) == [0] * 4
    found = spent(source)
    income = per_s * (found.at - found.at[0])
    over, started = found.over(income), found.at - found.at[0] < 5 * FOLLOW_S
    assert over[started].max() <= 3 * per_s * 2 * FOLLOW_S + DEAR_USD
    assert (over[~started] <= 0.01 * income[~started]).all()
    assert -over[600] <= 0.01 * income[600] + 8 * DEAR_USD


def test_a_killed_process_leaves_a_budget_that_adds_up(servers: Servers, source: str, router: Router) -> None:
    """The others go on and spend what came in; a start knows what the fold knows."""
    job: dict[str, object] = {"options": {"usd_per_request": 0.003}, "pause_s": 0.01}
    pids = servers.start(4, ledger=source, requests=150, **job)
    time.sleep(1.0)
    os.kill(pids[0], signal.SIGKILL)
    assert servers.finish(pids) == [-signal.SIGKILL, 0, 0, 0]
    found = spent(source)
    assert 450 <= len(found.usd) < 600
    came_in = 0.003 * np.arange(1, len(found.usd) + 1)
    assert (found.over(came_in) <= 0.01 * came_in + 2 * DEAR_USD).all()
    standing = StandingOptions(pacing=PER_REQUEST)
    with open_ledger(source) as ledger:
        pacer = Arbiter(router, ledger, ServiceOptions(standing=standing)).standing.pacer
        assert pacer is not None
        left = pacer.status(router.catalog)[""]["left_usd"]
    assert left == pytest.approx(came_in[-1] - found.usd.sum(), abs=1e-9)
