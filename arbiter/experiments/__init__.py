"""Two routers on live traffic: A/B by stable assignment, canary that stops by itself, shadow."""

from arbiter.experiments.arm_sums import Means
from arbiter.experiments.experiment import Experiment
from arbiter.experiments.fold import Stop
from arbiter.experiments.guards import METRICS, Guards, Harm
from arbiter.experiments.results import ExperimentResult, experiments_of, result_of
from arbiter.experiments.shadow import Answer, Shadow, ShadowRun
from arbiter.experiments.shadow_result import ShadowResult, shadow_result
from arbiter.experiments.trial import Trial

__all__ = [
    "METRICS",
    "Answer",
    "Experiment",
    "ExperimentResult",
    "Guards",
    "Harm",
    "Means",
    "Shadow",
    "ShadowResult",
    "ShadowRun",
    "Stop",
    "Trial",
    "experiments_of",
    "result_of",
    "shadow_result",
]
