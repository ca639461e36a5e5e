"""Off-policy evaluation: what a policy would have earned, cost and taken, from a log of another.

The way in is `evaluate` (one policy) and `evaluate_difference` (new minus old) on a `LoggedFeedback`.
Each answer carries its interval, its diagnostics and a verdict, and holds no number where the log
cannot give one. Logs too large for memory are summed in parts (`accumulate`, `+`, `evaluate_sums`).
"""

from arbiter.ope.bootstrap import BootstrapPlan, bootstrap, bootstrap_means, percentile_interval
from arbiter.ope.bounds import support_bounds
from arbiter.ope.channels import LAM_GRID, TAU_GRID, Channels
from arbiter.ope.conclude import conclude, conclude_difference
from arbiter.ope.confidence_sequence import anytime_interval, confidence_sequence
from arbiter.ope.crossfit import FitPredict, Fold, cross_fit, forward_folds, group_folds
from arbiter.ope.curves import Hull, aiq, fixed_model_hull, hypervolume, nondecreasing_hull, pareto_frontier
from arbiter.ope.diagnostics import Diagnostics, Reliability, diagnose, feedback_independence, propensity_reliability
from arbiter.ope.distributions import chi_square_tail, student_t_quantile
from arbiter.ope.estimate import OffPolicyEstimate
from arbiter.ope.estimators import ESTIMATOR_NAMES
from arbiter.ope.evaluate import (
    Evaluation,
    estimate,
    evaluate,
    evaluate_difference,
    evaluate_sums,
)
from arbiter.ope.logged import DEFAULT_OUTCOME, LoggedFeedback
from arbiter.ope.options import EstimateOptions
from arbiter.ope.scores import (
    RouterScores,
    ShuffledControl,
    StrongWeakCurve,
    cost_matched_shuffle,
    router_scores,
    score_columns,
    score_interval,
    scores_of_means,
    strong_weak_curve,
    strong_weak_masks,
    traffic_shares,
)
from arbiter.ope.sums import PolicySums, accumulate, feedback_counts, feedback_rates
from arbiter.ope.verdict import Judgement, Verdict, judge

__all__ = [
    "DEFAULT_OUTCOME",
    "ESTIMATOR_NAMES",
    "LAM_GRID",
    "TAU_GRID",
    "BootstrapPlan",
    "Channels",
    "Diagnostics",
    "EstimateOptions",
    "Evaluation",
    "FitPredict",
    "Fold",
    "Hull",
    "Judgement",
    "LoggedFeedback",
    "OffPolicyEstimate",
    "PolicySums",
    "Reliability",
    "RouterScores",
    "ShuffledControl",
    "StrongWeakCurve",
    "Verdict",
    "accumulate",
    "aiq",
    "anytime_interval",
    "bootstrap",
    "bootstrap_means",
    "chi_square_tail",
    "conclude",
    "conclude_difference",
    "confidence_sequence",
    "cost_matched_shuffle",
    "cross_fit",
    "diagnose",
    "estimate",
    "evaluate",
    "evaluate_difference",
    "evaluate_sums",
    "feedback_counts",
    "feedback_independence",
    "feedback_rates",
    "fixed_model_hull",
    "forward_folds",
    "group_folds",
    "hypervolume",
    "judge",
    "nondecreasing_hull",
    "pareto_frontier",
    "percentile_interval",
    "propensity_reliability",
    "router_scores",
    "score_columns",
    "score_interval",
    "scores_of_means",
    "strong_weak_curve",
    "strong_weak_masks",
    "student_t_quantile",
    "support_bounds",
    "traffic_shares",
]
