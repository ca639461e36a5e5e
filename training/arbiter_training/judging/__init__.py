"""Qualities for answers that nobody judged: by a model that is no candidate of its own, or by reference answers."""

from arbiter_training.judging.exact import matches_reference
from arbiter_training.judging.judge import Judge, JudgeSettings, Verdict
from arbiter_training.judging.run import JudgeReport, JudgeRequest, judge_traffic

__all__ = ["Judge", "JudgeReport", "JudgeRequest", "JudgeSettings", "Verdict", "judge_traffic", "matches_reference"]
