"""`arbiter complete`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arbiter.cli.asking import asks
from arbiter.cli.options import Bundle, Json, RecordingLedger, prompt_text, require_known
from arbiter.cli.output import show, show_json
from arbiter.config import Mark

if TYPE_CHECKING:
    from arbiter.execution import AnswerStream, Execution
    from arbiter.route_options import RouteOptions

DEPLOYMENTS_HELP = (
    "A TOML file that says where candidates are called: one [[deployment]] table each, with candidate, key_env and "
    "litellm_params. Default: as litellm calls them, with the keys that it reads from the environment."
)


@asks
def complete(
    asked: "RouteOptions",
    prompt: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")],
    bundle: Bundle = None,
    ledger: RecordingLedger = None,
    deployments: Annotated[Path | None, typer.Option(help=DEPLOYMENTS_HELP), Mark.SHARED] = None,
    stream: Annotated[bool, typer.Option(help="Print the answer as it comes.")] = False,
    as_json: Json = False,
) -> None:
    """Route one request, call the model that was chosen, or another where it fails, and print the answer."""
    from arbiter.execution import ExecutionOptions, read_deployments
    from arbiter.ledger import BufferedLedger, open_ledger
    from arbiter.loading import load_router
    from arbiter.route_options import read_query
    from arbiter.service import Arbiter, ServiceOptions

    query, router = read_query(prompt_text(prompt), asked), load_router(bundle)
    require_known(asked, router.catalog)
    execution = ExecutionOptions(deployments={} if deployments is None else read_deployments(deployments))
    opened = None if ledger is None else BufferedLedger(open_ledger(ledger))  # last: wrong input makes no file
    with Arbiter(router, opened, ServiceOptions(execution=execution)) as service:
        found = _streamed(service.stream(query), quiet=as_json) if stream else service.complete(query)
    if as_json:
        show_json(_told(found))
    else:
        show([*([] if stream else [found.text]), f"{found.model}, ${found.cost_usd:.3g}, decision {found.decision.id}"])


def _streamed(stream: "AnswerStream", *, quiet: bool) -> "Execution":
    """Print what comes, and give the whole."""
    for part in stream:
        text = part.choices[0].delta.content if part.choices else None
        if text and not quiet:
            sys.stdout.write(text)
            sys.stdout.flush()
    if not quiet:
        show([""])
    return stream.execution


def _told(found: "Execution") -> dict[str, Any]:
    kept = ("model", "deployment", "reason", "error", "cost_usd", "latency_s", "input_tokens", "output_tokens")
    return {
        "text": found.text,
        "model": found.model,
        "decision_id": found.decision.id,
        "chosen": found.decision.model,
        "propensity": found.decision.propensity,
        "cost_usd": found.cost_usd,
        "latency_s": found.latency_s,
        "agreement": found.agreement,
        "attempts": [{name: getattr(attempt, name) for name in kept} for attempt in found.attempts],
    }
