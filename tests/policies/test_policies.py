"""The contract that every policy keeps, and what is particular to the simple ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbiter.deciding import draws
from arbiter.errors import InvalidInputError
from arbiter.estimates.expectation import Expectation, UtilityWeights
from arbiter.ope import chi_square_tail
from arbiter.policies import BanditPolicy, BanditSettings, ConstantPolicy, GateSettings, GreedyPolicy, Policy
from arbiter.policies.explorers import EXPLORERS
from arbiter.policies.lesson import Lesson

K, D = 6, 4


def taught() -> BanditPolicy:
    rng = np.random.default_rng(5)
    policy = BanditPolicy.fresh(K, D, BanditSettings(gate=GateSettings.fixed(0.3), half_life_feedback=50))
    for _ in range(60):
        arm, context = int(rng.integers(K)), np.r_[1.0, rng.normal(size=D - 1)]
        policy = policy.learned(Lesson(arm=arm, context=context, residual=float(rng.normal(0, 0.3))))
    return policy


POLICIES: dict[str, Policy] = {
    "greedy": GreedyPolicy(),
    "single": ConstantPolicy.single(2, K),
    "uniform": ConstantPolicy.uniform(K),
    "mixture": ConstantPolicy(np.array([0.0, 1.0, 2.0, 0.0, 3.0, 0.5])),
    "bandit": BanditPolicy.fresh(K, D),
    **{name: BanditPolicy.fresh(K, D, BanditSettings(explorer=name)) for name in EXPLORERS},
    "thompson alone": BanditPolicy.fresh(K, D, BanditSettings(gate=GateSettings.fixed(1.0), floor=0.0)),
    "thompson taught": taught(),
    "thompson without exploration": BanditPolicy.fresh(K, D, BanditSettings(gate=GateSettings.fixed(0.0))),
}
READERS = {
    "greedy_policy": GreedyPolicy,
    "constant_policy": ConstantPolicy,
    "bandit_policy": BanditPolicy,
}


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> Policy:
    return POLICIES[request.param]


def case(seed: int, n: int = 12) -> tuple[np.ndarray, np.ndarray, Expectation]:
    """Give contexts, eligibility (often a single one) and expectations with ties and free candidates."""
    rng = np.random.default_rng(seed)
    eligible = rng.random((n, K)) < 0.5
    eligible[np.arange(n), rng.integers(K, size=n)] = True
    expectation = Expectation(
        quality=rng.choice([0.2, 0.5, 0.55, 0.9], size=(n, K)),
        quality_se=rng.choice([0.0, 0.05, 0.1], size=(n, K)),
        cost_usd=rng.choice([0.0, 1e-6, 0.001, 0.02], size=(n, K)),
        latency_s=rng.random((n, K)) * 5,
        output_tokens=np.full((n, K), 100.0),
        weights=UtilityWeights(quality_per_usd=5.0, quality_per_s=0.01),
    )
    return np.concatenate([np.ones((n, 1)), rng.normal(size=(n, D - 1))], axis=1), eligible, expectation


@pytest.mark.parametrize("seed", range(10))
def test_probabilities_sum_to_one_over_the_eligible(policy: Policy, seed: int) -> None:
    """None is negative, and who is not eligible has exactly 0."""
    context, eligible, expectation = case(seed)
    p = policy.action_probabilities(context, eligible, expectation)
    assert p.shape == eligible.shape
    assert (p >= 0).all()
    assert (p[~eligible] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_is_its_rows(policy: Policy, seed: int) -> None:
    """One request has the probabilities of its row, to 1e-9 (matrix products round by their shape)."""
    context, eligible, expectation = case(seed)
    p = policy.action_probabilities(context, eligible, expectation)
    for i, row in enumerate(p):
        alone = policy.action_probabilities(context[i], eligible[i], expectation.row(i))
        assert alone.shape == (K,)
        np.testing.assert_allclose(alone, row, atol=1e-9)


def test_propensities_are_the_sampling_frequencies(policy: Policy) -> None:
    """200,000 draws, fixed seed: the chi-square statistic stays below 36, passed by chance once in a million (5 df)."""
    context, eligible, expectation = case(3)
    row = int(np.argmax(eligible.sum(axis=1)))
    p = policy.action_probabilities(context[row], eligible[row], expectation.row(row))
    n = 200_000
    counts = np.bincount(draws(np.tile(p, (n, 1)), np.random.default_rng(11))[0], minlength=K)
    assert (counts[p == 0] == 0).all()
    likely = p * n > 5
    assert ((counts[likely] - n * p[likely]) ** 2 / (n * p[likely])).sum() < 36


@pytest.mark.parametrize(
    "explorer",
    [
        "thompson",
        *(pytest.param(name, marks=pytest.mark.slow) for name in (*EXPLORERS, "static") if name != "thompson"),
    ],
)
def test_a_million_draws_of_the_gated_mixture_have_the_propensities_that_are_logged(explorer: str) -> None:
    """10,000 draws on each of 100 requests, fixed seed, with a taught bandit in half of the traffic.

    Chi-square over all cells, those expected below five times put to their row's greatest; p above 1e-4. ``static`` is
    the mixture without a bandit's share.
    """
    share = 0.0 if explorer == "static" else 0.5
    settings = BanditSettings(
        explorer=explorer if explorer in EXPLORERS else "thompson", gate=GateSettings.fixed(share), floor=0.1
    )
    policy, rng = BanditPolicy.fresh(K, D, settings), np.random.default_rng(5)
    for _ in range(60):
        lesson = Lesson(
            arm=int(rng.integers(K)), context=np.r_[1.0, rng.normal(size=D - 1)], residual=float(rng.normal(0, 0.3))
        )
        policy = policy.learned(lesson)
    n, rows = 10_000, 100
    p = policy.action_probabilities(*case(17, rows))
    counts = np.stack(
        [np.bincount(draws(np.tile(row, (n, 1)), rng)[0], minlength=K) for row in p]  # what the router draws by
    )
    assert (counts[p == 0] == 0).all()
    found, expected, likely = counts.astype(float), n * p, n * p >= 5.0
    places = np.arange(rows), p.argmax(axis=1)
    for cells in (found, expected):
        cells[places] += np.where(likely, 0.0, cells).sum(axis=1)
    df = likely.sum() - rows
    statistic = ((found - expected)[likely] ** 2 / expected[likely]).sum()
    assert df == 0 if explorer == "static" else df > 100
    assert chi_square_tail(statistic, df) > 1e-4 if df else statistic == 0.0


def test_a_policy_survives_its_state(policy: Policy) -> None:
    """Read back, it gives the same bits and the same fingerprint."""
    state = policy.to_state()
    again = READERS[state.kind].from_state(state)
    np.testing.assert_array_equal(again.action_probabilities(*case(1)), policy.action_probabilities(*case(1)))
    assert again.version == policy.version


def test_probabilities_are_not_the_arguments_to_spoil(policy: Policy) -> None:
    """A policy changes nothing that it is given, and asking twice gives the same."""
    context, eligible, expectation = case(2)
    kept = [a.copy() for a in (context, eligible, expectation.quality, expectation.cost_usd)]
    first = policy.action_probabilities(context, eligible, expectation)
    first[:] = 7.0
    assert (policy.action_probabilities(context, eligible, expectation) != 7.0).all()
    for now, before in zip((context, eligible, expectation.quality, expectation.cost_usd), kept, strict=True):
        np.testing.assert_array_equal(now, before)


# Greedy -----------------------------------------------------------------------------------------------------------


def single(quality: list[float], cost: list[float]) -> Expectation:
    zeros = np.zeros(len(quality))
    return Expectation(
        quality=np.array(quality),
        quality_se=zeros + 0.1,
        cost_usd=np.array(cost),
        latency_s=zeros,
        output_tokens=zeros + 1,
    )


@pytest.mark.parametrize(
    ("quality", "cost", "choice"),
    [
        ([0.1, 0.9, 0.5], [1.0, 1.0, 1.0], 1),
        ([0.9, 0.9, 0.9], [3.0, 2.0, 2.0], 1),
        ([0.9, float("nan"), 0.5], [3.0, 1.0, 2.0], 0),
        ([float("nan")] * 3, [3.0, float("nan"), 2.0], 2),
    ],
)
def test_greedy_takes_the_greatest_utility_then_the_cheapest(
    quality: list[float], cost: list[float], choice: int
) -> None:
    """What is not a number loses to every number."""
    p = GreedyPolicy().action_probabilities(np.ones(1), np.ones(3, dtype=bool), single(quality, cost))
    assert p.tolist() == np.eye(3)[choice].tolist()


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_greedy_never_lets_through_who_is_not_eligible(data: st.DataObject) -> None:
    """Not even when estimates are broken: constraints come before utility."""
    numbers = st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=3, max_size=3)
    eligible = np.array(data.draw(st.lists(st.booleans(), min_size=3, max_size=3).filter(any)))
    expectation = single(data.draw(numbers), data.draw(numbers))
    p = GreedyPolicy().action_probabilities(np.ones(1), eligible, expectation)
    assert p.sum() == 1.0
    assert p[eligible].sum() == 1.0


# Constant ---------------------------------------------------------------------------------------------------------


def test_shares_of_the_excluded_go_to_the_others_in_proportion() -> None:
    """1 : 2 : 3 without the last is 1 : 2; with nobody left who has a share, the greatest utility decides."""
    policy = ConstantPolicy(np.array([1.0, 2.0, 3.0, 0.0, 0.0]))
    expectation = single([0.1, 0.2, 0.3, 0.4, 0.5], [1.0] * 5)
    rows = np.array([[1, 1, 0, 0, 1], [0, 0, 0, 1, 1]], dtype=bool)
    one, nobody = (policy.action_probabilities(np.ones(1), row, expectation) for row in rows)
    np.testing.assert_allclose(one, [1 / 3, 2 / 3, 0, 0, 0])
    np.testing.assert_allclose(nobody, [0, 0, 0, 0, 1])


@pytest.mark.parametrize("shares", [[0.0, 0.0], [1.0, -0.5], [float("nan"), 1.0], [float("inf"), 1.0], [[1.0]], []])
def test_shares_that_are_no_shares_are_refused(shares: list[float]) -> None:
    """They would give probabilities that are not numbers."""
    with pytest.raises(InvalidInputError, match="shares must be numbers from 0 up"):
        ConstantPolicy(np.array(shares))
