"""Laws of learning together and of starting again: whoever recorded it, the state is the fold over the ledger."""

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from postgres_server import PostgresServer
from small_world import small_learned

from arbiter.bundle import load_bundle, save_bundle
from arbiter.errors import InvalidInputError
from arbiter.judgements import FeedbackRules
from arbiter.learning import Replay, resumed
from arbiter.ledger import WATCH, BufferedLedger, EventKind, Ledger, SqliteLedger, open_ledger
from arbiter.pacing import PacingOptions
from arbiter.policies import BanditPolicy, BanditSettings
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.snapshots import policy_text, read_policy
from arbiter.standing import StandingOptions

DAY_S = 86_400.0
PROMPTS = ("capital river month", "theorem proof integral")

Open = Callable[[], Ledger]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        """Give the time."""
        return self.now


@pytest.fixture(scope="module")
def router() -> Router:
    """Give a router that forgets by feedback and by the clock, so that order and time matter."""
    learned = small_learned().router
    settings = BanditSettings(half_life_feedback=50.0, half_life_s=3600.0)
    return replace(learned, policy=BanditPolicy.fresh(len(learned.catalog), learned.context_map.dim, settings))


@pytest.fixture(params=["file", "buffered", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Give a function that opens one and the same ledger."""
    postgres = request.param == "postgres"
    source = request.getfixturevalue("postgres").new_database() if postgres else tmp_path / "ledger.db"
    opened: list[Ledger] = []

    def open_it() -> Ledger:
        ledger: Ledger = open_ledger(source)
        opened.append(BufferedLedger(ledger) if request.param != "file" else ledger)
        return opened[-1]

    yield open_it
    for ledger in opened:
        ledger.close()


def serve(router: Router, ledger: Ledger, clock: Clock, **options: object) -> Arbiter:
    return Arbiter(router, ledger, ServiceOptions(seed=0, clock=clock, **options))  # type: ignore[arg-type]


def taught(service: Arbiter, clock: Clock, n: int = 30) -> list[str]:
    """Route and judge n requests, correct every third judgement, and give the decisions' ids."""
    decisions = service.route_batch([PROMPTS[i % 2] for i in range(n)])
    for i, decision in enumerate(decisions):
        clock.now += 60.0
        service.feedback(decision.id, quality=(i * 7 % 11) / 10)
        if i % 3 == 0:
            service.feedback(decision.id, quality=(i * 5 % 11) / 10)
    return [decision.id for decision in decisions]


def folded(router: Router, ledger: Ledger) -> str:
    """Give the state of a fold over the whole ledger, without snapshot."""
    replayed = Replay(router=router)
    replayed.catch_up(ledger)
    return policy_text(replayed.router.policy)


def state(service: Arbiter) -> str:
    return policy_text(service.router.policy)


# several processes


def test_services_learn_from_each_other(router: Router, shared: Open) -> None:
    """Feedback goes to either of two services; after the last each has the fold over all, bit for bit."""
    clock = Clock()
    one, two = serve(router, shared(), clock), serve(router, shared(), clock)
    for number, (service, other) in enumerate(itertools.islice(itertools.cycle([(one, two), (two, one)]), 12)):
        decision = service.route(PROMPTS[number % 2])
        service.ledger.events()  # a buffered ledger writes what is pending
        clock.now += 10.0
        other.feedback(decision.id, quality=number / 12)
        assert state(other) == folded(router, other.ledger)
    two.feedback(decision.id, latency_s=1.0)  # teaches nothing, and looks
    assert state(one) == state(two) == folded(router, one.ledger)


def test_serving_alone_follows_the_ledger(router: Router, shared: Open) -> None:
    """A service that only routes takes in what another recorded once the time has come, and not before."""
    clock = Clock()
    writer, reader = serve(router, shared(), clock), serve(router, shared(), clock, follow_s=2.0)
    before = state(reader)
    writer.feedback(writer.route(PROMPTS[0]).id, quality=0.0)
    clock.now += 1.0
    reader.route(PROMPTS[0])
    assert state(reader) == before
    clock.now += 1.5
    reader.route(PROMPTS[0])
    reader._follower.close()  # waits for the look
    assert state(reader) == state(writer) != before


def test_threads_of_two_services_come_to_one_state(router: Router, shared: Open) -> None:
    """2 services x 4 threads x 25 route and feedback calls: no error, and both end in the fold."""
    clock, errors = Clock(), list[Exception]()
    services = [serve(router, shared(), clock, follow_s=0.0) for _ in range(2)]

    def work(service: Arbiter, number: int) -> None:
        try:
            for i in range(25):
                service.feedback(service.route(PROMPTS[i % 2]).id, quality=((i + number) % 11) / 10)
        except Exception as error:  # noqa: BLE001  # whatever a thread dies of is what the test must see
            errors.append(error)

    threads = [threading.Thread(target=work, args=(services[n % 2], n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for service in services:
        service._learner.learn()
        assert len(list(service.ledger.judged())) == 200
        assert state(service) == folded(router, service.ledger)


@pytest.mark.parametrize(
    ("shared", "calls"),
    [
        ("buffered", 40),
        ("postgres", 40),
        pytest.param("buffered", 10_000, marks=pytest.mark.slow),
        pytest.param("postgres", 1_000, marks=pytest.mark.slow),
    ],
    indirect=["shared"],
)
def test_32_threads_leave_the_state_of_a_sequential_fold(router: Router, shared: Open, calls: int) -> None:
    """32 threads x so many calls, half of them route, half feedback, some of it corrections: no error, no deadlock."""
    clock, errors = Clock(), list[Exception]()
    service = serve(router, shared(), clock, follow_s=0.0)

    def work(number: int) -> None:
        ids: list[str] = []
        try:
            for i in range(calls // 2):
                ids.append(service.route(PROMPTS[i % 2]).id)
                service.feedback(ids[-1 if i % 4 else i // 2], quality=((i + number) % 11) / 10)
        except Exception as error:  # noqa: BLE001  # whatever a thread dies of is what the test must see
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3600.0)
    assert not errors and not any(thread.is_alive() for thread in threads)
    counts = Counter(count.kind for count in service.ledger.counts() for _ in range(count.events))
    assert counts[EventKind.DECISION] == 16 * calls
    assert state(service) == folded(router, service.ledger)


# snapshots


def test_a_start_goes_on_at_the_snapshot(router: Router, shared: Open) -> None:
    """It is used, and corrections of what lies before it come out as in the fold over everything."""
    clock = Clock()
    first = serve(router, shared(), clock)
    ids = taught(first, clock)
    assert first.snapshot()
    at = first.ledger.last_judged()
    for number, identity in enumerate(ids[:10]):
        clock.now += 1.0
        first.feedback(identity, quality=number / 10, key="second" if number % 2 else "")
    found = resumed(router, first.ledger, FeedbackRules())
    assert found.position == at
    second = serve(router, shared(), clock)
    assert state(second) == state(first) == folded(router, first.ledger)


def test_many_feedbacks_leave_a_snapshot_by_themselves(router: Router, tmp_path: Path) -> None:
    """After 500 of them, counted over all that a start had to fold."""
    clock = Clock()
    with serve(router, SqliteLedger(tmp_path / "l.db"), clock) as service:
        taught(service, clock, 390)  # 520 feedbacks
        found = resumed(router, service.ledger, FeedbackRules())
        assert 0 < found.position < service.ledger.last_judged()
        assert state(service) == folded(router, service.ledger)


def test_a_snapshot_serves_its_own_fold_alone(router: Router, tmp_path: Path) -> None:
    """Other settings, another context map's vectors, other candidates or other rules fold anew."""
    clock = Clock()
    with serve(router, SqliteLedger(tmp_path / "l.db"), clock) as service:
        taught(service, clock)
        service.snapshot()
        ledger, rules = service.ledger, FeedbackRules()
        assert resumed(router, ledger, rules).position > 0
        policy = BanditPolicy.fresh(len(router.catalog), router.context_map.dim, BanditSettings(noise_sd=0.2))
        renamed = router.catalog.replace(router.catalog.names[0], name="another")
        deaf = FeedbackRules(precision={source: 0.0 for source in rules.precision})
        others = [(replace(router, policy=policy), rules), (replace(router, catalog=renamed), rules), (router, deaf)]
        for other, by in others:
            assert resumed(other, ledger, by).position == 0


def test_a_snapshot_that_cannot_be_read_costs_time_alone(router: Router, tmp_path: Path) -> None:
    """A text that is no policy is passed over; the state is the same."""
    clock = Clock()
    with serve(router, SqliteLedger(tmp_path / "l.db"), clock) as service:
        taught(service, clock)
        service.snapshot()
        ledger = service.ledger
        assert isinstance(ledger, SqliteLedger)
        ((name,),) = ledger._rows("SELECT name FROM snapshots WHERE name NOT LIKE ?", f"{WATCH}%")
        kept = ledger.snapshot(name)
        assert kept is not None
        for text in ("", "{}", '{"kind": "bandit_policy", "settings": {}, "arrays": {}}'):
            ledger.keep_snapshot(name, replace(kept, payload=text))
            assert resumed(router, ledger, FeedbackRules()).position == 0
            assert state(serve(router, ledger, clock)) == state(service)


def test_a_policy_comes_back_from_its_text_bit_for_bit(router: Router, tmp_path: Path) -> None:
    """Also what is computed from the sums, so that the next feedback moves it alike."""
    clock = Clock()
    with serve(router, SqliteLedger(tmp_path / "l.db"), clock) as service:
        taught(service, clock)
        policy = service.router.policy
    again = read_policy(policy_text(policy))
    assert isinstance(policy, BanditPolicy) and isinstance(again, BanditPolicy)
    assert policy_text(again) == policy_text(policy)
    assert (again.belief.covariance == policy.belief.covariance).all()
    assert (again.belief.mean == policy.belief.mean).all()


def test_what_is_no_fold_of_a_bundle_leaves_no_snapshot(router: Router, tmp_path: Path) -> None:
    """A changed router, a reward without a version, a ledger in memory; a reward with a version does."""
    clock = Clock()
    service = serve(router, SqliteLedger(tmp_path / "l.db"), clock)
    service.change(lambda old: old)
    assert not service.snapshot()
    service.swap(router)
    assert service.snapshot()
    assert not serve(router, SqliteLedger(":memory:"), clock).snapshot()
    for version, kept in (("", False), ("1", True)):
        rules = FeedbackRules(reward=lambda _, feedback: feedback.quality, version=version)
        assert serve(router, SqliteLedger(tmp_path / "l.db"), clock, feedback=rules).snapshot() is kept


# bundles that have learned


def test_a_bundle_that_has_learned_counts_nothing_twice(router: Router, tmp_path: Path) -> None:
    """Saved while serving and loaded with the same ledger: the state goes on, and later feedback is learned once."""
    clock = Clock()
    with serve(router, SqliteLedger(tmp_path / "l.db"), clock) as service:
        ids = taught(service, clock)
        save_bundle(service.router, tmp_path / "bundle")
        service.feedback(ids[0], quality=1.0)
        service.feedback(ids[1], quality=0.0, key="late")
        at_the_end = state(service)
    loaded = load_bundle(tmp_path / "bundle")[0]
    with serve(loaded, SqliteLedger(tmp_path / "l.db"), clock) as again:
        assert state(again) == at_the_end
    with serve(loaded, SqliteLedger(tmp_path / "other.db"), clock) as elsewhere:
        assert state(elsewhere) == policy_text(loaded.policy)


def test_a_ledger_that_went_back_is_said_and_learned_from(
    router: Router, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A bundle that knows more than the ledger holds (a restored backup) starts at its end."""
    clock = Clock()
    with serve(router, SqliteLedger(tmp_path / "l.db"), clock) as service:
        taught(service, clock, 3)
        policy = service.router.policy
        assert isinstance(policy, BanditPolicy)
        ahead = replace(router, policy=policy.marked(service.ledger.identity, 10_000))
        with caplog.at_level(logging.WARNING), serve(ahead, service.ledger, clock) as again:
            assert "was it restored?" in caplog.text
            before = state(again)
            again.feedback(again.route(PROMPTS[0]).id, quality=0.0)
            assert state(again) != before


# retention


def test_pruning_leaves_the_state(router: Router, shared: Open, caplog: pytest.LogCaptureFixture) -> None:
    """Old decisions go after a snapshot; a start has the state of before; a bundle that never knew them is told."""
    clock = Clock()
    service = serve(router, shared(), clock)
    old = taught(service, clock)
    clock.now += 40 * DAY_S
    taught(service, clock, 6)
    before = state(service)
    done = service.prune(older_than_days=30)
    assert (done.events, done.held_back) == (69, 0)
    assert not {event.decision_id for _, event in service.ledger.events()} & set(old)
    with caplog.at_level(logging.WARNING):
        again = serve(router, shared(), clock)
        assert state(again) == before and not caplog.records
        taught(again, clock, 3)
        policy = BanditPolicy.fresh(len(router.catalog), router.context_map.dim, BanditSettings(noise_sd=0.2))
        serve(replace(router, policy=policy), shared(), clock)
        assert "judged decisions were deleted" in caplog.text
    with pytest.raises(InvalidInputError, match="older_than_days must be above 0, got 0"):
        service.prune(0)


def test_pruning_everything_leaves_the_state(
    router: Router, shared: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of an emptied ledger the snapshot still counts, and so does what a bundle has learned; nothing is logged."""
    clock = Clock()
    service = serve(router, shared(), clock)
    taught(service, clock)
    save_bundle(service.router, tmp_path / "bundle")
    before = state(service)
    clock.now += 40 * DAY_S
    assert service.prune(older_than_days=30).held_back == 0
    assert list(service.ledger.events()) == []
    with caplog.at_level(logging.WARNING):
        for start in (router, load_bundle(tmp_path / "bundle")[0]):
            assert state(serve(start, shared(), clock)) == before
    assert not caplog.records


@pytest.mark.parametrize("paced", [False, True])
def test_pruning_without_snapshots_keeps_what_was_judged(router: Router, tmp_path: Path, paced: bool) -> None:
    """With a reward that has no version nothing can be snapshot, so nothing that taught is deleted.

    A paced budget has a snapshot, but that does not hold what was learned.
    """
    clock = Clock()
    rules = FeedbackRules(reward=lambda _, feedback: feedback.quality)
    standing = StandingOptions(pacing=PacingOptions(usd_per_request=1.0) if paced else None)
    with serve(router, SqliteLedger(tmp_path / "l.db"), clock, feedback=rules, standing=standing) as service:
        taught(service, clock)
        service.route(PROMPTS[0])
        clock.now += 40 * DAY_S
        done = service.prune(older_than_days=30)
    assert (done.events, done.held_back) == (1, 30)


def test_postgres_by_url(router: Router, tmp_path: Path, postgres: PostgresServer) -> None:
    """load() takes the URL, and a second one finds what the first has learned."""
    from arbiter import load

    save_bundle(router, tmp_path / "bundle")
    url = postgres.new_database()
    with load(tmp_path / "bundle", ledger=url) as one:
        one.feedback(one.route(PROMPTS[0]).id, quality=0.0)
        with load(tmp_path / "bundle", ledger=url) as two:
            assert state(two) == state(one) != policy_text(router.policy)
