"""What a service knows at the moment of a decision: who is out, what the budget leaves, whose prompt cache is warm."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from arbiter.catalog import Catalog
from arbiter.demands import Circumstances
from arbiter.errors import BudgetError, InvalidInputError
from arbiter.governance import Governance
from arbiter.ledger import Ledger
from arbiter.pacing import BudgetPacer, PacingOptions
from arbiter.records import Decision, Outcome, Query

LEAST_CACHED_TOKENS = 1024
"""Shorter prefixes are not cached (documented limit of OpenAI's and of most of Anthropic's models)."""

WARM_S = 300.0
"""How long providers keep a prefix that nobody reads (documented: five minutes at least)."""


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
    """

    def __init__(
        self, options: StandingOptions, clock: Callable[[], float], governance: Governance | None = None
    ) -> None:
        self._options = options
        self._governance = governance or Governance()
        self._clock = clock
        self.pacer = None if options.pacing is None else BudgetPacer(options.pacing)
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
            queries = [self._paced(self.pacer, query, catalog) for query in queries]
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

    def _paced(self, pacer: BudgetPacer, query: Query, catalog: Catalog) -> Query:
        worth, left = pacer.asked(query, catalog, self._clock())
        return _with(query, quality_per_usd=None if math.isnan(worth) else worth, paced_usd=left)

    def resumed(self, ledger: Ledger, catalog: Catalog) -> None:
        """Take what a ledger holds into the paced budget: decisions in their order, and what they did cost.

        Raises
        ------
        LedgerError
            If it cannot be read.
        """
        if self.pacer is None:
            return
        called: dict[str, float] = {}  # decision to what its calls did cost
        for _, event in ledger.events():
            if isinstance(event.record, Decision):
                query = Query(text="", user=event.record.user, session_id=event.record.session_id)
                self.pacer.asked(query, catalog, event.timestamp)
                self.pacer.decided(query, event.record)
            elif event.record.cost_usd is not None:
                identity, cost = event.record.decision_id, event.record.cost_usd
                if isinstance(event.record, Outcome):  # one of several calls, perhaps
                    cost = called[identity] = called.get(identity, 0.0) + cost
                self.pacer.settled(identity, cost)

    def measured(self, decision_id: str, cost_usd: float | None) -> None:
        """Tell the paced budget what an answer did cost; None is unknown."""
        if self.pacer is not None and cost_usd is not None:
            self.pacer.settled(decision_id, cost_usd)

    def reserved(self, query: Query, decision: Decision) -> None:
        """Reserve what a decision is expected to cost in the paced budget."""
        if self.pacer is not None:
            self.pacer.decided(query, decision)

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
