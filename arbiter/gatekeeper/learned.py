"""The trained gatekeeper: linear scores on all features, boosted trees on few dense ones, blended and calibrated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HEADS, N_OUTPUTS, SLICES, WIDTHS, HeadProbabilities, softmax_by_head
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.task_type import task_type
from arbiter.linear import LinearMap
from arbiter.projection import Projection
from arbiter.reading import reading_text
from arbiter.records import Query, TaskProfile
from arbiter.state import State
from arbiter.trees import FlatForest
from arbiter.vocabulary import Complexity, Domain, ProfileSource, Risk

FloatArray = NDArray[np.float64]

_CALIBRATION = ("boosted_share", "temperature", "keyword_share")  # bundles of version 0.1.0 may lack the last

LEAST_PROBABILITY = 1e-6
"""Of a label by the keyword rules: what no word speaks for is unlikely, not impossible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCalibration:
    """What turns the two stages' scores of one head into probabilities.

    Attributes
    ----------
    boosted_share : weight of the boosted trees' scores in [0, 1]; the rest is the linear stage's.
    temperature : divides the blended scores (Guo et al., 2017).
    keyword_share : weight of the keyword rules' log probabilities, which are added to the blended scores. What a model
        learns of trigger words is what its training prompts teach, and those hold look-alikes and harm without trigger
        words on purpose; the rules are knowledge from outside them.
    """

    boosted_share: float
    temperature: float
    keyword_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskThresholds:
    """The probability from which a level of harm or stake is called, per level above minimal.

    Errors are not symmetric: the thresholds are set in training for a stated rate of false alarms, not at one half.

    Attributes
    ----------
    harm, stake : level to the least P(level or above) that calls it.
    """

    harm: Mapping[str, float]
    stake: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedGatekeeper:
    """Complexity, harm, stake and domain from the features of a request.

    Attributes
    ----------
    linear : scores of all heads (28 outputs) on embedding, n-grams and dense features.
    projection : reduces the embedding for the trees.
    forest : boosted trees of all heads (28 outputs) on linear scores, projected embedding and dense features.
    calibration : per head.
    thresholds : when harm and stake are called.
    abstain_below : domain verdicts of a lower probability become ``general``.
    rules : keyword rules, which may raise risk and speak where the model abstains.
    """

    linear: LinearMap
    projection: Projection
    forest: FlatForest
    calibration: Mapping[str, HeadCalibration]
    thresholds: RiskThresholds
    abstain_below: float
    rules: KeywordRules = field(default_factory=KeywordRules.default)

    def probabilities(self, queries: Sequence[Query], batch: FeatureBatch) -> HeadProbabilities:
        """See :meth:`arbiter.gatekeeper.protocol.Gatekeeper.probabilities`."""
        linear = self.linear.scores(batch)
        boosted = self.forest.predict(boosting_features(linear, self.projection, batch))
        spoken = rule_scores(self.rules, queries)
        boosted_share, temperature, keyword_share = self._by_column()
        blended = linear + boosted_share * (boosted - linear) + keyword_share * spoken
        return HeadProbabilities(stacked=softmax_by_head(blended / temperature))

    def _by_column(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Give the calibration as three arrays of (28,), one value per column."""
        hows = [self.calibration[head] for head in HEADS]
        table = np.array([(how.boosted_share, how.temperature, how.keyword_share) for how in hows])
        boosted_share, temperature, keyword_share = table.repeat(WIDTHS, axis=0).T
        return boosted_share, temperature, keyword_share

    def profiles(self, queries: Sequence[Query], heads: HeadProbabilities) -> list[TaskProfile]:
        """See :meth:`arbiter.gatekeeper.protocol.Gatekeeper.profiles`."""
        return [self._profile(query, heads.stacked[i]) for i, query in enumerate(queries)]

    def _profile(self, query: Query, stacked: FloatArray) -> TaskProfile:
        parts = {head: stacked[columns] for head, columns in SLICES.items()}
        complexity = Complexity.at(int(np.searchsorted(np.cumsum(parts["complexity"]), 0.5)))
        best = int(parts["domain"].argmax())
        sure = bool(parts["domain"][best] >= self.abstain_below)
        domain = Domain(HEADS["domain"][best]) if sure else Domain.GENERAL
        harm_by_rule, stake_by_rule, terms = self.rules.raised(query)
        harm = max(called(parts["harm"], self.thresholds.harm), harm_by_rule)
        stake = max(called(parts["stake"], self.thresholds.stake), stake_by_rule)
        return TaskProfile(
            complexity=complexity,
            risk=max(harm, stake),
            domain=domain,
            task_type=task_type(domain, complexity, query.input_tokens, query.n_images),
            harm=harm,
            stake=stake,
            probabilities={h: dict(zip(HEADS[h], p.tolist(), strict=True)) for h, p in parts.items()},
            source=ProfileSource.LEARNED,
            confidence=float(parts["domain"][best] * parts["complexity"][complexity.rank]),
            evidence=terms,
        )

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(
            kind="learned_gatekeeper",
            settings={
                "calibration": {
                    h: [c.boosted_share, c.temperature, c.keyword_share] for h, c in self.calibration.items()
                },
                "thresholds": {"harm": dict(self.thresholds.harm), "stake": dict(self.thresholds.stake)},
                "abstain_below": self.abstain_below,
            },
            parts={
                "linear": self.linear.to_state(),
                "projection": self.projection.to_state(),
                "forest": self.forest.to_state(),
                "rules": self.rules.to_state(),
            },
        )

    @classmethod
    def from_state(cls, state: State) -> "LearnedGatekeeper":
        """Rebuild from a bundle."""
        pairs = state.settings["calibration"].items()
        return cls(
            linear=LinearMap.from_state(state.parts["linear"]),
            projection=Projection.from_state(state.parts["projection"]),
            forest=FlatForest.from_state(state.parts["forest"]),
            calibration={h: HeadCalibration(**dict(zip(_CALIBRATION, values, strict=False))) for h, values in pairs},
            thresholds=RiskThresholds(**state.settings["thresholds"]),
            abstain_below=float(state.settings["abstain_below"]),
            rules=KeywordRules.from_state(state.parts["rules"]),
        )


def boosting_features(linear: FloatArray, projection: Projection, batch: FeatureBatch) -> FloatArray:
    """Give the (n, m) few, dense, meaningful features that the trees look at."""
    return np.concatenate([linear, projection.apply(batch.embedding), batch.dense], axis=1)


def rule_scores(rules: KeywordRules, queries: Sequence[Query]) -> FloatArray:
    """Give the (n, 28) log probabilities of the keyword rules, the heads side by side."""
    rows = [rules.probabilities(reading_text(query)) for query in queries]
    return np.log(np.maximum(np.reshape(rows, (len(queries), N_OUTPUTS)), LEAST_PROBABILITY))


def called(probabilities: FloatArray, thresholds: Mapping[str, float]) -> Risk:
    """Give the highest level whose P(level or above) reaches its threshold; ``minimal`` where none does."""
    tail = 0.0
    for level, probability in zip(reversed(Risk), reversed(probabilities.tolist()), strict=True):
        tail += probability
        if level in thresholds and tail >= thresholds[level]:
            return level
    return Risk.MINIMAL
