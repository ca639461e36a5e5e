"""`arbiter route`."""

from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.asking import asks
from arbiter.cli.options import Bundle, Json, RecordingLedger, prompt_text, require_known
from arbiter.cli.output import plain, show, show_json

if TYPE_CHECKING:
    from arbiter.route_options import RouteOptions


@asks
def route(
    asked: "RouteOptions",
    prompt: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")],
    bundle: Bundle = None,
    ledger: RecordingLedger = None,
    seed: Annotated[int | None, typer.Option(help="Repeats the choices; for demonstrations, not for serving.")] = None,
    as_json: Json = False,
) -> None:
    """Choose a model for one request, and explain the choice."""
    from arbiter.counterfactual import changes
    from arbiter.ledger import BufferedLedger, open_ledger
    from arbiter.loading import load_router
    from arbiter.route_options import read_query
    from arbiter.service import Arbiter, ServiceOptions

    query, router = read_query(prompt_text(prompt), asked), load_router(bundle)
    require_known(asked, router.catalog)
    opened = None if ledger is None else BufferedLedger(open_ledger(ledger))  # last: wrong input makes no file
    with Arbiter(router, opened, ServiceOptions(seed=seed)) as service:
        decision = service.route(query)
    if as_json:
        show_json({**plain(decision), "would_change": changes(decision)})
    else:
        show([decision.explain(), f"decision {decision.id}"])
