"""Labels by an LLM judge, at training time: each request is shown to a model once, and asked for all four heads.

It is the assessor that can also speak while serving (:class:`arbiter.gatekeeper.llm.LlmAssessor`), with more patience:
one prompt, one reading of the answer, one home of litellm. The prompts leave the process for the model's provider.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.heads import HEADS
from arbiter.gatekeeper.llm import LlmAssessor, LlmOptions
from arbiter.gatekeeper.opinion import Opinion
from arbiter_training.labels import JUDGE_PREFIX
from arbiter_training.traffic import OutcomeMatrix

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """Which model judges, and how much of the log.

    Attributes
    ----------
    model : as litellm takes it, such as ``gpt-4o-mini``; empty asks nobody.
    most : requests that are shown at most, drawn at random; each is one call.
    time_limit_s : seconds for one request.
    at_once : calls at the same time.
    api_base : of a server of your own; empty takes the provider's.
    """

    model: str = ""
    most: int = 1_000
    time_limit_s: float = 30.0
    at_once: int = 8
    api_base: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name in ("most", "at_once"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} must be a whole number from 1 up, got {getattr(self, name)}")
        if not self.time_limit_s > 0.0:
            raise InvalidInputError(f"time_limit_s must be above 0, got {self.time_limit_s}")


def with_judge(outcomes: OutcomeMatrix, options: JudgeOptions, seed: int = 0) -> OutcomeMatrix:
    """Ask the judge, once, and keep what it says as label columns ``judge:domain`` and so on.

    Parameters
    ----------
    outcomes : n logged requests.
    options : who is asked; with an empty model nobody is, and the log is given back as it is.
    seed : of the draw where there are more than ``options.most``.

    Returns
    -------
    outcomes : with (n,) columns of labels, None where nobody was asked or the answer failed. Failures are logged and
        are no error: a label that is missing is unknown.
    """
    if not options.model:
        return outcomes
    rows = np.sort(np.random.default_rng(seed).permutation(outcomes.n)[: options.most])
    opinions = _assessor(options).opinions([outcomes.queries[i] for i in rows])
    failed = [opinion.error for opinion in opinions if opinion.error]
    if failed:
        logger.warning("the judge %s failed on %d of %d requests: %s", options.model, len(failed), len(rows), failed[0])
    columns = {f"{JUDGE_PREFIX}{head}": np.full(outcomes.n, None, dtype=object) for head in HEADS}
    for head in HEADS:
        columns[f"{JUDGE_PREFIX}{head}"][rows] = [_label(head, opinion) for opinion in opinions]
    return replace(outcomes, labels={**outcomes.labels, **columns})


def _assessor(options: JudgeOptions) -> LlmAssessor:
    extra: Mapping[str, Any] = {"api_base": options.api_base} if options.api_base else {}
    limits = LlmOptions(
        model=options.model, time_limit_s=options.time_limit_s, at_once=options.at_once, cache_size=0, extra=extra
    )
    return LlmAssessor(limits)


def _label(head: str, opinion: Opinion) -> str | None:
    return opinion.verdict(head) if head in opinion.said else None
