"""Every closed set of names that arbiter uses, each defined once.

The members are strings, so they read and write as plain text in files, tables and JSON. Sets with an order (how
complex, how risky) compare by that order, not by the alphabet.
"""

from arbiter.vocabulary.candidate import Capability, Category, Status, Tier
from arbiter.vocabulary.choice import ConfidenceLevel, ConstraintPreset, Criterion, ExecutionPlan, Objective, Strategy
from arbiter.vocabulary.execution import NO_FAILURE, Aggregation, BreakerState, FallbackReason, FeedbackSource
from arbiter.vocabulary.experiment import Arm, AssignmentUnit, Progress
from arbiter.vocabulary.ordered import OrderedStrEnum
from arbiter.vocabulary.plan import BudgetKind, CostTechnique, GapSeverity, ResiliencePattern, Urgency, VendorRisk
from arbiter.vocabulary.request import Complexity, Domain, ProfileSource, Risk, TaskType, Workload

__all__ = [
    "NO_FAILURE",
    "Aggregation",
    "Arm",
    "AssignmentUnit",
    "BreakerState",
    "BudgetKind",
    "Capability",
    "Category",
    "Complexity",
    "ConfidenceLevel",
    "ConstraintPreset",
    "CostTechnique",
    "Criterion",
    "Domain",
    "ExecutionPlan",
    "FallbackReason",
    "FeedbackSource",
    "GapSeverity",
    "Objective",
    "OrderedStrEnum",
    "ProfileSource",
    "Progress",
    "ResiliencePattern",
    "Risk",
    "Status",
    "Strategy",
    "TaskType",
    "Tier",
    "Urgency",
    "VendorRisk",
    "Workload",
]
