"""Laws of quotas: reserve, settle, release, expire."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.errors import BudgetError
from arbiter.governance import Allowance, BudgetLimits, Owner, Period, Quota, SqliteBudget, SqliteBudgetOptions

ADA = Owner(user="ada", team="research")
BOB = Owner(user="bob", team="research")
DAY_S = 86_400.0


class Clock:
    """A clock that stands until it is set: 2026-03-31, noon UTC."""

    now = 1_774_958_400.0

    def __call__(self) -> float:
        """Give the time that was set."""
        return self.now


def budget(clock: Clock | None = None, path: str | Path = ":memory:", **limits: object) -> SqliteBudget:
    given_limits = limits or {"each_user": Allowance(day_usd=1.0)}
    return SqliteBudget(path, BudgetLimits(**given_limits), SqliteBudgetOptions(clock=clock or Clock()))  # type: ignore[arg-type]


def quota(kept: SqliteBudget, owner: Owner, account: str, period: Period = Period.DAY) -> Quota:
    (found,) = (q for q in kept.quotas(owner) if (q.account, q.period) == (account, period))
    return found


def test_a_case_on_paper() -> None:
    """$1 a day: $0.30 held, then $0.20 paid, leaves $0.80; $0.90 are refused, $0.80 are not."""
    kept = budget()
    held = kept.reserve(ADA, 0.3)
    assert kept.left_usd(ADA) == pytest.approx(0.7)
    kept.settle(held, 0.2)
    assert kept.left_usd(ADA) == pytest.approx(0.8)
    with pytest.raises(BudgetError, match=r"budget of user ada \(\$1 a day\) leaves \$0.8; this call may cost \$0.9"):
        kept.reserve(ADA, 0.9)
    kept.reserve(ADA, 0.8)
    assert kept.left_usd(ADA) == 0.0


def test_amounts_add_up_exactly() -> None:
    """A thousand calls of a tenth of a cent use up a dollar, no more and no less; floats would be off."""
    kept = budget()
    for _ in range(1000):
        kept.settle(kept.reserve(ADA, 0.001), 0.001)
    assert kept.left_usd(ADA) == 0.0
    with pytest.raises(BudgetError):
        kept.reserve(ADA, 1e-9)


def test_every_quota_must_leave_enough_and_a_refusal_holds_nothing() -> None:
    """User, team and everyone; by day and month."""
    limits = {
        "everyone": Allowance(month_usd=10.0),
        "each_user": Allowance(day_usd=2.0),
        "teams": {"research": Allowance(day_usd=3.0)},
    }
    kept = budget(**limits)
    kept.settle(kept.reserve(ADA, 2.0), 2.0)
    before = kept.quotas(BOB)
    with pytest.raises(BudgetError, match="team research"):
        kept.reserve(BOB, 1.5)
    assert kept.quotas(BOB) == before
    with pytest.raises(BudgetError, match="user ada"):
        kept.reserve(ADA, 0.5)
    assert quota(kept, BOB, "everyone", Period.MONTH).spent_usd == 2.0
    assert kept.left_usd(BOB) == 1.0


def test_days_and_months_begin_anew_and_a_call_is_charged_to_the_day_of_its_reservation() -> None:
    """On the first of April both quotas are full, and what March reserved is charged to March."""
    clock = Clock()
    kept = budget(clock, each_user=Allowance(day_usd=1.0, month_usd=3.0))
    late = kept.reserve(ADA, 0.4)
    clock.now += DAY_S
    assert {q.period: q.left_usd for q in kept.quotas(ADA)} == {Period.DAY: 1.0, Period.MONTH: 3.0}
    kept.settle(late, 0.4)
    assert {q.period: q.left_usd for q in kept.quotas(ADA)} == {Period.DAY: 1.0, Period.MONTH: 3.0}
    clock.now -= DAY_S
    assert {q.period: q.left_usd for q in kept.quotas(ADA)} == {Period.DAY: 0.6, Period.MONTH: 2.6}


def test_a_limit_that_is_set_later_knows_what_was_spent(tmp_path: Path) -> None:
    """Spending is kept where nothing limits it, too; and survives the process."""
    free = budget(path=tmp_path / "budget.db", everyone=Allowance())
    assert free.left_usd(ADA) is None
    free.settle(free.reserve(ADA, 5.0), 5.0)
    free.close()
    kept = budget(path=tmp_path / "budget.db", users={"ada": Allowance(month_usd=6.0)})
    assert kept.left_usd(ADA) == 1.0
    kept.close()


def test_requests_without_a_user_share_one_account() -> None:
    """Leaving the name out is no way around the quota."""
    kept = budget()
    kept.settle(kept.reserve(Owner(), 1.0), 1.0)
    with pytest.raises(BudgetError, match="unnamed users"):
        kept.reserve(Owner(user=""), 0.1)
    assert kept.left_usd(ADA) == 1.0


def test_a_call_is_held_at_its_worst_and_let_in_by_what_is_likely() -> None:
    """Likely $0.10, at worst $0.95: a second one finds too little, although $1 was spent of nothing."""
    kept = budget()
    first = kept.reserve(ADA, 0.1, 0.95)
    with pytest.raises(BudgetError, match=r"leaves \$0.05 with \$0.95 held for calls in flight"):
        kept.reserve(ADA, 0.1, 0.95)
    kept.settle(first, 0.9)
    last = kept.reserve(ADA, 0.1, 0.95)
    kept.settle(last, 0.95)
    assert kept.left_usd(ADA) == pytest.approx(1.0 - 0.9 - 0.95)  # overspent by 0.85: held less likely of the last


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 400), st.floats(0.0, 1.0), st.booleans()), max_size=25))
@settings(deadline=None, max_examples=60)
def test_whatever_the_order_no_more_than_one_reserve_error_is_overspent(
    calls: list[tuple[int, int, float, bool]],
) -> None:
    """Calls begin and end in any order, each costing anything up to its worst; the bound holds at every moment."""
    kept = budget()
    flying: list[tuple[object, float]] = []
    most_error = 0.0
    for likely, excess, part, ends in calls:
        try:
            held = kept.reserve(ADA, likely / 1000, (likely + excess) / 1000)
            flying.append((held, part * (likely + excess) / 1000))
            most_error = max(most_error, excess / 1000)
        except BudgetError:
            pass
        if ends and flying:
            kept.settle(*flying.pop(0))  # type: ignore[arg-type]
    for held, cost in flying:
        kept.settle(held, cost)  # type: ignore[arg-type]
    spent = quota(kept, ADA, "user ada").spent_usd
    assert spent <= 1.0 + most_error + 1e-9
    assert quota(kept, ADA, "user ada").held_usd == 0.0


def test_settling_twice_charges_once_and_a_release_lets_go() -> None:
    """A caller that does not know whether it went through may repeat it; the order of the two does not matter."""
    kept = budget()
    one, two = kept.reserve(ADA, 0.2), kept.reserve(ADA, 0.2)
    for _ in range(2):
        kept.settle(one, 0.3)
        kept.release(one)
        kept.release(two)
    assert (quota(kept, ADA, "user ada").spent_usd, quota(kept, ADA, "user ada").held_usd) == (0.3, 0.0)
    kept.settle(two, 0.1)  # the call that was given up did cost something after all
    assert quota(kept, ADA, "user ada").spent_usd == 0.4


def test_a_reservation_expires_and_can_still_be_settled() -> None:
    """After ten minutes it holds nothing; the late bill is charged all the same."""
    clock = Clock()
    kept = budget(clock)
    held = kept.reserve(ADA, 1.0)
    clock.now += 599.0
    assert kept.left_usd(ADA) == 0.0
    clock.now += 1.0
    assert kept.left_usd(ADA) == 1.0
    kept.settle(held, 0.7)
    assert kept.left_usd(ADA) == pytest.approx(0.3)
    assert quota(kept, ADA, "user ada").held_usd == 0.0


def test_what_ended_long_ago_is_forgotten() -> None:
    """The file does not grow with every call for ever."""
    clock = Clock()
    kept = budget(clock)
    for _ in range(5):
        kept.settle(kept.reserve(ADA, 0.0), 0.0)
    clock.now += 2 * DAY_S
    kept.reserve(ADA, 0.1)
    assert kept._store.rows("SELECT count(*) FROM reservations") == [(1,)]


@pytest.mark.parametrize("amount", [math.nan, math.inf, -1.0])
def test_what_is_no_amount_is_refused(amount: float) -> None:
    """Such as the price of a model that has none."""
    kept = budget()
    with pytest.raises(BudgetError, match="must be a number from 0 up"):
        kept.reserve(ADA, amount)
    held = kept.reserve(ADA, 0.1)
    with pytest.raises(BudgetError, match="must be a number from 0 up"):
        kept.settle(held, amount)
