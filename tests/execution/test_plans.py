"""Laws of the plans: who is asked, whose answer is taken, and that everybody is paid."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import openai_server
import provider_world
import pytest
from provider_world import CHEAP, DEAR, MIDDLE, NAMES, World

from arbiter.ensembles import members_of
from arbiter.errors import AllCandidatesFailedError, InvalidInputError
from arbiter.execution import (
    DEFAULT_PLANS,
    Cascade,
    Ensemble,
    Execution,
    FunctionCheck,
    Judge,
    JudgeCheck,
    LogProbabilities,
    Plan,
    Race,
    Redundant,
    SelfConsistency,
)
from arbiter.execution.cascade import steps_of
from arbiter.execution.racing import hedge_s
from arbiter.records import Completion, Decision, Estimate, Query
from arbiter.route_options import read_query
from arbiter.strategies import STRATEGIES
from arbiter.vocabulary import Aggregation, ExecutionPlan, FallbackReason, Strategy

pytestmark = provider_world.QUIET
TEXT = "What is the capital of France?"
NOT_NEEDED = FallbackReason.NOT_NEEDED


@pytest.fixture
def world() -> Iterator[World]:
    with provider_world.running() as found:
        yield found


def behave(world: World, **behaviours: openai_server.Behaviour) -> None:
    """Tell the servers of the cheap, the middle and the dear candidate what to do."""
    names = {"cheap": CHEAP, "middle": MIDDLE, "dear": DEAR}
    for name, behaviour in behaviours.items():
        world.servers[names[name]].behave = behaviour


def accounted(world: World, execution: Execution) -> Execution:
    """Check what holds of every answered request: paid to the cent, one outcome per call, one answer."""
    outcomes = world.outcomes(execution.decision.id)
    assert [o.model for o in outcomes] == [a.model for a in execution.attempts]
    assert [o.model for o in outcomes if o.ok] == [execution.model]
    assert sum(o.cost_usd or 0.0 for o in outcomes) == pytest.approx(execution.cost_usd, rel=1e-12)
    assert sum(o.cost_usd or 0.0 for o in world.outcomes()) == pytest.approx(world.billed_usd, rel=1e-12)
    return execution


PLANS: dict[str, Plan] = {
    **{str(kind): plan for kind, plan in DEFAULT_PLANS.items()},
    "hedge": Race(hedged=True),
    "best_of_n": Ensemble(aggregation=Aggregation.BEST_OF_N, judge=Judge(model=DEAR)),
    "synthesize": Ensemble(aggregation=Aggregation.SYNTHESIZE, judge=Judge(model=DEAR)),
    "concatenate": Ensemble(aggregation=Aggregation.CONCATENATE),
    "first_valid": Ensemble(aggregation=Aggregation.FIRST_VALID),
    "weighted_vote": Ensemble(aggregation=Aggregation.WEIGHTED_VOTE),
    "judged cascade": Cascade(check=JudgeCheck(judge=Judge(model=MIDDLE))),
}
BUT_SINGLE = [name for name in PLANS if name != "single"]
"""Plans that ask others, too."""


@pytest.mark.parametrize("name", BUT_SINGLE)
@pytest.mark.parametrize("down", [None, *NAMES])
def test_every_plan_answers_though_one_provider_is_down(world: World, name: str, down: str | None) -> None:
    """One contract for all: an answer, one outcome that is ok, nothing billed that is not counted."""
    if down is not None:
        world.servers[down].behave = openai_server.fails(500)
    execution = world.service.complete(TEXT, plan=PLANS[name])
    assert "Paris" in execution.text
    outcomes = world.outcomes(execution.decision.id)
    assert sum(o.ok for o in outcomes) == 1
    assert len(outcomes) == len(execution.attempts)
    assert execution.cost_usd <= world.billed_usd * (1 + 1e-12), "a cancelled call may have been billed"


@pytest.mark.parametrize("name", BUT_SINGLE)
def test_every_plan_fails_with_the_same_error(world: World, name: str) -> None:
    """Where all are down; every call is in the ledger."""
    for server in world.servers.values():
        server.behave = openai_server.rate_limited(60)
    with pytest.raises(AllCandidatesFailedError) as failed:
        world.service.complete(TEXT, plan=PLANS[name])
    assert len(world.outcomes(failed.value.decision_id)) == len(failed.value.attempts) >= len(NAMES)


@pytest.mark.parametrize("strategy", Strategy)
def test_every_strategy_can_be_carried_out(strategy: Strategy) -> None:
    """Each name of the table has a plan."""
    assert STRATEGIES[strategy].plan in DEFAULT_PLANS
    assert set(DEFAULT_PLANS) == set(ExecutionPlan)


# race, hedge, redundancy


def test_the_faster_wins_a_race_and_the_slower_is_cancelled(world: World) -> None:
    """Its connection is closed, its price is not known and charged as expected."""
    slow = world.service.route(TEXT, strategy="parallel_race").model
    world.servers[slow].behave = openai_server.stalls()
    execution = world.service.complete(TEXT, strategy="parallel_race")
    assert (execution.text, execution.decision.model) == ("Paris", slow)
    assert execution.model != slow
    (lost,) = [a for a in execution.attempts if a.reason is NOT_NEEDED]
    assert (lost.model, lost.cost_usd) == (slow, None)
    assert execution.charged_usd == pytest.approx(execution.cost_usd + lost.expected_usd)


def test_a_hedge_asks_a_second_only_after_a_while_or_a_failure(world: World) -> None:
    """A quick answer costs one call; a failure is followed at once."""
    plan = Race(hedged=True)
    accounted(world, world.service.complete(TEXT, plan=plan))
    assert world.requests == 1
    chosen = world.service.route(TEXT).model
    world.servers[chosen].behave = openai_server.fails(500)
    execution = world.service.complete(TEXT, plan=plan)
    assert execution.fallback_reason is FallbackReason.ERROR
    assert execution.latency_s < 1.0


def test_a_hedge_waits_for_the_95th_percentile() -> None:
    """Of a log-normal latency, median 1 s and s = 0.5: mean exp(0.125), p90 exp(0.6408), p95 exp(0.8224)."""
    mean, p90, p95 = 1.133148, 1.897943, 2.276108
    known = Estimate(quality=0.5, quality_se=0.1, cost_usd=0.0, latency_s=mean, output_tokens=1.0, latency_p90_s=p90)
    assert hedge_s(known) == pytest.approx(p95, rel=1e-4)
    assert hedge_s(None) == 0.0


def test_the_slower_of_two_streams_is_closed(world: World) -> None:
    """Whoever's first part comes first is read to its end."""
    for server in world.servers.values():
        server.behave = openai_server.streams(["Paris", " it", " is"], every_s=0.01)
    with world.service.stream(TEXT, plan=Race(width=3)) as stream:
        text = "".join(part.choices[0].delta.content or "" for part in stream)
    assert text == "Paris it is" == stream.execution.text
    deadline = time.monotonic() + 5.0
    while any(server.busy for server in world.servers.values()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(server.busy for server in world.servers.values())
    assert sum(a.reason is None for a in stream.execution.attempts) == 1


def test_redundancy_prefers_the_choice_though_it_is_slower(world: World) -> None:
    """A stand-in's answer is taken only where the choice's does not come."""
    chosen = world.service.route(TEXT, strategy="redundant").model
    world.servers[chosen].behave = openai_server.answers("Paris", after_s=0.2)
    execution = world.service.complete(TEXT, strategy="redundant")
    assert execution.model == chosen == execution.decision.model
    assert [a.reason for a in execution.attempts] == [NOT_NEEDED, None]
    world.servers[chosen].behave = openai_server.fails(500)
    again = world.service.complete(TEXT, plan=Redundant(copies=3))
    assert again.text == "Paris"


# cascade


def test_a_cascade_stays_with_an_answer_that_will_do(world: World) -> None:
    """Of a check of the user's: one call."""
    plan = Cascade(check=FunctionCheck(function=lambda query, completion: completion.text == "Paris"))
    execution = accounted(world, world.service.complete(TEXT, plan=plan, strategy="least_cost"))
    assert world.requests == 1
    assert execution.attempts[0].score == 1.0


def test_a_cascade_goes_on_to_the_better_candidate_and_counts_what_the_first_did_cost(world: World) -> None:
    """The first outcome says why, and with which score."""
    behave(world, cheap=openai_server.answers("Lyon"), middle=openai_server.answers("Lyon"))

    def check(query: Query, completion: Completion) -> float:
        return 0.9 if completion.text == "Paris" else 0.2

    plan = Cascade(check=FunctionCheck(function=check), threshold=0.5)
    execution = accounted(world, world.service.complete(TEXT, plan=plan, strategy="least_cost"))
    cheap = execution.decision.model
    assert execution.model == steps_of(execution.decision, 2)[-1] != cheap
    first, last = world.outcomes(execution.decision.id)
    assert (first.model, first.fallback_reason, first.score) == (cheap, "quality_below_threshold", 0.2)
    assert last.ok and first.cost_usd and execution.cost_usd > (last.cost_usd or 0.0)


def test_a_weak_answer_is_better_than_none(world: World) -> None:
    """Where the better candidate fails, the first answer is given after all."""
    plan = Cascade(check=FunctionCheck(function=lambda query, completion: 0.1))
    decision = world.service.route(TEXT, strategy="least_cost")
    better = steps_of(decision, 2)[-1]
    world.servers[better].behave = openai_server.fails(500)
    execution = accounted(world, world.service.complete(TEXT, plan=plan, strategy="least_cost"))
    assert execution.model == decision.model
    assert execution.completion.text == "Paris"


def test_self_consistency_is_the_share_that_says_the_same(world: World) -> None:
    """Three answers that agree will do; two that differ will not. All are paid for."""
    plan = Cascade(check=SelfConsistency(samples=2), threshold=0.6)
    execution = accounted(world, world.service.complete(TEXT, plan=plan, strategy="least_cost"))
    assert (world.requests, execution.attempts[0].score) == (3, 1.0)
    cheap = execution.decision.model
    world.servers[cheap].script += [openai_server.answers(city) for city in ("Lyon", "Nice", "Paris")]
    execution = accounted(world, world.service.complete(TEXT, plan=plan, strategy="least_cost"))
    assert execution.model != cheap
    assert execution.attempts[0].score == pytest.approx(1 / 3)
    assert world.requests == 3 + 4


def test_log_probabilities_are_asked_for_and_averaged(world: World) -> None:
    """A provider that tells none scores 0, and the better candidate is asked."""
    plan = Cascade(check=LogProbabilities())
    execution = accounted(world, world.service.complete(TEXT, plan=plan, strategy="least_cost"))
    assert world.servers[execution.decision.model].bodies[0]["logprobs"] is True
    assert execution.attempts[0].score == 0.0
    assert execution.fell_back


def test_tokens_that_the_candidate_was_sure_of_will_do(world: World) -> None:
    """Probabilities .9 and .4 have the geometric mean .6."""

    def sure(handler: openai_server.Handler, body: Mapping[str, Any]) -> None:
        tokens = [{"token": t, "logprob": math.log(p), "top_logprobs": []} for t, p in (("Pa", 0.9), ("ris", 0.4))]
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Paris"},
            "logprobs": {"content": tokens},
        }
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        handler.say({"id": "x", "object": "chat.completion", "created": 1, "choices": [choice], "usage": usage})
        handler.server.bill(str(body["model"]), 10, 5)

    for server in world.servers.values():
        server.behave = sure
    plan = Cascade(check=LogProbabilities(), threshold=0.55)
    execution = accounted(world, world.service.complete(TEXT, plan=plan, strategy="least_cost"))
    assert execution.attempts[0].score == pytest.approx(0.6)
    assert not execution.fell_back


def test_a_judge_marks_out_of_ten() -> None:
    """A model beside the catalog; its call is counted. Where it says no mark the better candidate is asked."""
    plan = Cascade(check=JudgeCheck(judge=Judge(model="judge")), threshold=0.5)
    with provider_world.running(names=(*NAMES, "judge")) as world:
        world.servers["judge"].behave = openai_server.answers('Let me think. {"score": 8}')
        execution = world.service.complete(TEXT, plan=plan, strategy="least_cost")
        assert execution.attempts[0].score == 0.8
        assert [a.model for a in execution.attempts] == [execution.decision.model, "judge"]
        assert execution.attempts[1].reason is NOT_NEEDED
        world.servers["judge"].behave = openai_server.answers("I would rather not.")
        assert world.service.complete(TEXT, plan=plan, strategy="least_cost").attempts[0].score == 0.0


def test_steps_lead_up_to_the_best(world: World) -> None:
    """From the choice, through candidates of greater expected quality; the best has nowhere to go."""
    decision = world.service.route(TEXT, strategy="least_cost")
    quality = {name: estimate.quality for name, estimate in decision.estimates.items()}
    for most in (2, 3, 5):
        steps = steps_of(decision, most)
        assert steps[0] == decision.model
        assert [quality[s] for s in steps] == sorted(quality[s] for s in steps)
        assert quality[steps[-1]] == max(quality[name] for name in decision.action_probs)


# ensembles


def test_the_majority_is_given(world: World) -> None:
    """Two say the same; the third is paid for, too."""
    behave(world, cheap=openai_server.answers("Lyon"), middle=openai_server.answers("Paris."))
    execution = accounted(world, world.service.complete(TEXT, strategy="ensemble_voting"))
    assert execution.text in ("Paris", "Paris.")
    assert execution.agreement == pytest.approx(2 / 3)
    assert world.requests == 3


def test_a_vote_without_agreement_gives_the_likeliest_answer(world: World) -> None:
    """And says how little they agreed."""
    behave(
        world,
        cheap=openai_server.answers("Lyon"),
        middle=openai_server.answers("Nice"),
        dear=openai_server.answers("Metz"),
    )
    execution = accounted(world, world.service.complete(TEXT, strategy="ensemble_voting"))
    best = max(execution.decision.estimates.items(), key=lambda item: item[1].quality)[0]
    assert (execution.model, execution.agreement) == (best, pytest.approx(1 / 3))


def test_too_few_answers_are_no_vote(world: World) -> None:
    """The one that came is given, without an agreement."""
    behave(world, cheap=openai_server.fails(500), middle=openai_server.fails(500))
    execution = accounted(world, world.service.complete(TEXT, strategy="ensemble_voting"))
    assert (execution.text, execution.agreement) == ("Paris", None)


def test_a_decided_vote_waits_for_nobody(world: World) -> None:
    """Five members, three agree: those that stall are cancelled."""
    behave(world, dear=openai_server.stalls())
    started = time.monotonic()
    execution = world.service.complete(TEXT, plan=Ensemble(least_responses=2), params={"timeout": 20.0})
    assert time.monotonic() - started < 5.0
    assert execution.agreement == 1.0
    assert [a.model for a in execution.attempts if a.reason is NOT_NEEDED][-1] == DEAR


def test_the_weighted_vote_counts_who_is_more_often_right(world: World) -> None:
    """One voter of great weight against two of little: the weights of the plan decide, as they do on paper."""
    behave(world, dear=openai_server.answers("Lyon"))
    everybody = Ensemble(least_responses=3)  # nobody is given up, so the servers' own count is exact
    execution = accounted(world, world.service.complete(TEXT, strategy="ensemble_weighted", plan=everybody))
    assert len(execution.attempts) == 3
    weights = {m.model: m.weight for m in members_of(execution.decision, Aggregation.WEIGHTED_VOTE, 3)}
    wanted = "Lyon" if weights.get(DEAR, 0.0) > 0.5 else "Paris"
    assert execution.text == wanted
    assert execution.agreement == pytest.approx(max(weights[DEAR], 1 - weights[DEAR]))


def test_a_judge_picks_the_best_of_n(world: World) -> None:
    """By its number; the others' numbers are not mistaken for it."""
    behave(world, cheap=openai_server.answers("Lyon"), middle=openai_server.answers("Nice"))
    calls = {"n": 0}

    def dear(handler: openai_server.Handler, body: object) -> None:
        calls["n"] += 1
        openai_server.answers("Paris" if calls["n"] == 1 else '{"best": 1}')(handler, body)  # type: ignore[arg-type]

    world.servers[DEAR].behave = dear
    plan = Ensemble(aggregation=Aggregation.BEST_OF_N, judge=Judge(model=DEAR))
    execution = accounted(world, world.service.complete(TEXT, plan=plan))
    shown = world.servers[DEAR].bodies[1]["messages"][1]["content"]
    assert TEXT in shown and "Lyon" in shown and "Nice" in shown
    assert execution.text in ("Lyon", "Nice", "Paris")
    assert json.loads(shown)["answers"]["1"] == execution.text


def test_a_judge_writes_one_answer_out_of_several(world: World) -> None:
    """The answer is its own, and so is the outcome that is ok."""
    calls = {"n": 0}

    def dear(handler: openai_server.Handler, body: object) -> None:
        calls["n"] += 1
        openai_server.answers("Paris" if calls["n"] == 1 else "It is Paris.")(handler, body)  # type: ignore[arg-type]

    world.servers[DEAR].behave = dear
    plan = Ensemble(aggregation=Aggregation.SYNTHESIZE, judge=Judge(model=DEAR))
    execution = accounted(world, world.service.complete(TEXT, plan=plan))
    assert (execution.text, execution.model) == ("It is Paris.", DEAR)
    assert len(execution.attempts) == 4


def test_concatenation_names_everybody_and_leaves_the_responses_alone(world: World) -> None:
    """The response given is a copy with the joined text."""
    execution = accounted(world, world.service.complete(TEXT, plan=Ensemble(aggregation=Aggregation.CONCATENATE)))
    assert all(f"{name}:\nParis" in execution.text for name in NAMES)
    assert execution.response.choices[0].message.content == execution.text


def test_the_first_valid_answer_is_taken(world: World) -> None:
    """Valid by the user's own check."""
    behave(world, cheap=openai_server.answers("no"), middle=openai_server.answers("Paris", after_s=0.1))
    behave(world, dear=openai_server.stalls())
    execution = world.service.complete(TEXT, plan=Ensemble(aggregation=Aggregation.FIRST_VALID))
    assert execution.text == "no"
    with provider_world.running(valid=lambda completion: completion.text == "Paris") as checked:
        behave(checked, cheap=openai_server.answers("no"), middle=openai_server.answers("Paris", after_s=0.1))
        behave(checked, dear=openai_server.stalls())
        found = checked.service.complete(TEXT, plan=Ensemble(aggregation=Aggregation.FIRST_VALID))
        assert (found.text, found.model) == ("Paris", MIDDLE)


@pytest.mark.parametrize("strategy", ["cascade", "ensemble_voting", "redundant"])
def test_a_plan_that_reads_whole_answers_does_not_stream(world: World, strategy: str) -> None:
    """It says so before anybody is called."""
    with pytest.raises(InvalidInputError, match="cannot stream"):
        world.service.stream(TEXT, strategy=strategy)
    assert world.requests == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: Race(width=1),
        lambda: Redundant(copies=1),
        lambda: Cascade(threshold=2.0),
        lambda: Cascade(steps=1),
        lambda: SelfConsistency(samples=0),
        lambda: Ensemble(members=1),
        lambda: Ensemble(aggregation=Aggregation.BEST_OF_N),
    ],
)
def test_wrong_plans_are_refused(make: Callable[[], Plan]) -> None:
    """When they are made."""
    with pytest.raises(InvalidInputError):
        make()


def test_a_single_call_is_what_was_asked_for_by_name_only() -> None:
    """A router whose own strategy is single_best, as training leaves it, does not pass an outage on."""
    router = provider_world.three_router()
    router = replace(router, settings=replace(router.settings, strategy=Strategy.SINGLE_BEST))
    with provider_world.running(router=router) as world:
        chosen = world.service.route(TEXT).model
        world.servers[chosen].behave = openai_server.rate_limited(60)
        with pytest.raises(AllCandidatesFailedError):
            world.service.complete(TEXT, strategy="single_best", allow=frozenset({chosen}))
        with pytest.raises(AllCandidatesFailedError):
            world.service.executor.complete(*single(world, chosen))
        execution = world.service.executor.complete(*single(world, chosen, named=False))
        assert execution.text == "Paris"
        assert execution.fell_back


def single(world: World, chosen: str, *, named: bool = True) -> tuple[Query, Decision]:
    """Give a request that asks for a single call or not, decided for this candidate with others to stand in."""
    query = read_query(TEXT, {"strategy": "single_best"} if named else {})
    decision = world.service.route(query)
    others = [name for name in NAMES if name != chosen]
    return query, replace(decision, model=chosen, fallbacks=tuple(others))
