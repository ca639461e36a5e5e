"""Partial logs with known propensities, made from traffic on which every model was scored.

The way to test a learner or an estimator: hide all but one cell per request, work with what is left, compare with the
truth that was hidden.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter_training.traffic.columns import FloatArray, IntArray
from arbiter_training.traffic.outcomes import OutcomeMatrix
from arbiter_training.traffic.prompt_text import query_text


class LoggingPolicy(Protocol):
    """Decides with what probability each model would have been asked."""

    def action_probabilities(self, outcomes: OutcomeMatrix) -> FloatArray:
        """Give (n, K) probabilities; each row sums to 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """Every model with the same probability: the best log to learn from, and the dearest."""

    def action_probabilities(self, outcomes: OutcomeMatrix) -> FloatArray:
        """Give 1 / K everywhere."""
        return np.full((outcomes.n, outcomes.n_models), 1.0 / outcomes.n_models)


@dataclass(frozen=True, slots=True, kw_only=True)
class EpsilonGreedy:
    """The best single model, save for a share of requests that goes to all alike (Sutton, Barto 2018, section 2.2).

    Attributes
    ----------
    epsilon : in [0, 1], share of requests that explore; at 0 the log supports no other model.
    cost_weight : quality worth one US dollar per request; 0 takes the best quality.
    """

    epsilon: float = 0.2
    cost_weight: float = 0.0

    def __post_init__(self) -> None:
        """Check the share."""
        _require_share("epsilon", self.epsilon)

    def action_probabilities(self, outcomes: OutcomeMatrix) -> FloatArray:
        """Give 1 - epsilon + epsilon / K to the best single model, epsilon / K to each other."""
        best = np.zeros((outcomes.n, outcomes.n_models))
        best[:, int(np.argmax(mean_utilities(outcomes, self.cost_weight)))] = 1.0
        return _explored(best, self.epsilon)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skewed:
    """Better models more often, as when a team shares its traffic out by belief: softmax over mean utilities.

    Attributes
    ----------
    temperature : above 0; the smaller, the more goes to the best.
    floor : least probability of each model, in [0, 1 / K].
    cost_weight : quality worth one US dollar per request.
    """

    temperature: float = 0.1
    floor: float = 0.02
    cost_weight: float = 0.0

    def __post_init__(self) -> None:
        """Check the temperature."""
        if not self.temperature > 0.0:
            raise InvalidInputError(f"temperature is {self.temperature}: give a number above 0")

    def action_probabilities(self, outcomes: OutcomeMatrix) -> FloatArray:
        """Give floor + (1 - K floor) softmax(utility / temperature) to every request alike."""
        utility = mean_utilities(outcomes, self.cost_weight) / self.temperature
        weight = np.exp(utility - utility.max())
        share = self.floor * outcomes.n_models
        _require_share("floor x models", share)
        return np.tile(self.floor + (1.0 - share) * weight / weight.sum(), (outcomes.n, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPromptLength:
    """The rule that many teams begin with: short prompts to the cheapest model, long ones to the best, some at random.

    Its choices depend on the prompt, so a log of it is confounded: a plain average per model is wrong on it.

    Attributes
    ----------
    limit_characters : prompts shorter than this are short; None takes the median.
    exploration : in [0, 1], share of requests that goes to all models alike.
    """

    limit_characters: int | None = None
    exploration: float = 0.2

    def __post_init__(self) -> None:
        """Check the share."""
        _require_share("exploration", self.exploration)

    def action_probabilities(self, outcomes: OutcomeMatrix) -> FloatArray:
        """Give 1 - exploration to the rule's model, and exploration / K to each."""
        lengths = np.array([len(query_text(query)) for query in outcomes.queries])
        limit = np.median(lengths) if self.limit_characters is None else self.limit_characters
        cheapest = int(np.argmin(_mean_costs(outcomes)))
        best = int(np.argmax(outcomes.quality.mean(axis=0)))
        rule = np.zeros((outcomes.n, outcomes.n_models))
        rule[np.arange(outcomes.n), np.where(lengths < limit, cheapest, best)] = 1.0
        return _explored(rule, self.exploration)


def simulate_log(outcomes: OutcomeMatrix, policy: LoggingPolicy, seed: int) -> OutcomeMatrix:
    """Ask one model per request, as the policy would have, and hide the rest.

    The model is sampled from the very probabilities that are written down, so each propensity is exact. (Policies that
    rank models by their mean over these outcomes use K numbers of them; given those the propensities are still exact.)

    Parameters
    ----------
    outcomes : full information.
    policy : the logging policy.
    seed : the same seed gives the same log.

    Returns
    -------
    log : the same requests with one observed model each and its propensity; ``to_table()`` gives it as traffic.

    Raises
    ------
    InvalidInputError
        If ``outcomes`` is not full information, or the policy's probabilities are not.
    """
    if not outcomes.full_information:
        raise InvalidInputError("a log can be simulated only where every model was judged on every request")
    probabilities = policy.action_probabilities(outcomes)
    if probabilities.shape != outcomes.quality.shape or (probabilities < 0.0).any():
        raise InvalidInputError(f"the policy gave {probabilities.shape} probabilities for {outcomes.quality.shape}")
    if not np.allclose(probabilities.sum(axis=1), 1.0, rtol=0.0, atol=1e-9):
        raise InvalidInputError("the policy's probabilities do not sum to 1 in every row")
    chosen = _sampled(probabilities, np.random.default_rng(seed))
    seen = np.zeros(probabilities.shape, dtype=np.bool_)
    seen[np.arange(outcomes.n), chosen] = True
    return replace(
        outcomes,
        observed=seen,
        ok=outcomes.ok & seen,
        quality=np.where(seen, outcomes.quality, np.nan),
        cost_usd=np.where(seen, outcomes.cost_usd, np.nan),
        latency_s=np.where(seen, outcomes.latency_s, np.nan),
        output_tokens=np.where(seen, outcomes.output_tokens, np.nan),
        propensity=np.where(seen, probabilities, np.nan),
    )


def mean_utilities(outcomes: OutcomeMatrix, cost_weight: float) -> FloatArray:
    """Give (K,) mean quality less ``cost_weight`` times mean cost in US dollars."""
    quality: FloatArray = outcomes.quality.mean(axis=0)
    return quality if cost_weight == 0.0 else quality - cost_weight * _mean_costs(outcomes)


def _mean_costs(outcomes: OutcomeMatrix) -> FloatArray:
    if np.isnan(outcomes.cost_usd).any():
        raise InvalidInputError("this logging policy compares costs, but cost_usd is unknown in places: add it")
    costs: FloatArray = outcomes.cost_usd.mean(axis=0)
    return costs


def _explored(probabilities: FloatArray, share: float) -> FloatArray:
    explored: FloatArray = (1.0 - share) * probabilities + share / probabilities.shape[1]
    return explored


def _sampled(probabilities: FloatArray, rng: np.random.Generator) -> IntArray:
    """Invert each row's distribution function at a uniform number; a model of probability 0 is never taken."""
    edges = probabilities.cumsum(axis=1)
    total = edges[:, -1]
    drawn = np.minimum(rng.random(len(probabilities)) * total, np.nextafter(total, 0.0))
    chosen: IntArray = (edges <= drawn[:, None]).sum(axis=1)
    return chosen


def _require_share(name: str, share: float) -> None:
    if not 0.0 <= share <= 1.0:
        raise InvalidInputError(f"{name} is {share}: give a share from 0 to 1")
