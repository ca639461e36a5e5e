"""The commands and their options; each lives in the module of its name."""

import typer

from arbiter.cli.calibrate import calibrate
from arbiter.cli.compare import compare
from arbiter.cli.compare_costs import compare_costs
from arbiter.cli.data import data
from arbiter.cli.demo import demo
from arbiter.cli.ensemble import ensemble
from arbiter.cli.evaluate import evaluate
from arbiter.cli.evaluate_gatekeeper import evaluate_gatekeeper
from arbiter.cli.export import export
from arbiter.cli.feedback import feedback
from arbiter.cli.metrics import metrics
from arbiter.cli.models import models
from arbiter.cli.output import show
from arbiter.cli.profile import profile
from arbiter.cli.promote import promote
from arbiter.cli.prune import prune
from arbiter.cli.route import route
from arbiter.cli.simulate import simulate
from arbiter.cli.stats import stats
from arbiter.cli.status import status
from arbiter.cli.train import train

app = typer.Typer(
    help="A learning-based router for LLM traffic: train on logs, evaluate off-policy, serve in-process.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

COMMANDS = (
    demo,
    train,
    evaluate,
    evaluate_gatekeeper,
    calibrate,
    promote,
    simulate,
    route,
    profile,
    compare,
    compare_costs,
    ensemble,
    feedback,
    export,
    prune,
    models,
    status,
    stats,
    metrics,
)

for command in COMMANDS:
    app.command()(command)
app.add_typer(data, name="data")


@app.callback()
def start(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    """Exit status: 0 done, 1 a verdict was refused, 2 the input was wrong."""
    if version:
        from arbiter import __version__

        show([__version__])
        raise typer.Exit
    if context.invoked_subcommand is None:
        show([context.get_help()])
