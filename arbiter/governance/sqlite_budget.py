"""Budgets in an SQLite file: the default, for the processes of one host."""

import math
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

from arbiter.errors import BudgetError
from arbiter.governance.limits import BudgetLimits
from arbiter.governance.protocols import Owner, Period, Quota, Reservation
from arbiter.processes import has_ended, this_process
from arbiter.sqlite_connection import SqliteConnection
from arbiter.sqlite_store import SqliteStore, StoreKind

NANO = 10**9
"""Amounts are kept as whole nanodollars, which add up exactly: a token at $0.01 per million costs ten of them."""

REMEMBERED_S = 86_400.0
"""How long a reservation is remembered after it expired, so that a late settlement finds it."""

KIND = StoreKind(
    noun="budget",
    application_id=0x41524247,  # "ARBG"
    version=1,
    schema=(
        """
CREATE TABLE spending (
    account TEXT NOT NULL, window TEXT NOT NULL, spent INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, window)
) WITHOUT ROWID""",
        """
CREATE TABLE reservations (
    id TEXT PRIMARY KEY, user TEXT, team TEXT, held INTEGER NOT NULL, made_at REAL NOT NULL, expires_at REAL NOT NULL,
    holder TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('held', 'expired', 'settled', 'released'))
) WITHOUT ROWID""",
        "CREATE INDEX held ON reservations (expires_at) WHERE state = 'held'",
        "CREATE INDEX ended ON reservations (expires_at) WHERE state != 'held'",
    ),
    error=BudgetError,
)

_ADD = (
    "INSERT INTO spending (account, window, spent, held) VALUES (?, ?, ?, ?) ON CONFLICT (account, window) "
    "DO UPDATE SET spent = spent + excluded.spent, held = held + excluded.held"
)
_BALANCE = "SELECT spent, held FROM spending WHERE account = ? AND window = ?"
_FORGET = "DELETE FROM reservations WHERE state != 'held' AND expires_at < ?"
_EXPIRED = "SELECT id, user, team, held, made_at FROM reservations WHERE state = 'held' AND expires_at <= ?"
_HOLDERS = "SELECT DISTINCT holder FROM reservations WHERE state = 'held' AND holder != ?"
_HELD_BY = "SELECT id, user, team, held, made_at FROM reservations WHERE state = 'held' AND holder = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteBudgetOptions:
    """How a budget's file is used.

    Attributes
    ----------
    clock : gives seconds since 1970.
    zone : in which days and months begin.
    expire_s : seconds after which a reservation that nobody settled no longer holds; longer than any call takes.
    timeout_s : how long to wait for another process that writes.
    must_exist : whether a missing file is an error. A budget that is made anew has spent nothing.
    """

    clock: Callable[[], float] = time.time
    zone: tzinfo = UTC
    expire_s: float = 600.0
    timeout_s: float = 5.0
    must_exist: bool = False


class SqliteBudget:
    """Quotas per user, team and everyone, by day and month; see :class:`arbiter.governance.BudgetClient`.

    A reservation is one transaction that all quotas allow or none, across threads and processes. What a process holds
    when it ends is let go of at the next call of another one (on Linux; elsewhere, and between containers, after
    ``expire_s``). A call is charged to the day and month in which it was reserved.

    Parameters
    ----------
    path : the file, made where there is none; ``:memory:`` for one that ends with the process.
    limits : who may spend how much. Every process of a file should have the same.
    options : clock, time zone, times to wait.

    Raises
    ------
    BudgetError
        If the file cannot be opened, is damaged or is no budget.
    """

    def __init__(self, path: str | Path, limits: BudgetLimits, options: SqliteBudgetOptions | None = None) -> None:
        self.limits = limits
        self._options = o = options or SqliteBudgetOptions()
        self._holder = this_process()
        self._store = SqliteStore(path, KIND, timeout_s=o.timeout_s, must_exist=o.must_exist)

    def quotas(self, owner: Owner) -> tuple[Quota, ...]:
        """See :meth:`arbiter.governance.BudgetClient.quotas`."""
        now = self._options.clock()
        self._let_go(now)
        return tuple(balance.quota() for balance in self._balances(owner, now))

    def left_usd(self, owner: Owner) -> float | None:
        """Give what may still be reserved; None where no limit applies. Raises BudgetError."""
        return min((quota.left_usd for quota in self.quotas(owner)), default=None)

    def reserve(self, owner: Owner, amount_usd: float, held_usd: float | None = None) -> Reservation:
        """See :meth:`arbiter.governance.BudgetClient.reserve`."""
        amount = _nano(amount_usd, math.ceil)
        held = max(amount, amount if held_usd is None else _nano(held_usd, math.ceil))
        now = self._options.clock()
        self._let_go(now)
        made = Reservation(
            id=secrets.token_hex(16),
            owner=owner,
            amount_usd=amount_usd,
            held_usd=held / NANO,
            made_at=now,
            expires_at=now + self._options.expire_s,
        )
        row = (made.id, owner.user, owner.team, held, now, made.expires_at, self._holder)
        with self._store.writing() as transaction:
            transaction.execute(_FORGET, (now - REMEMBERED_S,))
            for balance in self._balances(owner, now):
                if balance.left < amount:
                    raise BudgetError(_refusal(balance.quota(), amount_usd))
            self._add(transaction, owner, now, held=held)
            transaction.execute("INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, 'held')", row)
        return made

    def settle(self, reservation: Reservation, cost_usd: float) -> None:
        """See :meth:`arbiter.governance.BudgetClient.settle`."""
        self._end(reservation, "settled", _nano(cost_usd, round))

    def release(self, reservation: Reservation) -> None:
        """See :meth:`arbiter.governance.BudgetClient.release`."""
        self._end(reservation, "released", 0)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _end(self, reservation: Reservation, state: str, cost: int) -> None:
        owner, made_at = reservation.owner, reservation.made_at
        with self._store.writing() as transaction:
            row = transaction.execute("SELECT state, held FROM reservations WHERE id = ?", (reservation.id,)).fetchone()
            before, held = row or ("expired", 0)
            if before == "settled" or (before == "released" and state == "released"):
                return
            self._add(transaction, owner, made_at, spent=cost, held=-held if before == "held" else 0)
            transaction.execute("UPDATE reservations SET state = ? WHERE id = ?", (state, reservation.id))

    def _let_go(self, now: float) -> None:
        """End the reservations whose time is over or whose process has ended."""
        others = self._store.rows(_HOLDERS, (self._holder,))
        ended = [holder for (holder,) in others if has_ended(holder)]
        if not ended and not self._store.rows(_EXPIRED + " LIMIT 1", (now,)):
            return
        with self._store.writing() as transaction:
            rows = transaction.execute(_EXPIRED, (now,)).fetchall()
            rows += [row for holder in ended for row in transaction.execute(_HELD_BY, (holder,)).fetchall()]
            for name, user, team, held, made_at in {row[0]: row for row in rows}.values():
                self._add(transaction, Owner(user=user, team=team), made_at, held=-held)
                transaction.execute("UPDATE reservations SET state = 'expired' WHERE id = ?", (name,))

    def _balances(self, owner: Owner, now: float) -> Iterator["_Balance"]:
        for account, allowance in self.limits.accounts(owner):
            for period, limit in allowance.limits():
                found = self._store.rows(_BALANCE, (account, self._window(period, now)))
                yield _Balance(account, period, _nano(limit, round), *(found[0] if found else (0, 0)))

    def _add(self, transaction: SqliteConnection, owner: Owner, at: float, *, spent: int = 0, held: int = 0) -> None:
        """Add to all accounts, limited or not: a limit that is set tomorrow knows what was spent this month."""
        windows = [self._window(period, at) for period in Period]
        names = [account for account, _ in self.limits.accounts(owner)]
        transaction.executemany(_ADD, [(name, window, spent, held) for name in names for window in windows])

    def _window(self, period: Period, at: float) -> str:
        day = datetime.fromtimestamp(at, self._options.zone).date().isoformat()
        return day if period is Period.DAY else day[:7]


class _Balance(NamedTuple):
    """A limit and what became of it, in nanodollars."""

    account: str
    period: Period
    limit: int
    spent: int
    held: int

    @property
    def left(self) -> int:
        """What may still be reserved."""
        return self.limit - self.spent - self.held

    def quota(self) -> Quota:
        """Give the same in dollars."""
        limit, spent, held = (amount / NANO for amount in self[2:])
        return Quota(account=self.account, period=self.period, limit_usd=limit, spent_usd=spent, held_usd=held)


def _nano(usd: float, rounding: Callable[[float], int]) -> int:
    if not (math.isfinite(usd) and usd >= 0.0):
        raise BudgetError(f"an amount of {usd} dollars cannot be kept; it must be a number from 0 up")
    return rounding(usd * NANO)


def _refusal(quota: Quota, amount_usd: float) -> str:
    flying = f" with ${quota.held_usd:.3g} held for calls in flight" if quota.held_usd else ""
    limit = f"${quota.limit_usd:.6g} a {quota.period}"
    return (
        f"the budget of {quota.account} ({limit}) leaves ${quota.left_usd:.3g}{flying}; "
        f"this call may cost ${amount_usd:.3g}; raise the limit, set max_tokens, or wait"
    )
