"""Several requests that belong together: models in parallel, repeated answers, steps that build on one another."""

from arbiter.workflows.evaluators import (
    Answered,
    ByFunction,
    Evaluator,
    Exact,
    FitsSchema,
    Judged,
    Matches,
    tell_quality,
)
from arbiter.workflows.parallel import Answers, Consistency, ask_models, check_consistency
from arbiter.workflows.runner import WorkflowResult, WorkflowRunner
from arbiter.workflows.state import StepResult, WorkflowState
from arbiter.workflows.steps import Step, Workflow

__all__ = [
    "Answered",
    "Answers",
    "ByFunction",
    "Consistency",
    "Evaluator",
    "Exact",
    "FitsSchema",
    "Judged",
    "Matches",
    "Step",
    "StepResult",
    "Workflow",
    "WorkflowResult",
    "WorkflowRunner",
    "WorkflowState",
    "ask_models",
    "check_consistency",
    "tell_quality",
]
