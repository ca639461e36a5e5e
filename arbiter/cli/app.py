"""The commands and their options; each lives in the module of its name."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.audit import audit
from arbiter.cli.budget import budget
from arbiter.cli.calibrate import calibrate
from arbiter.cli.compare import compare
from arbiter.cli.compare_costs import compare_costs
from arbiter.cli.complete import complete
from arbiter.cli.config import config as config_commands
from arbiter.cli.data import data
from arbiter.cli.demo import demo
from arbiter.cli.ensemble import ensemble
from arbiter.cli.evaluate import evaluate
from arbiter.cli.evaluate_gatekeeper import evaluate_gatekeeper
from arbiter.cli.experiment import experiment
from arbiter.cli.export import export
from arbiter.cli.feedback import feedback
from arbiter.cli.import_log import import_log
from arbiter.cli.judge import judge
from arbiter.cli.metrics import metrics
from arbiter.cli.models import models
from arbiter.cli.output import show
from arbiter.cli.planning.app import plan
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
    judge,
    promote,
    simulate,
    route,
    complete,
    profile,
    compare,
    compare_costs,
    ensemble,
    feedback,
    experiment,
    export,
    prune,
    models,
    status,
    stats,
    metrics,
    budget,
    audit,
)

for command in COMMANDS:
    app.command()(command)
app.command("import")(import_log)  # its own name is a word of the language
app.add_typer(data, name="data")
app.add_typer(plan, name="plan")
app.add_typer(config_commands, name="config")

CONFIG_HELP = (
    "TOML file that sets options, here or after the command. Default: $ARBITER_CONFIG, or arbiter.toml of this folder."
)


@app.callback()
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    config_file: Annotated[Path | None, typer.Option("--config", help=CONFIG_HELP)] = None,
) -> None:
    """Exit status: 0 done, 1 a verdict was refused, 2 the input was wrong."""
    assert config_file is None  # taken out before, so that it may stand behind the command, too
    if version:
        from arbiter import __version__

        show([__version__])
        raise typer.Exit
    if context.invoked_subcommand is None:
        show([context.get_help()])
