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
from arbiter.ope.diagnostics import Diagnostics, LogFigures, diagnose, diagnose_log, feedback_independence
from arbiter.ope.distributions import chi_square_tail, student_t_quantile, student_t_tail
from arbiter.ope.doubly_robust import doubly_robust_scores
from arbiter.ope.drift import PropensityDrift, propensity_drift
from arbiter.ope.estimate import OffPolicyEstimate
from arbiter.ope.estimators import ESTIMATOR_NAMES
from arbiter.ope.evaluate import (
    Evaluation,
    estimate,
    evaluate,
    evaluate_difference,
    evaluate_difference_sums,
    evaluate_sums,
)
from arbiter.ope.exploration import (
    ExplorationGoal,
    ExplorationPlan,
    Forecast,
    plan_exploration,
    tie_band,
    tie_band_probabilities,
)
from arbiter.ope.logged import DEFAULT_OUTCOME, LoggedFeedback
from arbiter.ope.multiplicity import adjusted_p_values, interval_level
from arbiter.ope.options import EstimateOptions
from arbiter.ope.pessimism import PessimisticValue, rank_pessimistically
from arbiter.ope.reliability import ModelReliability, Reliability, model_reliability, propensity_reliability
from arbiter.ope.scores import (
    RouterScores,
    StrongWeakCurve,
    router_scores,
    score_columns,
    score_interval,
    scores_of_means,
    strong_weak_curve,
    strong_weak_masks,
)
from arbiter.ope.segments import SegmentPlan, SegmentResult, SegmentTable, evaluate_segments
from arbiter.ope.sensitivity import SensitivityBound, sensitivity_bounds, tipping_gamma
from arbiter.ope.shuffle import ShuffledControl, cost_matched_shuffle, shuffled_control, traffic_shares
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
    "ExplorationGoal",
    "ExplorationPlan",
    "FitPredict",
    "Fold",
    "Forecast",
    "Hull",
    "Judgement",
    "LogFigures",
    "LoggedFeedback",
    "ModelReliability",
    "OffPolicyEstimate",
    "PessimisticValue",
    "PolicySums",
    "PropensityDrift",
    "Reliability",
    "RouterScores",
    "SegmentPlan",
    "SegmentResult",
    "SegmentTable",
    "SensitivityBound",
    "ShuffledControl",
    "StrongWeakCurve",
    "Verdict",
    "accumulate",
    "adjusted_p_values",
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
    "diagnose_log",
    "doubly_robust_scores",
    "estimate",
    "evaluate",
    "evaluate_difference",
    "evaluate_difference_sums",
    "evaluate_segments",
    "evaluate_sums",
    "feedback_counts",
    "feedback_independence",
    "feedback_rates",
    "fixed_model_hull",
    "forward_folds",
    "group_folds",
    "hypervolume",
    "interval_level",
    "judge",
    "model_reliability",
    "nondecreasing_hull",
    "pareto_frontier",
    "percentile_interval",
    "plan_exploration",
    "propensity_drift",
    "propensity_reliability",
    "rank_pessimistically",
    "router_scores",
    "score_columns",
    "score_interval",
    "scores_of_means",
    "sensitivity_bounds",
    "shuffled_control",
    "strong_weak_curve",
    "strong_weak_masks",
    "student_t_quantile",
    "student_t_tail",
    "support_bounds",
    "tie_band",
    "tie_band_probabilities",
    "tipping_gamma",
    "traffic_shares",
]
