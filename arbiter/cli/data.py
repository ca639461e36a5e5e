"""`arbiter data list` and `arbiter data get`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop
from arbiter.config import Mark

data = typer.Typer(help="Public sets that the recipes train and are judged on: list them, bring them.")


@data.command("list")
def list_command(
    folder: Annotated[Path | None, typer.Option("-o", "--out", help="Folder to look for them in, and verify.")] = None,
    as_json: Json = False,
) -> None:
    """List the public sets: rows, licence, source, use, and whether they lie in a folder as they must be."""
    listed = workshop("jobs.data").list_sets(folder)
    if as_json:
        show_json([one.to_dict() for one in listed])
    else:
        show(line for one in listed for line in one.lines())


@data.command("get")
def get_command(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the sets: labels/*.parquet, traffic/*.parquet.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Sets of `arbiter data list`. Default: all that can be had.")
    ] = None,
    origin: Annotated[
        str, typer.Option("--from", help="A mirror's URL, or a folder, of raw files or of prepared sets."), Mark.PLACE
    ] = "",
    time_limit: Annotated[float, typer.Option(help="Seconds that a server may say nothing.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Bring public sets into a folder, converted and verified; run again to go on. Proxies as in HTTPS_PROXY."""
    job = workshop("jobs.data")
    request = job.GetJob(names=tuple(names or ()), out=out, origin=origin, silence_s=time_limit)
    done = job.get_sets(request, progress())
    if as_json:
        show_json(done.to_dict())
    else:
        show(done.lines())
    done.require_all()
