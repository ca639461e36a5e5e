"""What each number of a report means, in words that need no statistics."""

from arbiter_training.report.verdict import TOLERATED_LOSS
from arbiter_training.report.wording import percent

NUMBERS = {
    "Quality": "Mean judged quality per request, from 0 to 1, as it stands in the log.",
    "Cost per 1,000": "Mean dollars per request, times 1,000; what the models charge, without the router's own cost.",
    "Latency": "Mean seconds per request, where the log has it.",
    "Difference": (
        "Policy minus baseline on the same requests. This is sharper than the difference of two separate estimates."
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

SCORES = {
    "aiq": "Average quality along the cost axis, under the hull of a router's settings (RouterBench, Hu et al. 2024).",
    "apgr": "Average share of the quality gap between weak and strong model recovered (RouteLLM, Ong et al. 2024).",
    "cpt": "Least share of requests to the strong model that recovers this share of the gap (RouteLLM).",
    "gain over best single": "Quality minus that of the best constant model; below 0 means: use the constant model.",
    "gap to oracle": "Quality of the best model per request, picked with hindsight, minus the router's; mean regret.",
    "headroom recovered": "Share of the way from best constant model to oracle.",
    "hypervolume": "Area of cost and quality that the policies dominate (Zitzler and Thiele 1998).",
    "oracle": "Quality of the best model per request, picked with hindsight.",
    "best single": "Quality of the best constant model.",
    "random": "Quality of choosing uniformly at random.",
    "regret": "Mean loss of quality against the best model per request.",
}


def score_definition(name: str) -> str:
    """Give what a score means; empty where its name says no more than it."""
    plain = name.lower().replace("_", " ").replace("-", " ")
    return next((text for key, text in SCORES.items() if plain.startswith(key) or f" {key}" in plain), "")
