"""Laws of the explanation in words."""

from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.explain import explain
from arbiter.records import Decision, Estimate, TaskProfile
from arbiter.vocabulary import Complexity, Domain, ProfileSource, Risk, Strategy, TaskType

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
ESTIMATES = st.builds(
    Estimate, quality=NUMBERS, quality_se=NUMBERS, cost_usd=NUMBERS, latency_s=NUMBERS, output_tokens=NUMBERS
)
PROFILES = st.builds(
    TaskProfile,
    complexity=st.sampled_from(Complexity),
    risk=st.sampled_from(Risk),
    domain=st.sampled_from(Domain),
    task_type=st.sampled_from(TaskType),
    harm=st.sampled_from(Risk),
    stake=st.sampled_from(Risk),
    probabilities=st.dictionaries(
        st.sampled_from(["domain", "complexity", "harm", "stake"]),
        st.dictionaries(st.sampled_from([*Domain, *Risk]), st.floats(0, 1)),
    ),
    source=st.sampled_from(ProfileSource),
    confidence=st.floats(0, 1),
    evidence=st.lists(NAMES, max_size=12).map(tuple),
)
DECISIONS = st.builds(
    Decision,
    id=NAMES,
    model=NAMES,
    propensity=st.floats(0, 1),
    action_probs=st.dictionaries(NAMES, st.floats(0, 1), max_size=4),
    fallbacks=st.lists(NAMES, max_size=3).map(tuple),
    confidence=st.floats(0, 1),
    strategy=st.sampled_from(Strategy),
    profile=PROFILES,
    estimates=st.dictionaries(NAMES, ESTIMATES, max_size=4),
    utilities=st.dictionaries(NAMES, NUMBERS, max_size=4),
    excluded=st.dictionaries(NAMES, NAMES, max_size=3),
    needs_human_review=st.booleans(),
    degraded=st.lists(NAMES, max_size=2).map(tuple),
)


@given(DECISIONS)
@settings(max_examples=150, deadline=None)
def test_every_decision_can_be_explained_and_nothing_in_it_is_left_out(decision: Decision) -> None:
    """The text names choice, candidates, fallbacks, every exclusion with its reason, and what was broken."""
    text = explain(decision)
    assert text.startswith(decision.model)
    for name, reason in decision.excluded.items():
        assert f"excluded: {name}: {reason}" in text.splitlines()
    for what in decision.degraded:
        assert f"  degraded: {what}" in text
    assert all(name in text for name in (*decision.action_probs, *decision.fallbacks))
    assert ("needs human review" in text) == decision.needs_human_review


def test_an_explanation_worked_by_hand() -> None:
    """Candidates stand by falling utility, aligned under their headings."""
    estimate = Estimate(quality=0.5, quality_se=0.1, cost_usd=0.001, latency_s=1.5, output_tokens=100)
    profile = TaskProfile(
        complexity=Complexity.SIMPLE,
        risk=Risk.LOW,
        domain=Domain.MATH,
        task_type=TaskType.MATH_LOGIC,
        harm=Risk.MINIMAL,
        stake=Risk.LOW,
        probabilities={"domain": {"math": 0.9}, "complexity": {"simple": 0.8}, "harm": {"minimal": 1.0}},
        source=ProfileSource.KEYWORDS,
        confidence=0.7,
    )
    decision = Decision(
        id="1",
        model="b",
        propensity=0.75,
        action_probs={"a": 0.25, "b": 0.75},
        fallbacks=("a",),
        confidence=0.8,
        strategy=Strategy.BALANCED,
        profile=profile,
        estimates={"a": estimate, "b": estimate},
        utilities={"a": 0.4, "b": 0.45},
        excluded={"c": "status down"},
    )
    assert decision.explain().splitlines() == [
        "b  (probability 0.750, confidence 0.80 = high, strategy balanced)",
        "seen: domain math (0.90), complexity simple (0.80), harm minimal (1.00), stake low; "
        "task math_logic; by keywords",
        "candidate  prob   utility  quality        cost_usd   latency_s",
        "b          0.750  +0.450   0.50 +- 0.10   0.001      1.5     ##########",
        "a          0.250  +0.400   0.50 +- 0.10   0.001      1.5     ##########",
        "then: a",
        "excluded: c: status down",
        "would change the choice: a of quality 0.550 instead of 0.500: a",
    ]
