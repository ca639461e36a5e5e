"""What a service knows at the moment of a decision: who is out, what the budget leaves, whose prompt cache is warm."""

import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from arbiter.catalog import Catalog
from arbiter.demands import Circumstances
from arbiter.errors import BudgetError, InvalidInputError, LedgerError
from arbiter.governance import Governance
from arbiter.ledger import Ledger, Snapshot
from arbiter.pacing import BudgetPacer, PacingOptions
from arbiter.records import Decision, Feedback, Outcome, Query

LEAST_CACHED_TOKENS = 1024
"""Shorter prefixes are not cached (documented limit of OpenAI's and of most of Anthropic's models)."""

WARM_S = 300.0
"""How long providers keep a prefix that nobody reads (documented: five minutes at least)."""

logger = logging.getLogger(__name__)

SNAPSHOT_EVERY = 10_000
"""Events after which a snapshot of the paced budget is kept. To fold that many again at a start takes some seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOptions:
    """What a service looks at before it decides; by default nothing.

    Attributes
    ----------
    out : gives the candidates that may not be called just now, with the reason, such as an open breaker. Asked once
        per call; where it fails the router goes on without (it fails open).
    budget_left_usd : gives what the asker's budget still pays for, None where there is none. Where it fails, its error
        reaches the caller (a budget that cannot be checked refuses).
    pacing : a budget that is spent evenly; None paces nothing. See :class:`arbiter.pacing.PacingOptions`.
    session_affinity : whether the tokens that a session's last model holds in its prompt cache are billed to it at the
        price of cached input. A switch then has to gain more than the warm cache is worth.
    max_sessions : how many sessions are remembered; the one idle longest is forgotten first.
    """

    out: Callable[[], Mapping[str, str]] | None = None
    budget_left_usd: Callable[[Query], float | None] | None = None
    pacing: PacingOptions | None = None
    session_affinity: bool = False
    max_sessions: int = 10_000

    def __post_init__(self) -> None:
        if self.max_sessions < 1:
            raise InvalidInputError(f"max_sessions must be 1 or more, got {self.max_sessions}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    model: str
    tokens: int
    served_at: float


class Standing:
    """Tells the circumstances of requests; safe to share between threads.

    Parameters
    ----------
    options : what is looked at.
    clock : gives seconds since 1970.
    governance : whose quotas are looked at, too; None has none.
    shared : whether a ledger tells now and then, by :meth:`follow`, what other processes did.
    """

    def __init__(
        self,
        options: StandingOptions,
        clock: Callable[[], float],
        governance: Governance | None = None,
        *,
        shared: bool = False,
    ) -> None:
        self._options = options
        self._governance = governance or Governance()
        self._clock = clock
        self.pacer = None if options.pacing is None else BudgetPacer(options.pacing, shared=shared)
        self._position = self._unkept = 0  # in the ledger that is followed, and events since the last snapshot
        self._following = threading.Lock()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._lock = threading.Lock()

    def budgeted(self, queries: Sequence[Query]) -> list[Query]:
        """Give the requests with what their askers' budgets leave.

        Raises
        ------
        BudgetError
            If a budget answers with what is no amount, or cannot be read. An error of the budget's own goes through.
        """
        ask = self._options.budget_left_usd
        if ask is not None:
            queries = [_with(q, budget_left_usd=_amount(ask(q), q)) for q in queries]
        return list(queries) if self._governance.budget is None else [self._governed(q) for q in queries]

    def _governed(self, query: Query) -> Query:
        """Give a request with the least that its quotas leave, and the economy that they ask for."""
        quotas, economy = self._governance.quotas(query), self._governance.economy
        lefts = [query.circumstances.budget_left_usd, *(_amount(quota.left_usd, query) for quota in quotas)]
        return _with(
            query,
            budget_left_usd=min((left for left in lefts if left is not None), default=None),
            economy=None if economy is None else economy.economy(quotas),
        )

    def placed(self, queries: Sequence[Query], catalog: Catalog) -> list[Query]:
        """Give the requests with who is out, what a dollar is worth, and the model that holds the session's context."""
        if self._options.out is not None:
            out = dict(self._options.out())
            queries = [_with(q, out={**q.circumstances.out, **out}) for q in queries] if out else queries
        if self.pacer is not None:
            queries = [self.pacer.asked(query, catalog, self._clock()) for query in queries]
        return [self._warmed(query) for query in queries] if self._options.session_affinity else list(queries)

    def require_paid(self, queries: Sequence[Query], decisions: Sequence[Decision]) -> None:
        """Refuse a choice that the budget does not pay for: the emergency choice when nobody is cheap enough.

        Raises
        ------
        BudgetError
            Naming the asker, what is left and what the choice costs.
        """
        for query, decision in zip(queries, decisions, strict=True):
            left, estimate = query.circumstances.budget_left_usd, decision.estimates.get(decision.model)
            if left is not None and (estimate is None or not estimate.cost_usd <= left):
                cost = "an unknown amount" if estimate is None else f"${estimate.cost_usd:.3g}"
                raise BudgetError(
                    f"the budget of {query.user or 'this request'} leaves ${left:.3g}, no candidate answers for that "
                    f"({decision.model}: {cost}); raise the budget, shorten the request, or wait for calls in flight"
                )

    def follow(self, ledger: Ledger) -> None:
        """Take what a ledger holds since the last time into the paced budget, whoever recorded it.

        A budget that is not shared takes it at the start alone: it counts all that comes then itself.

        Raises
        ------
        LedgerError
            If it cannot be read; then the next time goes on from there.
        """
        if self.pacer is None:
            return
        with self._following:
            if self._position == 0:
                self._resume(self.pacer, ledger)
            mark = self.pacer.mark()
            for position, event in ledger.events(self._position):
                self.pacer.take(event.record, event.timestamp)
                self._position, self._unkept = position, self._unkept + 1
            self.pacer.caught_up(mark)
            if self.pacer.shared and self._unkept >= SNAPSHOT_EVERY:
                try:
                    self._keep(self.pacer, ledger)
                except LedgerError as error:
                    logger.warning("no snapshot of the paced budget is kept: %s", error)

    def snapshot(self, ledger: Ledger) -> None:
        """Keep in a ledger what the paced budget holds, so that a start need not fold it anew; done now and then, too.

        Raises
        ------
        LedgerError
            If it cannot be read or written.
        """
        if self.pacer is not None and self.pacer.shared:
            self.follow(ledger)
            with self._following:
                self._keep(self.pacer, ledger)

    def _resume(self, pacer: BudgetPacer, ledger: Ledger) -> None:
        found = None if pacer.snapshot_name is None else ledger.snapshot(pacer.snapshot_name)
        if found is not None and pacer.resume(found.payload):
            self._position = found.position

    def _keep(self, pacer: BudgetPacer, ledger: Ledger) -> None:
        self._unkept = 0
        if pacer.snapshot_name is None or self._position == 0:
            return
        snapshot = Snapshot(position=self._position, taken_at=self._clock(), payload=pacer.snapshot())
        ledger.keep_snapshot(pacer.snapshot_name, snapshot)

    def answered(self, record: Outcome | Feedback) -> None:
        """Tell the paced budget what an answer did cost."""
        if self.pacer is not None:
            self.pacer.answered(record)

    def reserved(self, queries: Sequence[Query], decisions: Sequence[Decision], now: float, *, last: bool) -> bool:
        """Reserve what decisions are expected to cost in the paced budget, before the ledger holds them as of ``now``.

        Parameters
        ----------
        queries, decisions : one where a budget is paced.
        now : seconds since 1970.
        last : whether they are taken even if others have meanwhile spent what they were decided by.

        Returns
        -------
        taken : if not, nothing has changed, and the requests have to be decided anew.
        """
        if self.pacer is None:
            return True
        (query,), (decision,) = queries, decisions
        if last:
            self.pacer.decided(query, decision, now)
        return last or self.pacer.reserve(query, decision, now)

    def served(self, query: Query, model: str) -> None:
        """Remember that ``model`` now holds this request's context in its prompt cache."""
        if not self._options.session_affinity or query.session_id is None:
            return
        with self._lock:
            self._sessions[query.session_id] = _Session(model=model, tokens=query.input_tokens, served_at=self._clock())
            self._sessions.move_to_end(query.session_id)
            while len(self._sessions) > self._options.max_sessions:
                self._sessions.popitem(last=False)

    def _warmed(self, query: Query) -> Query:
        if query.session_id is None:
            return query
        with self._lock:
            last = self._sessions.get(query.session_id)
        if last is None or self._clock() - last.served_at > WARM_S:
            return query
        warm = min(last.tokens, query.input_tokens)
        return query if warm < LEAST_CACHED_TOKENS else _with(query, warm_model=last.model, warm_tokens=warm)


def _with(query: Query, **known: object) -> Query:
    circumstances: Circumstances = replace(query.circumstances, **known)  # type: ignore[arg-type]  # its fields by name
    return replace(query, circumstances=circumstances)


def _amount(left: float | None, query: Query) -> float | None:
    if left is None or (isinstance(left, int | float) and not math.isnan(left)):
        return left
    raise BudgetError(f"the budget of {query.user or 'this request'} says it leaves {left!r}; it must give a number")
