"""What a service tries beside its own router: an experiment, a shadow."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from arbiter.errors import AllCandidatesFailedError, BudgetError
from arbiter.execution import Executor, Run
from arbiter.experiments import Experiment, Shadow, ShadowRun, Trial
from arbiter.governance import Owner
from arbiter.ledger import Ledger
from arbiter.records import Decision, Outcome, Query
from arbiter.service_options import ServiceOptions

SHADOW = Owner(user="arbiter-shadow")
"""Who pays for the answers of shadows: users have nothing of them."""


class ShadowAnswers:
    """Carries a shadow's decisions out: called as live ones are, and known to nobody.

    A budget is charged as of the user ``arbiter-shadow``, not as of the request's own.

    Parameters
    ----------
    shadow : whose decisions; one at a time, since a shadow has one thread.
    options : the service's.
    """

    def __init__(self, shadow: Shadow, options: ServiceOptions) -> None:
        self._heard: list[Outcome] = []
        own = replace(options.governance, owner=_shadow_owner)
        self._executor = Executor(shadow.challenger.catalog, options.execution, self._ended, options.clock, own)

    def __call__(self, query: Query, decision: Decision) -> list[Outcome]:
        """Give the outcomes of all calls."""
        self._heard.clear()
        with contextlib.suppress(AllCandidatesFailedError, BudgetError):  # the outcomes tell of it
            self._executor.complete(query, decision)
        return list(self._heard)

    def close(self) -> None:
        """End calls that are under way."""
        self._executor.close()

    def _ended(self, run: Run) -> None:
        self._heard.extend(attempt.outcome(run.decision.id) for attempt in run.attempts)


def _shadow_owner(query: Query) -> Owner:
    return SHADOW


class Trials:
    """The experiment and the shadow of a service, where it has them.

    Parameters
    ----------
    options : the service's.
    ledger : the service's; an experiment follows it.

    Raises
    ------
    LedgerError
        If the ledger cannot be read.
    CatalogError
        If a challenger lacks one of the service's models.
    """

    def __init__(self, options: ServiceOptions, ledger: Ledger) -> None:
        self.experiment: Trial | None = None
        self._shadow: ShadowRun | None = None
        self._answers: ShadowAnswers | None = None
        if options.experiment is not None:
            trial: Experiment = replace(options.experiment, challenger=options.fitted(options.experiment.challenger))
            self.experiment = Trial(trial, options.feedback, ledger, options.clock, options.follow_s)
        if options.shadow is not None:
            shadow: Shadow = replace(options.shadow, challenger=options.fitted(options.shadow.challenger))
            self._answers = ShadowAnswers(shadow, options) if shadow.answers > 0.0 else None
            self._shadow = ShadowRun(shadow, options.prompts, options.clock, self._answers)

    @property
    def running(self) -> Trial | None:
        """The experiment, as long as it has not ended."""
        return self.experiment if self.experiment is not None and self.experiment.ended is None else None

    def follow(self) -> None:
        """Take in what other processes, and calls of this one, recorded, if it is time; nobody waits for it."""
        if self.experiment is not None:
            self.experiment.follow()

    def look(self) -> None:
        """Take in at once what this process just recorded."""
        if self.running is not None:
            self.running.look()

    def observe(self, queries: Sequence[Query], decisions: Sequence[Decision]) -> None:
        """Show the shadow what was decided; returns at once."""
        if self._shadow is not None:
            self._shadow.observe(queries, decisions)

    def close(self) -> None:
        """Wait for what is under way."""
        if self.experiment is not None:
            self.experiment.close()
        if self._shadow is not None:
            self._shadow.close()
        if self._answers is not None:
            self._answers.close()
