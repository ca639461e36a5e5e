"""Planning: from use cases to a costed, resilient model strategy, before any request flows."""

from arbiter.planning.file import template
from arbiter.planning.history import CaseHistory, History, ModelHistory, Repetition, RoutingTrial
from arbiter.planning.plan import Plan, make_plan, plan_file
from arbiter.planning.projection import Projection
from arbiter.planning.recommendation import Recommendation
from arbiter.planning.token_count import TokenCount
from arbiter.planning.use_case import Assumptions, Limits, PlanSpec, PriceChange, Reservation, UseCase, Volume

__all__ = [
    "Assumptions",
    "CaseHistory",
    "History",
    "Limits",
    "ModelHistory",
    "Plan",
    "PlanSpec",
    "PriceChange",
    "Projection",
    "Recommendation",
    "Repetition",
    "Reservation",
    "RoutingTrial",
    "TokenCount",
    "UseCase",
    "Volume",
    "make_plan",
    "plan_file",
    "template",
]
