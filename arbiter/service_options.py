"""How a service runs."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from arbiter import forked
from arbiter.drift import DriftOptions
from arbiter.execution import ExecutionOptions, Run
from arbiter.experiments import Experiment, Shadow
from arbiter.gatekeeper.assessed import assessed
from arbiter.gatekeeper.opinion import Assessor
from arbiter.governance import Governance
from arbiter.judgements import FeedbackRules
from arbiter.ledger import PromptStorage
from arbiter.lineup import only
from arbiter.policies import Rule
from arbiter.router import Router
from arbiter.standing import StandingOptions
from arbiter.telling import Listener


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """How a service runs.

    Attributes
    ----------
    seed : of the choices; None takes fresh entropy, as serving should (a repeated seed repeats the choices).
    clock : gives seconds since 1970.
    prompts : what the ledger keeps of requests.
    governance : quotas and economy mode, an audit, models of your own; by default none.
    experiment : another router for a share of the traffic; by default none.
    shadow : another router that decides beside the requests and serves nobody; by default none.
    standing : breakers, paced budgets and session affinity; by default none.
    feedback : how noisy each source of feedback is, and a reward of your own making.
    assessor : is asked what a request is before the bundle's gatekeeper: an LLM, a function of the user's, a rule of
        thumb (see the README of :mod:`arbiter.gatekeeper`); by default nobody.
    models : the candidates that may be chosen, of those that the bundle holds; by default all.
    rule : chooses before the bundle's policy does, where it speaks: an if-statement that you have already. Constraints
        hold for it, too; where it fails, the router decides alone and says so in ``decision.degraded``.
    workers : processes among which a batch of 1,024 or more requests is divided, for the time of the call; one per core
        for offline work. Above 1 they are forked: not for a server with threads. See :mod:`arbiter.forked`.
    execution : where candidates are called, with which keys and limits, and when they are left out.
    turns : candidate to its turns in a round, for the strategy ``round_robin``; see :class:`arbiter.rotation.Rotation`.
    observers : each is told of every request that was carried out, once it is over; see
        :func:`arbiter.integrations.telemetry.spans`.
    listeners : each hears of every decision, outcome and feedback as it is recorded, and of every request that was
        carried out; see :class:`arbiter.integrations.mlflow_traces.Traces`.
    drift : how changes of traffic, quality and feedback rate are looked for in a ledger that lasts, beside the
        requests; ``DriftOptions(follow_s=math.inf)`` does not look. See :mod:`arbiter.drift`.
    follow_s : seconds of serving after which feedback that other processes recorded in the same ledger is looked for,
        in the background; each feedback of this process looks, too. Where a budget is paced, what they spent is, too.
        Infinite never does: then each process has the paced budget for itself.
    """

    seed: int | None = None
    clock: Callable[[], float] = time.time
    prompts: PromptStorage = field(default_factory=PromptStorage)
    governance: Governance = field(default_factory=Governance)
    experiment: Experiment | None = None
    shadow: Shadow | None = None
    standing: StandingOptions = field(default_factory=StandingOptions)
    feedback: FeedbackRules = field(default_factory=FeedbackRules)
    assessor: Assessor | None = None
    models: tuple[str, ...] = ()
    rule: Rule | None = None
    execution: ExecutionOptions = field(default_factory=ExecutionOptions)
    turns: Mapping[str, int] = field(default_factory=dict)
    observers: tuple[Callable[[Run], None], ...] = ()
    listeners: tuple[Listener, ...] = ()
    workers: int = 1
    drift: DriftOptions = field(default_factory=DriftOptions)
    follow_s: float = 2.0

    def __post_init__(self) -> None:
        forked.require_workers(self.workers)

    def fitted(self, router: Router) -> Router:
        """Give a router, be it a challenger, that keeps to the models and asks the assessor, as far as these are set.

        Raises
        ------
        CatalogError
            If one of the models is no candidate of the router.
        """
        kept = only(router, self.models) if self.models else router
        return kept if self.assessor is None else replace(kept, gatekeeper=assessed(kept.gatekeeper, self.assessor))

    def serving(self, router: Router) -> Router:
        """Give the router that serves: fitted, and with the rule before its policy."""
        fitted = self.fitted(router)
        return fitted if self.rule is None else replace(fitted, rule=self.rule)
