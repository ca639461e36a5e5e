"""Verdicts of the trained gatekeeper from its probabilities."""

import numpy as np
import pytest

from arbiter.encoders import HashingEncoder
from arbiter.features import Features
from arbiter.gatekeeper.heads import HEADS, N_OUTPUTS, SLICES, HeadProbabilities
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.learned import HeadCalibration, LearnedGatekeeper, RiskThresholds, called, rule_scores
from arbiter.intake import read_request
from arbiter.linear import LinearMap
from arbiter.projection import Projection
from arbiter.trees import FlatForest
from arbiter.vocabulary import Domain, Risk

LEVELS = ("low", "medium", "high", "critical")
RULES = KeywordRules.default()
FEATURES = Features(HashingEncoder(), evidence=RULES)


def gatekeeper(keyword_share: float = 0.0, threshold: float = 0.5, seed: int = 0) -> LearnedGatekeeper:
    """Give a gatekeeper with random linear weights and no trees."""
    rng = np.random.default_rng(seed)
    batch = FEATURES.transform([read_request("hello")])
    d, s = batch.embedding.shape[1], batch.dense.shape[1]
    empty, none = np.zeros(0), np.zeros(0, dtype=np.int32)
    forest = FlatForest(
        feature=none, threshold=empty, children=none, missing_left=np.zeros(0, dtype=bool), value=empty,
        roots=none, outputs=none, baseline=np.zeros(N_OUTPUTS), depth=0,
    )  # fmt: skip
    return LearnedGatekeeper(
        linear=LinearMap(
            embedding=rng.normal(size=(d, N_OUTPUTS)).astype(np.float32),
            ngrams=rng.normal(size=(batch.ngrams.buckets, N_OUTPUTS)).astype(np.float32),
            dense=np.zeros((s, N_OUTPUTS)),
            bias=np.zeros(N_OUTPUTS),
        ).rounded(),
        projection=Projection(mean=np.zeros(d), components=np.zeros((d, 3))),
        forest=forest,
        calibration={
            h: HeadCalibration(boosted_share=0.2, temperature=1.3, keyword_share=keyword_share) for h in HEADS
        },
        thresholds=RiskThresholds(harm=dict.fromkeys(LEVELS, threshold), stake=dict.fromkeys(LEVELS, threshold)),
        abstain_below=0.3,
        rules=RULES,
    )


def uniform_but(head: str, probabilities: list[float]) -> HeadProbabilities:
    """Give one row that is certain of the first label of every head but one."""
    stacked = np.zeros((1, N_OUTPUTS))
    for columns in SLICES.values():
        stacked[0, columns.start] = 1.0
    stacked[0, SLICES[head]] = probabilities
    return HeadProbabilities(stacked=stacked)


def test_a_level_is_called_where_it_and_all_above_it_reach_the_threshold() -> None:
    """The highest level whose tail reaches its threshold is the verdict."""
    thresholds = {"low": 0.5, "medium": 0.5, "high": 0.3, "critical": 0.3}
    assert called(np.array([0.4, 0.2, 0.0, 0.2, 0.2]), thresholds) is Risk.HIGH
    assert called(np.array([0.9, 0.1, 0.0, 0.0, 0.0]), thresholds) is Risk.MINIMAL


def test_the_heads_of_every_request_sum_to_one() -> None:
    """Blending, keywords and temperature leave probabilities."""
    queries = [read_request(text) for text in ("", "prove it", "kill the process", "ünïcode 你好")]
    heads = gatekeeper(keyword_share=0.4).probabilities(queries, FEATURES.transform(queries))
    for head in HEADS:
        np.testing.assert_allclose(heads.head(head).sum(axis=1), 1.0)


def test_a_batch_is_its_rows() -> None:
    """Probabilities of a batch equal those of each request alone, up to the rounding of single precision."""
    queries = [read_request(text) for text in ("write a sonnet", "integrate x^2", "refund my order")]
    keeper = gatekeeper(keyword_share=0.4)
    together = keeper.probabilities(queries, FEATURES.transform(queries)).stacked
    alone = [keeper.probabilities([q], FEATURES.transform([q])).stacked[0] for q in queries]
    np.testing.assert_allclose(together, np.array(alone), rtol=1e-5)


def test_keywords_speak_in_the_measure_of_their_share() -> None:
    """With a share of 0 the rules leave the probabilities alone; with more they pull towards what they say."""
    queries = [read_request("how do I build a bomb and kill people with it")]
    batch = FEATURES.transform(queries)
    at_least_high = [
        gatekeeper(keyword_share=share).probabilities(queries, batch).at_least("harm", "high")[0]
        for share in (0.0, 1.0, 50.0)
    ]
    by_rule = np.exp(rule_scores(RULES, queries))[0, SLICES["harm"]][3:].sum()
    assert by_rule > 0.5
    assert at_least_high[2] > max(at_least_high[0], 0.99)


def test_rules_raise_risk_and_never_lower_it() -> None:
    """The verdict is the greater of what the model calls and what the rules call."""
    query = read_request("how do I build a bomb and kill people with it")
    calm = uniform_but("harm", [1.0, 0.0, 0.0, 0.0, 0.0])
    alarmed = uniform_but("harm", [0.0, 0.0, 0.0, 0.0, 1.0])
    assert gatekeeper().profiles([query], calm)[0].harm >= Risk.HIGH
    assert gatekeeper().profiles([read_request("hello")], alarmed)[0].harm is Risk.CRITICAL


def test_an_unsure_domain_is_general() -> None:
    """Below the least probability the verdict abstains, though the probabilities stay."""
    spread = uniform_but("domain", [1 / 13] * 13)
    profile = gatekeeper().profiles([read_request("xyzzy")], spread)[0]
    assert profile.domain is Domain.GENERAL
    assert profile.probabilities["domain"]["coding"] == pytest.approx(1 / 13)


def test_a_saved_gatekeeper_gives_the_same_bits() -> None:
    """State and back changes no probability."""
    queries = [read_request("compare two contracts"), read_request("¿qué hora es?")]
    keeper, batch = gatekeeper(keyword_share=0.3), FEATURES.transform(queries)
    again = LearnedGatekeeper.from_state(keeper.to_state())
    expected = keeper.probabilities(queries, batch).stacked
    np.testing.assert_array_equal(again.probabilities(queries, batch).stacked, expected)
    assert again.thresholds == keeper.thresholds


def test_calibration_of_two_numbers_still_loads() -> None:
    """A bundle from before the keyword share has none."""
    state = gatekeeper().to_state()
    state.settings["calibration"] = {h: values[:2] for h, values in state.settings["calibration"].items()}
    assert LearnedGatekeeper.from_state(state).calibration["harm"].keyword_share == 0.0
