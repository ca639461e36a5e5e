"""The part of the service that looks after its router and its ledger."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from arbiter.drift import DriftWatch
from arbiter.errors import InvalidInputError
from arbiter.following import Follower
from arbiter.governance import with_found_models
from arbiter.learner import Learner
from arbiter.ledger import Ledger, Pruned
from arbiter.router import Router
from arbiter.service_options import ServiceOptions
from arbiter.standing import Standing
from arbiter.trials import Trials

DAY_S = 86_400.0


def _router(given: object, hint: str) -> Router:
    """Refuse what could not serve before it is served."""
    if not isinstance(given, Router):
        raise InvalidInputError(f"a router is wanted, got {given!r:.80}; {hint}")
    return given


class Tending(ABC):
    """Exchanges and changes the router, keeps snapshots of what it learned, deletes what is old.

    Attributes
    ----------
    ledger, options, standing, trials : the service's.
    drift : what has changed in the ledger's traffic; ``drift.report`` tells, as of the last look.
    """

    ledger: Ledger
    options: ServiceOptions
    standing: Standing
    trials: Trials
    drift: DriftWatch
    _follower: Follower
    _learner: Learner

    @property
    @abstractmethod
    def router(self) -> Router:
        """The router as it stands."""

    def _look_around(self) -> None:
        """Take in what the ledger was told by others, and look for drift, if it is time; nobody waits for it."""
        self._follower.follow()
        self.trials.follow()
        self.drift.follow()

    def swap(self, router: Router) -> None:
        """Serve another router from now on; what the ledger holds is folded into it first.

        Requests are answered meanwhile, by the old router; feedback waits only for the last part of the fold.

        Raises
        ------
        InvalidInputError, LedgerError
            If it is no router, or the ledger cannot be read; then the old router goes on.
        """
        self._learner.swap(self.options.serving(_router(router, "load a bundle by arbiter.loading.load_router")))

    def change(self, change: Callable[[Router], Router]) -> None:
        """Serve a changed router from now on, with everything learned so far; see :mod:`arbiter.lineup`.

        To keep it beyond this process, save ``router`` as a bundle; the bundle remembers how far it has learned.

        Parameters
        ----------
        change : gives another router, e.g. ``lambda old: lineup.repriced(old, "gpt-4o", usd_per_mtok_in=2.0)``.

        Raises
        ------
        InvalidInputError
            If it gives none; then, and where it fails, the old router goes on.
        """
        self._learner.change(lambda old: _router(change(old), "does the function of the change return it?"))

    def discover(self) -> tuple[str, ...]:
        """Add the models of ``options.governance.foundry`` that are not candidates yet; give their names.

        Their traffic is capped until enough of their answers have been judged, as :meth:`change` and
        :func:`arbiter.lineup.with_candidate` say.

        Raises
        ------
        CatalogError
            If the foundry cannot be read, or a model's entry is wrong; then nothing is added.
        """
        foundry, before = self.options.governance.foundry, self.router.catalog.names
        if foundry is None:
            return ()
        found = foundry.models()
        self.change(lambda router: with_found_models(router, found))
        return tuple(model.name for model in found if model.name not in before)

    def snapshot(self) -> bool:
        """Keep in the ledger what was learned so far, so that a start need not fold it anew; done now and then anyway.

        Returns
        -------
        kept : False where a start could not tell that it is the same fold: after :meth:`change`, with a reward that has
            no version, in a ledger that ends with the process.

        Raises
        ------
        LedgerError
            If it cannot be written.
        """
        self.standing.snapshot(self.ledger)
        self.drift.snapshot()
        return self._learner.snapshot()

    def prune(self, older_than_days: float) -> Pruned:
        """Delete old decisions and all that belongs to them from the ledger, after a snapshot of what they taught.

        See :meth:`arbiter.ledger.Ledger.prune`. Feedback on a deleted decision is refused from then on, and a bundle
        that was trained later no longer learns from them.

        Raises
        ------
        InvalidInputError
            If the number of days is not above 0.
        LedgerError
            If it cannot be written.
        """
        if not older_than_days > 0.0:
            raise InvalidInputError(f"older_than_days must be above 0, got {older_than_days}")
        before = self.options.clock() - older_than_days * DAY_S  # read first: the snapshot must be younger
        self.snapshot()
        return self.ledger.prune(before)
