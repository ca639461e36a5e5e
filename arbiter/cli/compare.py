"""`arbiter compare`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.asking import asks
from arbiter.cli.options import Bundle, Json, LookedAtLedger, criterion_weights, prompt_text, require_known
from arbiter.cli.output import show, show_json

if TYPE_CHECKING:
    from arbiter.comparison import ComparedCandidate, Comparison
    from arbiter.route_options import RouteOptions

BAR = 20
"""Length of the bar of a perfect score, in characters."""


@asks
def compare(
    asked: "RouteOptions",
    prompt: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")],
    bundle: Bundle = None,
    ledger: LookedAtLedger = None,
    weight: Annotated[list[str] | None, typer.Option(help="Weight of a criterion, e.g. cost=0.4. Repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Show all candidates for one request: estimates, ten criteria, exclusions. Nothing is chosen or recorded."""
    from arbiter.comparison import compare as compared
    from arbiter.loading import load_router
    from arbiter.route_options import read_query

    query = read_query(prompt_text(prompt), asked)
    weights = criterion_weights(weight or ())
    router = load_router(bundle)
    require_known(asked, router.catalog)
    history = None
    if ledger is not None:
        from arbiter.learning import replay
        from arbiter.ledger import open_ledger
        from arbiter.metrics import measure

        with open_ledger(ledger, must_exist=True) as opened:
            router, history = replay(router, opened).router, measure(opened).history(router.catalog)
    found = compared(router, query, weights, history)
    if as_json:
        show_json(found)
    else:
        show(_lines(found))


def _lines(found: "Comparison") -> list[str]:
    profile = found.profile
    lines = [f"{profile.task_type}: domain {profile.domain}, complexity {profile.complexity}, risk {profile.risk}"]
    for row in found.candidates:
        lines += ["", *_candidate(row)]
    return lines


def _candidate(row: "ComparedCandidate") -> Sequence[str]:
    e, card = row.estimate, row.card
    state = f"excluded: {row.excluded}" if row.excluded else f"probability {row.probability:.3f}"
    lines = [
        f"{row.model}  utility {row.utility:+.3f}  {state}",
        f"  quality {e.quality:.2f} +- {e.quality_se:.2f}  cost ${e.cost_usd:.3g} (90 %: ${e.cost_p90_usd or 0:.3g})  "
        f"latency {e.latency_s:.2g} s (90 %: {e.latency_p90_s or 0:.2g} s)  "
        f"tokens {e.output_tokens:.0f} (90 %: {e.output_tokens_p90 or 0:.0f})",
        f"  score {card.total:.2f}, weakest {card.weakest}" + (f", blocked: {card.blocked}" if card.blocked else ""),
    ]
    for criterion, score in card.scores.items():
        bar = "#" * round(BAR * score)
        lines.append(f"    {criterion:<12} {score:.2f} x {card.weights[criterion]:.2f}  {bar:<{BAR}}".rstrip())
    return lines
