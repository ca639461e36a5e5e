"""Budgets and audit around real calls: providers are HTTP servers on loopback."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import openai_server
import pytest
from openai_server import answers, fails, streams
from provider_world import CHEAP, DEAR, MIDDLE, NAMES, QUIET, World, deployments, require_litellm, three_router

from arbiter.errors import AllCandidatesFailedError, BudgetError
from arbiter.execution import ExecutionOptions
from arbiter.governance import (
    Allowance,
    AuditKind,
    BudgetLimits,
    Governance,
    Owner,
    Quota,
    SqliteAudit,
    SqliteBudget,
    SqliteBudgetOptions,
)
from arbiter.intake import read_request
from arbiter.ledger import SqliteLedger
from arbiter.records import Query
from arbiter.service import Arbiter, ServiceOptions
from arbiter.vocabulary import FallbackReason

pytestmark = QUIET
ADA = Owner(user="ada")
PROMPT = "Name the capital of France"
TOKENS_IN = 7
"""What arbiter estimates the prompt at; the servers bill as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Governed:
    """A world with a budget and an audit."""

    world: World
    budget: SqliteBudget
    audit: SqliteAudit

    @property
    def quota(self) -> Quota:
        """The one limit of ada."""
        (found,) = self.budget.quotas(ADA)
        return found


@contextlib.contextmanager
def governed(day_usd: float, path: str | Path = ":memory:") -> Iterator[Governed]:
    require_litellm()
    budget = SqliteBudget(path, BudgetLimits(each_user=Allowance(day_usd=day_usd)), SqliteBudgetOptions(timeout_s=30.0))
    audit = SqliteAudit(":memory:")
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(openai_server.running()) for name in NAMES}
        options = ServiceOptions(
            seed=0,
            execution=ExecutionOptions(deployments=deployments(servers)),
            governance=Governance(budget=budget, audit=audit, economy=None),
        )
        service = stack.enter_context(Arbiter(three_router(), SqliteLedger(":memory:"), options))
        yield Governed(world=World(service=service, servers=servers), budget=budget, audit=audit)


def test_a_call_is_charged_what_it_did_cost_and_audited() -> None:
    """To the nanodollar, by the server's own count; nothing stays held; the answer is in the audit."""
    with governed(1.0) as g:
        done = g.world.service.complete(PROMPT, user="ada")
        assert g.quota.spent_usd == pytest.approx(g.world.billed_usd, abs=1e-9) and g.quota.held_usd == 0.0
        decided, completed = g.audit.entries()
        assert (decided.kind, completed.kind) == (AuditKind.DECISION, AuditKind.COMPLETION)
        assert (completed.model, completed.answer) == (done.model, {"text": "Paris"})
        assert completed.cost_usd == pytest.approx(g.world.billed_usd)


def test_a_failed_call_is_let_go_and_its_successor_charged() -> None:
    """The first provider is down; both calls are audited."""
    with governed(1.0) as g:
        first = g.world.service.route(PROMPT, user="ada").model
        g.world.servers[first].behave = fails(500)
        done = g.world.service.complete(PROMPT, user="ada", allow=frozenset(NAMES))
        assert done.fell_back
        assert g.quota.spent_usd == pytest.approx(g.world.billed_usd, abs=1e-9) and g.quota.held_usd == 0.0
        kinds = [entry.kind for entry in g.audit.entries()]
        assert kinds[-2:] == [AuditKind.FAILURE, AuditKind.COMPLETION]


def test_streams_are_charged_at_their_end_and_when_their_reader_goes_away() -> None:
    """What had come is paid for, and nothing stays held."""
    with governed(1.0) as g:
        for server in g.world.servers.values():
            server.behave = streams(["Pa", "ris", " is", " it"], every_s=0.01)
        stream = g.world.service.stream(PROMPT, user="ada")
        assert g.quota.held_usd > 0.0
        list(stream)
        assert g.quota.spent_usd == pytest.approx(g.world.billed_usd, abs=1e-9) and g.quota.held_usd == 0.0
        before = g.quota.spent_usd
        left = g.world.service.stream(PROMPT, user="ada")
        next(iter(left))
        left.close()
        assert g.quota.held_usd == 0.0 and g.quota.spent_usd > before


def test_a_cancelled_call_settles() -> None:
    """The client is gone: what was likely is charged, since nobody says what it did cost."""

    async def gone(g: Governed) -> None:
        for server in g.world.servers.values():
            server.behave = answers(after_s=5.0)
        task = asyncio.create_task(g.world.service.acomplete(PROMPT, user="ada"))
        while not sum(server.busy for server in g.world.servers.values()):
            await asyncio.sleep(0.01)
        assert g.quota.held_usd > 0.0
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await g.world.service.executor.aclose()

    with governed(1.0) as g:
        asyncio.run(gone(g))
        assert g.quota.held_usd == 0.0 and 0.0 < g.quota.spent_usd < 0.1


def test_a_budget_that_pays_for_nobody_refuses_before_any_call() -> None:
    """At the decision or at the call; no server is asked, and the refusal is a BudgetError."""
    with governed(1e-7) as g:
        with pytest.raises(BudgetError):
            g.world.service.complete(PROMPT, user="ada")
        assert g.world.requests == 0
    with governed(1.0) as g:
        decision = g.world.service.route(PROMPT, user="ada")
        g.budget.reserve(ADA, 0.5, 0.9999999)  # somebody else's call begins meanwhile
        with pytest.raises(BudgetError, match="held for calls in flight"):
            g.world.service.executor.complete(asked("ada"), decision)
        assert g.world.requests == 0


def asked(user: str) -> Query:
    return replace(read_request(PROMPT), user=user)


def test_a_dear_choice_falls_back_to_one_that_the_budget_pays_for() -> None:
    """The decision was made when there was more; the calls of dear models are refused, the cheap one answers."""
    with governed(1.0) as g:
        decision = g.world.service.route(PROMPT, user="ada", strategy="quality_first")
        decision = replace(decision, model=DEAR, fallbacks=(MIDDLE, CHEAP))
        g.budget.settle(g.budget.reserve(ADA, 0.0), 1.0 - 3e-4)  # a hundred tokens of the cheap one cost 6e-5
        done = g.world.service.executor.complete(asked("ada"), decision, max_tokens=100)
        reasons = [(attempt.model, attempt.reason) for attempt in done.attempts]
        refused = FallbackReason.BUDGET_EXCEEDED
        assert reasons == [(DEAR, refused), (MIDDLE, refused), (CHEAP, None)]
        assert g.world.requests == 1


def test_a_budget_that_is_gone_refuses_every_call(tmp_path: Path) -> None:
    """In the middle of service."""
    with governed(1.0, tmp_path / "budget.db") as g:
        g.world.service.complete(PROMPT, user="ada")
        (tmp_path / "budget.db").unlink()
        asked = g.world.requests
        with pytest.raises(BudgetError, match="is gone"):
            g.world.service.complete(PROMPT, user="ada")
        assert g.world.requests == asked


def test_fifty_callers_at_once_never_overspend_by_more_than_one_reserve_error(tmp_path: Path) -> None:
    """Through the whole service: answers as long as their limit, a budget for some dozens of them."""
    most = 400
    with governed(0.004, tmp_path / "budget.db") as g:
        for server in g.world.servers.values():
            server.behave = answers("word " * 50, tokens=(TOKENS_IN, most), after_s=0.01)
        estimates = g.world.service.route(PROMPT, user="bob").estimates

        async def caller() -> int:
            answered = 0
            while True:
                try:
                    await g.world.service.acomplete(
                        PROMPT, user="ada", allow=frozenset({CHEAP}), params={"max_tokens": most}
                    )
                    answered += 1
                except (BudgetError, AllCandidatesFailedError):
                    if g.quota.held_usd == 0.0:
                        return answered
                    await asyncio.sleep(0.01)

        async def all_callers() -> int:
            answered = sum(await asyncio.gather(*(caller() for _ in range(50))))
            await g.world.service.executor.aclose()
            return answered

        answered = asyncio.run(all_callers())
        price = g.world.service.router.catalog[CHEAP].usd_per_mtok_out
        error = (most - min(most, estimates[CHEAP].output_tokens_p90 or 0.0)) * price / 1e6
        assert answered == g.world.requests > 5
        assert g.quota.spent_usd == pytest.approx(g.world.billed_usd, abs=1e-8)
        assert g.quota.spent_usd <= 0.004 + error + 1e-9
        assert g.quota.spent_usd > 0.004 - most * price / 1e6 * 2
