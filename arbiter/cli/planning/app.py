"""The commands of `arbiter plan`; each lives in the module of its name."""

import typer

from arbiter.cli.output import show
from arbiter.cli.planning.catalog import catalog
from arbiter.cli.planning.compare import compare
from arbiter.cli.planning.cost import cost
from arbiter.cli.planning.fallback import fallback
from arbiter.cli.planning.init import init
from arbiter.cli.planning.review import review
from arbiter.cli.planning.strategy import strategy
from arbiter.cli.planning.upgrades import upgrades
from arbiter.cli.planning.vendors import vendors

plan = typer.Typer(
    help="Plan which models serve which use cases: strategy, cost with its band, savings, outages, vendors, upgrades.",
    invoke_without_command=True,
    add_completion=False,
)


@plan.callback()
def start(context: typer.Context) -> None:
    """Show what there is where nothing is asked for."""
    if context.invoked_subcommand is None:
        show([context.get_help()])


for command in (init, strategy, compare, cost, catalog, fallback, vendors, upgrades, review):
    plan.command()(command)
