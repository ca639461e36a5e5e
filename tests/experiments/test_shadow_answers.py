"""A shadow's answers: called at real providers, kept in its own ledger, paid by nobody's quota."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openai_server
import pytest
from openai_server import answers, fails
from provider_world import CHEAP, DEAR, NAMES, QUIET, deployments, require_litellm, three_router

from arbiter.execution import ExecutionOptions
from arbiter.experiments import Shadow
from arbiter.governance import Allowance, BudgetLimits, Governance, Owner, SqliteBudget
from arbiter.ledger import SqliteLedger
from arbiter.policies import ConstantPolicy
from arbiter.records import Outcome
from arbiter.service import Arbiter, ServiceOptions

pytestmark = QUIET


@pytest.mark.parametrize("works", [True, False])
def test_a_shadows_answers_are_its_own(tmp_path: Path, works: bool) -> None:
    """The caller has the live answer; the shadow's, or its failure, is known to its ledger alone."""
    require_litellm()
    router = three_router()
    single = {name: ConstantPolicy(np.eye(3)[router.catalog.position(name)]) for name in NAMES}
    budget = SqliteBudget(":memory:", BudgetLimits(each_user=Allowance(day_usd=1.0)))
    with openai_server.running() as live, openai_server.running() as other:
        other.behave = answers("Rome") if works else fails(400)
        places = deployments({CHEAP: live, DEAR: other})
        options = ServiceOptions(
            execution=ExecutionOptions(deployments=places),
            governance=Governance(budget=budget),
            shadow=Shadow(
                challenger=replace(router, policy=single[DEAR]),
                ledger=SqliteLedger(tmp_path / "shadow.db"),
                answers=1.0,
            ),
        )
        service = Arbiter(replace(router, policy=single[CHEAP]), options=options)
        done = service.complete("Name the capital of France", user="ada", strategy="single_best")
        assert (done.text, done.model) == ("Paris", CHEAP)
        service.close()  # waits for the shadow
        assert other.requests == 1
    with SqliteLedger(tmp_path / "shadow.db") as beside:
        (outcome,) = [e.record for _, e in beside.events() if isinstance(e.record, Outcome)]
    assert (outcome.decision_id, outcome.model, outcome.ok) == (done.decision.id, DEAR, works)
    (ada,), (shadow,) = (budget.quotas(Owner(user=name)) for name in ("ada", "arbiter-shadow"))
    assert ada.spent_usd == pytest.approx(done.cost_usd) and ada.held_usd == shadow.held_usd == 0.0
    assert shadow.spent_usd == pytest.approx(outcome.cost_usd)
