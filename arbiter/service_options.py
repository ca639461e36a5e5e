"""How a service runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from arbiter.judgements import FeedbackRules
from arbiter.ledger import PromptStorage
from arbiter.standing import StandingOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """How a service runs.

    Attributes
    ----------
    seed : of the choices; None takes fresh entropy, as serving should (a repeated seed repeats the choices).
    clock : gives seconds since 1970.
    prompts : what the ledger keeps of requests.
    standing : breakers, budgets and session affinity; by default none.
    feedback : how noisy each source of feedback is, and a reward of your own making.
    follow_s : seconds of serving after which feedback that other processes recorded in the same ledger is looked for,
        in the background; each feedback of this process looks, too. Infinite never does.
    """

    seed: int | None = None
    clock: Callable[[], float] = time.time
    prompts: PromptStorage = field(default_factory=PromptStorage)
    standing: StandingOptions = field(default_factory=StandingOptions)
    feedback: FeedbackRules = field(default_factory=FeedbackRules)
    follow_s: float = 2.0
