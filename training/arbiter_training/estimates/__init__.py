"""Training of the estimates per candidate: quality, length of the answer, speed."""

from arbiter_training.estimates.data import OutcomeData
from arbiter_training.estimates.length import fit_length
from arbiter_training.estimates.quality import QualityOptions, QualityReport, fit_quality
from arbiter_training.estimates.speed import fit_speed

__all__ = ["OutcomeData", "QualityOptions", "QualityReport", "fit_length", "fit_quality", "fit_speed"]
