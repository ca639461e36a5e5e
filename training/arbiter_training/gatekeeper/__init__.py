"""Training and evaluation of the gatekeeper's heads."""

from arbiter_training.gatekeeper.calibration import HeadReport
from arbiter_training.gatekeeper.data import GatekeeperOptions, LabelledQueries
from arbiter_training.gatekeeper.evaluation import GatekeeperEvaluation, evaluate_gatekeeper
from arbiter_training.gatekeeper.fit import fit_gatekeeper

__all__ = [
    "GatekeeperEvaluation",
    "GatekeeperOptions",
    "HeadReport",
    "LabelledQueries",
    "evaluate_gatekeeper",
    "fit_gatekeeper",
]
