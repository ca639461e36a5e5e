"""Carries decisions out: calls the chosen candidate through litellm, and others where it fails.

See the README of this folder for plans, failures and health.
"""

from arbiter.execution.attempts import Attempt, Execution
from arbiter.execution.chain import Chain
from arbiter.execution.executor import Executor
from arbiter.execution.options import Deployment, ExecutionOptions
from arbiter.execution.plans import DEFAULT_PLANS, Plan, StreamingPlan
from arbiter.execution.run import Run, Tried
from arbiter.execution.streams import AnswerStream, AsyncAnswerStream

__all__ = [
    "DEFAULT_PLANS",
    "AnswerStream",
    "AsyncAnswerStream",
    "Attempt",
    "Chain",
    "Deployment",
    "Execution",
    "ExecutionOptions",
    "Executor",
    "Plan",
    "Run",
    "StreamingPlan",
    "Tried",
]
