"""`arbiter prune`."""

from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import BUNDLE_HELP, HeldLedger, Json
from arbiter.cli.output import show, show_json
from arbiter.config import Mark

if TYPE_CHECKING:
    from arbiter.service import Arbiter


def prune(
    ledger: HeldLedger,
    older_than_days: Annotated[float, typer.Option(help="Delete what nobody was heard of for so many days.")],
    bundle: Annotated[
        str | None,
        typer.Option(help=f"Whose learning lives on in a snapshot: the one that serves this ledger. {BUNDLE_HELP}"),
        Mark.SHARED,
        Mark.PLACE,
    ] = None,
    as_json: Json = False,
) -> None:
    """Delete old decisions with all that belongs to them from a ledger, after a snapshot of what they taught."""
    from arbiter.ledger import open_ledger
    from arbiter.loading import load_router
    from arbiter.service import Arbiter

    router = load_router(bundle)
    with Arbiter(router, open_ledger(ledger, must_exist=True)) as service:
        if bundle is None:
            _require_own(service)
        done = service.prune(older_than_days)
    if as_json:
        show_json(done)
        return
    kept = f"; {done.held_back} judged decisions stay until every bundle in use has a snapshot of them"
    show([f"{done.events} events deleted" + (kept if done.held_back else "")])


def _require_own(service: "Arbiter") -> None:
    """Refuse to delete what another bundle has learned from, where nobody said that it may be."""
    from arbiter.errors import InvalidInputError

    last = next(service.ledger.judged(service.ledger.last_judged() - 1), None)
    made = "" if last is None else last.decision.context_version
    if made not in ("", service.router.context_map.fingerprint):
        raise InvalidInputError(
            "the ledger's last judged decision was made by another bundle than the shipped one, and what that learned "
            "would be lost: name it by --bundle"
        )
