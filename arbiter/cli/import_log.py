"""`arbiter import`."""

from pathlib import Path
from typing import Annotated

import typer

from arbiter.cli.options import Json
from arbiter.cli.output import progress, show, show_json
from arbiter.cli.workshop import workshop

SOURCES_HELP = "Files or folders of a log (JSONL, JSON, CSV, Parquet, also gzipped), or the URL of a store."
FORMAT_HELP = (
    "litellm, litellm-spend, mlflow, otel, openinference, langfuse, openai, tensorzero, matrix, routellm or columns. "
    "Default: found out."
)


def import_log(
    sources: Annotated[list[str], typer.Argument(help=SOURCES_HELP)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Parquet file, or folder for many of them.")],
    format_: Annotated[str | None, typer.Option("--format", help=FORMAT_HELP)] = None,
    feedback: Annotated[list[Path] | None, typer.Option(help="Further file of feedback: id, value, name.")] = None,
    map_: Annotated[list[str] | None, typer.Option("--map", help="Column of a flat file, as model=llm_name.")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="What a column is multiplied by, as latency_s=0.001.")] = None,
    quality: Annotated[list[str] | None, typer.Option(help="Name of feedback that is quality. Default: all.")] = None,
    scale: Annotated[list[str] | None, typer.Option(help="Worst and best value of a feedback, as rating=1:5.")] = None,
    model: Annotated[str | None, typer.Option(help="Model of records that name none.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Of times that name none, as Europe/Berlin.")] = None,
    experiment: Annotated[str | None, typer.Option(help="MLflow experiment. Default: all.")] = None,
    redact: Annotated[bool, typer.Option(help="Replace personal data that is found.")] = False,
    answers: Annotated[bool, typer.Option(help="Keep the answers' texts, for `arbiter judge`.")] = False,
    report: Annotated[Path | None, typer.Option(help="HTML file to write the report to.")] = None,
    resume: Annotated[bool, typer.Option(help="Whether an import that was cut off goes on.")] = True,
    jobs: Annotated[int, typer.Option(min=0, help="Processes. Default: two for a long log.")] = 0,
    as_json: Json = False,
) -> None:
    """Read another system's log to a traffic table, and report what was kept, left out and is missing."""
    job = workshop("jobs.import_log")
    given = job.Given(
        maps=tuple(map_ or ()), units=tuple(unit or ()), scales=tuple(scale or ()), quality=tuple(quality or ()),
        model=model, timezone=timezone,
    )  # fmt: skip
    request = job.ImportRequest(
        sources=tuple(sources), out=out, format=format_, mapped=given.mapped(), rules=given.rules(),
        feedback=tuple(feedback or ()), experiment=experiment, redact=redact, answers=answers, resume=resume, jobs=jobs,
    )  # fmt: skip
    found = job.run(request, report, progress(every_s=2.0))
    if as_json:
        show_json(found.to_json())
    else:
        show(job.told(found, out))
