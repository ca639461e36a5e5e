"""Laws of budget pacing."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_world import CHEAP, COST_USD, DEAR, MIDDLE, small_learned

from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.ledger import SqliteLedger
from arbiter.pacing import ADVANCED, BudgetPacer, PacingOptions
from arbiter.policies import GreedyPolicy
from arbiter.price_of_money import price_of_money
from arbiter.purse import DAY_S
from arbiter.records import Feedback, Outcome, Query
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.standing import StandingOptions
from arbiter.wishes import LEAST_OWN, WINDOW, Wish, Wishes


@pytest.fixture(scope="module")
def router() -> Router:
    return replace(small_learned().router, policy=GreedyPolicy())


def texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    words = ("theorem", "river", "proof", "colour", "integral", "capital", "deadlock", "month")
    return [" ".join(rng.choice(words, size=5)) for _ in range(n)]


def served(router: Router, options: PacingOptions, **more: object) -> Arbiter:
    clock = more.pop("clock", lambda: 0.0)
    standing = StandingOptions(pacing=options)
    return Arbiter(router, more.pop("ledger", None), ServiceOptions(seed=0, standing=standing, clock=clock))  # type: ignore[arg-type]


def expected_costs(service: Arbiter, prompts: list[str]) -> np.ndarray:
    decisions = [service.route(prompt) for prompt in prompts]
    return np.array([d.estimates[d.model].cost_usd for d in decisions])


def test_the_price_of_money_by_hand() -> None:
    """Two requests gain 0.3 and 0.1 by a dollar: at 0.5 dollars a request the second goes without, from 0.1 on."""
    wanted, cost = np.array([[0.5, 0.8], [0.5, 0.6]]), np.array([[0.0, 1.0], [0.0, 1.0]])
    assert price_of_money(wanted, cost, 1.0) == 0.0
    assert price_of_money(wanted, cost, 0.5) == pytest.approx(0.1, rel=1e-6)
    assert price_of_money(wanted, cost, 0.2) == pytest.approx(0.3, rel=1e-6)
    assert price_of_money(wanted, cost + 1.0, 0.5) == 1e9  # nothing is so cheap


@pytest.mark.parametrize("budget", [0.001, 0.002, 0.003, 0.005])
def test_spending_follows_the_budget_and_buys_what_it_could(router: Router, budget: float) -> None:
    """Over 2,000 requests: within 1 % of what came in, and no quality unbought.

    On the way, after the first hundred, never above what came in by more than what may be spent ahead, and never below
    it by more than 30 requests bring in: the reserve, and what the next dear answers may cost. The quality is within a
    hundredth of what the same money buys by hindsight, at the one price of money for all requests.
    """
    service = served(router, PacingOptions(usd_per_request=budget))
    decisions = [service.route(prompt) for prompt in texts(2000)]
    names, each = router.catalog.names, np.arange(2000)
    quality, cost = (
        np.array([[getattr(d.estimates[name], what) for name in names] for d in decisions])
        for what in ("quality", "cost_usd")
    )
    chosen = np.array([names.index(d.model) for d in decisions])
    spent, came_in = cost[each, chosen].cumsum(), budget * np.arange(1, 2001)
    assert spent[-1] == pytest.approx(came_in[-1], rel=0.01)
    assert (spent[100:] <= (1.0 + ADVANCED) * came_in[100:]).all()
    assert (came_in - spent <= 30.0 * budget).all()
    hindsight = (quality - price_of_money(quality, cost, budget) * cost).argmax(axis=1)
    assert quality[each, chosen].mean() >= quality[each, hindsight].mean() - 0.01


def test_who_only_waits_for_money_was_wanted(router: Router) -> None:
    """An empty purse shuts the dear ones out, and the price of money still knows what they would gain."""
    query = read_request("theorem proof")
    poor = replace(query, circumstances=replace(query.circumstances, paced_usd=0.0))
    denied = replace(poor, requirements=replace(poor.requirements, deny=frozenset({DEAR})))
    free, waits, never = (Wish.of(router.route(q, np.random.default_rng(0))) for q in (query, poor, denied))
    assert free is not None and waits is not None and never is not None
    np.testing.assert_allclose(waits.wanted, free.wanted)
    np.testing.assert_array_equal(np.isfinite(never.wanted), np.array(router.catalog.names) != DEAR)


@pytest.mark.parametrize(
    ("requests", "held", "most", "may"),
    [
        (200, 4.0, None, 5.0),
        (200, 12.0, None, 10.0),
        (200, 25.0, None, 16.0),
        (200, 25.0, 25.0, 26.0),
        (2000, 4.0, None, 10.0),
        (2000, -8.0, None, 2.0),
        (2000, 25.0, None, 25.0),
        (4000, -12.0, None, -2.0),
    ],
)
def test_of_the_reserve_an_answer_may_cost_what_ten_requests_bring_in(
    router: Router, requests: int, held: float, most: float | None, may: float
) -> None:
    """By hand: of 200 requests' income 1 may be spent ahead, of 2,000 and more as much as the reserve, which is 10.

    What is held, or owed, and that are all for this request up to 10 together, and above it what leaves the reserve. A
    full purse keeps nothing back, since nothing more would come in.
    """
    pacer = BudgetPacer(
        PacingOptions(usd_per_request=1.0, start_usd=0.0 if most is None else most - 1.0, most_carried_usd=most)
    )
    decision = router.route(read_request("river"), np.random.default_rng(0))
    for i in range(requests - 1):
        pacer.decided(Query(text="x"), replace(decision, id=str(i)), 0.0)
        pacer.answered(Feedback(decision_id=str(i), cost_usd=1.0 if i or most else 2.0 - held))
    now = pacer.asked(Query(text="x"), router.catalog, 0.0).circumstances
    assert (now.paced_usd, now.paced_least_usd) == pytest.approx((may, 1.0))


def test_after_a_dear_answer_a_request_may_still_cost_what_it_brings_in(router: Router) -> None:
    """The debt of a hundred requests' income shuts out whoever is expected to add to it, and nobody else."""
    pacer, query, rng = (
        BudgetPacer(PacingOptions(usd_per_request=0.004)),
        read_request("river"),
        np.random.default_rng(0),
    )
    decision = router.route(pacer.asked(query, router.catalog, 0.0), rng)
    pacer.decided(query, decision, 0.0)
    pacer.answered(Feedback(decision_id=decision.id, cost_usd=0.4))
    placed = pacer.asked(query, router.catalog, 1.0)
    assert placed.circumstances.paced_usd < -0.3  # type: ignore[operator]
    assert placed.circumstances.paced_least_usd == pytest.approx(0.004)
    assert 0.002 < decision.estimates[MIDDLE].cost_usd < 0.004 < decision.estimates[DEAR].cost_usd
    assert set(router.route(placed, rng).excluded) == {DEAR}


def test_a_debt_is_not_paid_back_at_once(router: Router) -> None:
    """The first cents of a dollar buy the most: in a debt of 60 requests' income a third of it is spent on."""
    service = served(router, PacingOptions(usd_per_request=0.003))
    expected_costs(service, texts(200))
    decision = service.route("river")
    service.feedback(decision.id, cost_usd=0.18)
    pacer = service.standing.pacer
    assert pacer is not None
    owed = -pacer.status(router.catalog)[""]["left_usd"]
    after = expected_costs(service, texts(100, seed=1))
    assert owed > 0.1
    assert 0.3 * 0.003 <= after.mean() <= 0.6 * 0.003


def test_a_budget_above_all_wishes_is_not_spent_for_its_own_sake(router: Router) -> None:
    """Money is then worth nothing, and the choice is that of the greatest quality."""
    decision = [served(router, PacingOptions(usd_per_request=1.0)).route(t) for t in texts(20)][-1]
    service = served(router, PacingOptions(usd_per_request=1.0))
    decisions = [service.route(text) for text in texts(20)]
    assert decisions[-1].quality_per_usd == 0.0
    best = max(decision.estimates, key=lambda name: decision.utilities[name])
    assert decision.model == best


@pytest.mark.parametrize("factor", [10.0, 0.1])
def test_a_new_price_acts_at_once(router: Router, factor: float) -> None:
    """The dear model's price moves tenfold: fifty requests later spending is back, give or take one dear answer.

    Over the 300 requests after the change it is within 2 % and one dear answer of what came in.
    """
    budget = 0.004
    service = served(router, PacingOptions(usd_per_request=budget))
    expected_costs(service, texts(300))
    dear = router.catalog[DEAR]
    prices = {"usd_per_mtok_in": dear.usd_per_mtok_in * factor, "usd_per_mtok_out": dear.usd_per_mtok_out * factor}
    service.swap(replace(service.router, catalog=router.catalog.replace(DEAR, **prices)))
    after = expected_costs(service, texts(300, seed=1))
    assert after[:50].mean() <= 1.1 * budget + after.max() / 50
    assert after.mean() <= 1.02 * budget
    if factor > 1.0:  # a price cut may leave money for which nothing better is for sale
        assert after.mean() >= 0.98 * budget - after.max() / 300


def test_tenants_have_their_own_budgets(router: Router) -> None:
    """The rich one's requests cost more than the poor one's, each as much as its budget brings."""
    options = PacingOptions(usd_per_request=0.001, tenants={"rich": 0.005})
    service = served(router, options)
    spent: dict[str, float] = {"rich": 0.0, "poor": 0.0}
    for text in texts(400):
        for tenant in spent:
            d = service.route(text, user=tenant)
            spent[tenant] += d.estimates[d.model].cost_usd / 400
    assert spent == {"rich": pytest.approx(0.005, rel=0.02), "poor": pytest.approx(0.001, rel=0.02)}
    assert set(service.standing.pacer.status(router.catalog)) == {"rich", "poor"}  # type: ignore[union-attr]


@pytest.mark.parametrize("budget", [0.001, 0.002])
def test_a_tenant_is_paced_by_its_own_requests(router: Router, budget: float) -> None:
    """One asks hard things and one easy ones: each spends what comes in.

    By the price that suits both together the second would spend two fifths and nine tenths of it.
    """
    rng, hard, easy = np.random.default_rng(3), "theorem proof integral deadlock", "river colour capital month"
    service = served(router, PacingOptions(usd_per_request=budget))
    spent: dict[str, list[float]] = {"hard": [], "easy": []}
    for _ in range(400):
        for user, words in (("hard", hard), ("easy", easy)):
            among = words.split() if rng.random() < 0.85 else [*hard.split(), *easy.split()]
            d = service.route(" ".join(rng.choice(among, size=5)), user=user)
            spent[user].append(d.estimates[d.model].cost_usd)
    for user, costs in spent.items():
        assert np.mean(costs) == pytest.approx(budget, rel=0.06), user


def test_wishes_are_kept_of_each_owner_and_of_all() -> None:
    """By hand: an owner's own from forty on, everybody's before; fewer of each where there are many; back from text."""
    rows = [
        Wish(names=("a",), wanted=np.array([float(i)]), input_tokens=i, output_tokens=np.ones(1)) for i in range(240)
    ]
    wishes = Wishes()
    for row in rows:
        wishes.add("one", row)
        wishes.add("two" if row.input_tokens < 39 else "three", row)
    assert [w.input_tokens for w in wishes.of("one")] == list(range(40, 240))
    assert [w.input_tokens for w in wishes.of("three")] == list(range(40, 240))
    assert [w.input_tokens for w in wishes.of("two")] == [i // 2 for i in range(280, 480)]
    again = Wishes.read(json.loads(json.dumps(wishes.to_lists())))
    for owner in ("one", "two", "three", "nobody"):
        assert [w.input_tokens for w in again.of(owner)] == [w.input_tokens for w in wishes.of(owner)]
    later = Wishes(wishes)
    for i in range(150):
        for row in rows[:60]:
            later.add(f"owner {i}", row)
    assert len(later.of("owner 149")) == LEAST_OWN and later.of("owner 10") == later.of("nobody")
    assert len(wishes.of("one")) == WINDOW, "what is gone on from stays as it is"


def test_a_daily_budget_comes_in_by_the_clock(router: Router) -> None:
    """Ten requests an hour under 0.48 dollars a day may cost 0.002 each, and twenty half of that."""
    for an_hour, each in ((10, 0.002), (20, 0.001)):
        now = [0.0]
        service = served(router, PacingOptions(usd_per_day=0.48), clock=lambda now=now: now[0])
        costs = []
        for text in texts(400):
            now[0] += 3600.0 / an_hour
            costs.append(expected_costs(service, [text])[0])
        assert np.mean(costs) == pytest.approx(each, rel=0.02)
    assert PacingOptions(usd_per_day=1.0).brought("", DAY_S) == 1.0


def test_by_the_clock_too_half_a_hundredth_is_spent_ahead(router: Router) -> None:
    """Requests come in eight hours of the day: of what the night brings the mean says too much."""
    rng, now, budget = np.random.default_rng(0), [0.0], 0.6
    at = np.concatenate([DAY_S * day + np.sort(rng.uniform(0.0, DAY_S / 3.0, 300)) for day in range(3)])
    service, costs = served(router, PacingOptions(usd_per_day=budget), clock=lambda: now[0]), []
    for now[0], text in zip(at.tolist(), texts(900), strict=True):
        costs.append(expected_costs(service, [text])[0])
    came_in = budget * (at - at[0]) / DAY_S
    assert (np.cumsum(costs)[100:] <= (1.0 + ADVANCED) * came_in[100:] + COST_USD[CHEAP]).all()


def test_after_a_long_night_a_request_brings_no_more_than_is_carried(router: Router) -> None:
    """Ten idle days bring ten dollars, of which a budget that carries a thousandth of one lets nobody spend more."""
    pacer = BudgetPacer(PacingOptions(usd_per_day=1.0, most_carried_usd=0.001))
    decision = router.route(read_request("river"), np.random.default_rng(0))
    pacer.decided(Query(text="x"), decision, 0.0)
    now = pacer.asked(read_request("river"), router.catalog, 10.0 * DAY_S)
    assert now.circumstances.paced_least_usd == 0.001
    assert now.circumstances.paced_usd == pytest.approx(0.001, rel=0.01)
    assert set(router.route(now, np.random.default_rng(0)).excluded) == {MIDDLE, DEAR}


def test_what_an_answer_did_cost_counts(router: Router) -> None:
    """Answers that cost twice what was expected halve what is planned, so that the true spending meets the budget."""
    service, spent = served(router, PacingOptions(usd_per_request=0.003)), []
    for text in texts(500):
        decision = service.route(text)
        spent.append(2.0 * decision.estimates[decision.model].cost_usd)
        service.feedback(decision.id, cost_usd=spent[-1])
        service.feedback(decision.id, cost_usd=spent[-1])  # a repeat is not paid twice
    assert np.mean(spent[100:]) == pytest.approx(0.003, rel=0.03)


@pytest.mark.parametrize("budget", [0.001, 0.003])
def test_at_no_horizon_more_is_spent_than_came_in_and_what_one_answer_erred_by(router: Router, budget: float) -> None:
    """True costs lie around what was expected (lognormal, sd 0.3) and are told at once: 1 % and one dear answer."""
    service, rng, spent = served(router, PacingOptions(usd_per_request=budget)), np.random.default_rng(0), []
    for text in texts(400):
        decision = service.route(text)
        spent.append(decision.estimates[decision.model].cost_usd * float(np.exp(rng.normal(-0.045, 0.3))))
        service.feedback(decision.id, cost_usd=spent[-1])
    came_in = budget * np.arange(1, 401)
    assert (np.cumsum(spent) <= 1.01 * came_in + COST_USD[DEAR]).all()
    assert sum(spent) >= 0.99 * came_in[-1] - COST_USD[DEAR]


def test_a_budget_is_resumed_from_the_ledger(router: Router, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """After a restart there is as much left, and money is worth the same."""
    path, options = tmp_path / "l.db", PacingOptions(usd_per_request=0.002)
    with served(router, options, ledger=SqliteLedger(path)) as service:
        for text in texts(60):
            service.feedback(service.route(text).id, cost_usd=0.0021)
        before = service.standing.pacer.status(router.catalog)[""]  # type: ignore[union-attr]
    with served(router, options, ledger=SqliteLedger(path)) as again:
        after = again.standing.pacer.status(router.catalog)[""]  # type: ignore[union-attr]
    assert after["left_usd"] == pytest.approx(before["left_usd"], abs=1e-12)
    assert after["quality_per_usd"] == pytest.approx(before["quality_per_usd"], rel=1e-6)


@pytest.mark.parametrize("lasting", [False, True])
def test_a_budget_of_one_process_counts_once_whatever_is_asked_of_its_ledger(
    router: Router, tmp_path: Path, lasting: bool
) -> None:
    """Snapshots and pruning read the ledger again; a budget that nobody else spends from does not."""
    standing = StandingOptions(pacing=PacingOptions(usd_per_request=0.002))
    options = ServiceOptions(seed=0, standing=standing, clock=lambda: 1e9, follow_s=float("inf"))
    with Arbiter(router, SqliteLedger(tmp_path / "l.db" if lasting else ":memory:"), options) as service:
        pacer = service.standing.pacer
        assert pacer is not None and not pacer.shared
        for text in texts(10):
            decision = service.route(text)
            for cost in (0.001, 0.0007, 0.001):  # the last one is a repeat
                service.record(Outcome(decision_id=decision.id, model=decision.model, ok=True, cost_usd=cost))
        before = pacer.status(router.catalog)
        service.snapshot()
        service.prune(1.0)
        assert pacer.status(router.catalog) == before
        assert before[""]["left_usd"] == pytest.approx(10 * (0.002 - 0.0017))


def test_an_empty_purse_pays_for_the_cheapest_only(router: Router) -> None:
    """Whatever the wish for quality; the others say why not."""
    service = served(router, PacingOptions(usd_per_request=1e-9))
    decision = service.route("theorem proof")
    assert decision.model == CHEAP
    assert decision.excluded[MIDDLE].startswith("may cost $")
    assert "the paced budget allows $1.01e-09" in decision.excluded[DEAR]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "either usd_per_request or usd_per_day"),
        ({"usd_per_request": 0.1, "usd_per_day": 1.0}, "give one of them"),
        ({"usd_per_request": 0.0}, "the budget must be a number of dollars above 0, got 0.0"),
        ({"usd_per_day": 1.0, "tenants": {"a": float("nan")}}, "the budget of a must be"),
        ({"usd_per_day": 1.0, "start_usd": -1.0}, "start_usd must be a number of dollars from 0 up"),
    ],
)
def test_budgets_that_make_no_sense_are_refused(wrong: dict, message: str) -> None:
    """In words."""
    with pytest.raises(InvalidInputError, match=message):
        PacingOptions(**wrong)


def test_decisions_over_other_candidates_are_paid_and_not_misread(router: Router) -> None:
    """What they cost counts; what they wanted says nothing of candidates that they do not know."""
    pacer, query = BudgetPacer(PacingOptions(usd_per_request=0.01)), Query(text="x")
    decision = router.route(read_request("river"), np.random.default_rng(0))
    strange = {f"my {name}": estimate for name, estimate in decision.estimates.items()}
    probs = {f"my {name}": p for name, p in decision.action_probs.items()}
    other = replace(decision, model=f"my {decision.model}", estimates=strange, action_probs=probs)
    pacer.decided(query, other, 0.0)
    cost = decision.estimates[decision.model].cost_usd
    assert pacer.status(router.catalog)[""]["left_usd"] == pytest.approx(0.01 - cost)
    assert pacer.asked(query, router.catalog, 0.0).circumstances.quality_per_usd is None
