"""`arbiter judge`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop


def judge(
    traffic: Annotated[
        Path, typer.Argument(help="Parquet; with the column `answer` (import --answers) for all but --implicit.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Parquet file, or folder for many of them.")],
    model: Annotated[list[str] | None, typer.Option(help="Who judges. Several: none judges its own answers.")] = None,
    reference: Annotated[str | None, typer.Option(help="Column of reference answers.")] = None,
    implicit: Annotated[bool, typer.Option(help="Count what askers did next where nobody judges.")] = False,
    edited: Annotated[str | None, typer.Option(help="Column of answers as their askers changed them.")] = None,
    share: Annotated[float, typer.Option(help="Part of the requests that is judged.")] = 1.0,
    api_base: Annotated[str, typer.Option(help="Server of your own. Default: the provider's.")] = "",
    at_once: Annotated[int, typer.Option(help="Questions at the same time.")] = 8,
    as_json: Json = False,
) -> None:
    """Give a quality to answers that nobody judged: by references, by a model that is not theirs, by behaviour."""
    job = workshop("judging")
    extra = {"api_base": api_base} if api_base else {}
    settings = job.JudgeSettings(models=tuple(model), at_once=at_once, extra=extra) if model else None
    request = job.JudgeRequest(
        traffic=traffic, out=out, settings=settings, reference=reference, share=share, implicit=implicit, edited=edited
    )
    report = job.judge_traffic(request, progress(every_s=2.0))
    if as_json:
        show_json(report.to_json())
    else:
        show(report.lines())
