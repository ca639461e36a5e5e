"""What each number of a report means, in words that need no statistics."""

from arbiter_training.report.verdict import TOLERATED_LOSS
from arbiter_training.report.wording import percent

NUMBERS = {
    "Quality": "Mean judged quality per request, from 0 to 1, as it stands in the log.",
    "Cost per 1,000": "Mean dollars per request, times 1,000; what the models charge, without the router's own cost.",
    "Latency": "Mean seconds per request, where the log has it.",
    "Difference": (
        "Policy minus baseline on the same requests, which is sharper than the difference of two separate estimates. "
        "Where several policies were asked for, these intervals are widened to hold for all of them together."
    ),
    "95% interval": (
        "In 95 of 100 logs like this one, an interval made this way holds the true value. Where no interval is known "
        "to do so, none is printed."
    ),
    "Shares of the baseline": (
        "Percentages divide a difference and the ends of its interval by the baseline's mean, which is taken as known."
    ),
    "Estimator": (
        "exact: every model that the policy chooses was scored on the request. dr: doubly robust, a model of the "
        "outcomes corrected by the logged outcomes, weighted by policy over logging probability; right if either the "
        "probabilities or the model are (Dudik et al. 2011). snips: weighted mean of logged outcomes (Swaminathan and "
        "Joachims 2015). ips: the same, not normalised. dm: the model alone, which has no honest interval."
    ),
    "ESS": (
        "Effective sample size (Kish 1965): the number of requests with equal weight that would tell as much as this "
        "log tells about this policy."
    ),
    "Sound, approximate, cannot be known": (
        "Sound: the evidence passes every check. Approximate: a number is given, with the reason to be careful. "
        "Cannot be known: the log holds too little of what this policy would do, so no number is given."
    ),
    "Constant models, dashed line": (
        "What one gets without a router: one model for all requests, or a random mix of two (RouterBench, Hu et al. "
        "2024). A router is worth having where it lies above the line."
    ),
    "Frontier, shaded band": (
        "One router over its settings of what a dollar is worth; the band joins the 95% intervals of the settings, "
        "each for itself."
    ),
    "The verdict": (
        f"A router is recommended if its interval rules out a loss of quality above {percent(TOLERATED_LOSS)} of the "
        "baseline's and rules out a rise in cost, or shows a gain of quality and no rise in cost, and if no mix of "
        "constant models reaches its quality at its cost. The best constant model is picked on the same requests, "
        "which favours it slightly."
    ),
}

TRUTH = (
    "The log was simulated from data in which every model was scored on every request, so what the estimate aims at is "
    "known. An interval should cover it 95 times in 100."
)

SEGMENTS = (
    "Policy minus baseline on parts of the traffic, the worst first. The intervals are widened for the number of "
    "segments, so that all of one policy hold together at 95%."
)

OVERLAP = (
    "The log shows a policy where weights are moderate. Bars far to the right are few answers that speak for many; "
    "the line marks weight 1, at which policy and log choose alike."
)

CALIBRATION = (
    "If the logged propensities are right and a model always had a chance, its mean weight is 1 up to sampling error. "
    "An interval that leaves out 1 says that they are wrong."
)

ESTIMATED = (
    "The propensities were not logged but estimated from the requests, out of fold; dots should lie on the diagonal. "
    "This shows whether the estimate fits, not whether a cause of the choice is missing from it: see the sensitivity."
)

SENSITIVITY = (
    "Estimated propensities are right only if every cause of the choice is in the log. The table shows what quality "
    "may be if an unrecorded cause changed the odds of each choice by up to a factor (Tan 2006; Zhao, Small and "
    "Bhattacharya 2019). A claim that falls at a factor near 1 hangs on nothing having been left out."
)

RANKING = (
    "The best of several estimates is too high by selection, so policies are ranked by a lower bound that holds for "
    "all of them together at 95% (one-sided, Bonferroni). The bound for any weights (logarithmic smoothing, Sakhi et "
    "al. 2024) rests on no normal approximation and uses no model of the outcomes; it exists for logs of one judged "
    "model per request without sessions."
)

MOVES = (
    "Traffic that leaves the baseline's model, and what each move adds to the policy's differences, per request of all "
    "traffic; the rows of a policy add up to its difference. Intervals are for each row alone."
)

EXPLORATION = "What would make knowable what is not"

SCORES = {
    "AIQ": (
        "Average quality along the cost axis, under the hull of the settings, over the constant models' range of cost "
        "(RouterBench, Hu et al. 2024)."
    ),
    "hypervolume": (
        "Area of cost and quality that the corners of the hull dominate up to the dearest constant model and quality 0 "
        "(Zitzler and Thiele 1998), as a share of that model's cost."
    ),
    "APGR": (
        "Average share of the quality gap between the weak and the strong model that is recovered, over the share of "
        "requests sent to the strong one (RouteLLM, Ong et al. 2024); 0.5 for chance."
    ),
    "CPT": (
        "Least share of requests to the strong model that recovers this share of the gap (RouteLLM, Ong et al. 2024)."
    ),
    "gain over best single": "Quality minus that of the best constant model; below 0 means: use the constant model.",
    "gain over mixtures": (
        "Quality minus that of the best random mix of constant models at the same cost (RouterBench's Zero router)."
    ),
    "gain over cost-matched shuffle": (
        "Quality minus that of dealing the same traffic shares out at random, at the same cost: what the router knows "
        "of the requests."
    ),
    "gap to oracle": (
        "Quality of the best model per request, picked with hindsight, minus the policy's: mean regret. Known only "
        "where every model was scored on every request."
    ),
    "headroom recovered": "Gain over the best constant model as a share of what the oracle would gain.",
    "traffic to": "Share of the traffic that the policy sends to this model.",
}

SCORE_INTERVALS = (
    "Intervals: percentiles of 1,000 resamples of requests, or of sessions, in which all columns are drawn together "
    "(Efron 1979). The best model and the corners of hulls stay those of the log itself."
)


def score_definition(name: str) -> str:
    """Give what a score means; empty where its name says no more than it."""
    return next((text for key, text in SCORES.items() if name.startswith(key)), "")
