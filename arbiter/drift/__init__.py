"""Whether a ledger's later traffic, qualities and feedback rates are still those of its first part."""

from arbiter.drift.blocks import context_names
from arbiter.drift.fold import DriftFold, drift_of
from arbiter.drift.report import Drift, DriftKind, DriftOptions, DriftReport
from arbiter.drift.watch import DriftWatch

__all__ = [
    "Drift",
    "DriftFold",
    "DriftKind",
    "DriftOptions",
    "DriftReport",
    "DriftWatch",
    "context_names",
    "drift_of",
]
