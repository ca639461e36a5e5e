"""Carries decisions out: calls the chosen candidate through litellm, and others where it fails.

See the README of this folder for plans, failures and health.
"""

from arbiter.execution.attempts import Attempt, Execution
from arbiter.execution.cascade import Cascade
from arbiter.execution.chain import Chain
from arbiter.execution.checks import Check, FunctionCheck, JudgeCheck, LogProbabilities, SelfConsistency
from arbiter.execution.ensemble import Ensemble
from arbiter.execution.executor import Executor
from arbiter.execution.files import read_deployments
from arbiter.execution.health import Condition, Health, HealthOptions
from arbiter.execution.judge import Judge
from arbiter.execution.options import Deployment, ExecutionOptions
from arbiter.execution.plans import DEFAULT_PLANS, Plan, StreamingPlan
from arbiter.execution.racing import Race, Redundant
from arbiter.execution.run import Run, Tried
from arbiter.execution.sharing import HealthFollower, fold
from arbiter.execution.streams import AnswerStream, AsyncAnswerStream
from arbiter.execution.thresholds import LearnedThreshold, learn_threshold

__all__ = [
    "DEFAULT_PLANS",
    "AnswerStream",
    "AsyncAnswerStream",
    "Attempt",
    "Cascade",
    "Chain",
    "Check",
    "Condition",
    "Deployment",
    "Ensemble",
    "Execution",
    "ExecutionOptions",
    "Executor",
    "FunctionCheck",
    "Health",
    "HealthFollower",
    "HealthOptions",
    "Judge",
    "JudgeCheck",
    "LearnedThreshold",
    "LogProbabilities",
    "Plan",
    "Race",
    "Redundant",
    "Run",
    "SelfConsistency",
    "StreamingPlan",
    "Tried",
    "fold",
    "learn_threshold",
    "read_deployments",
]
