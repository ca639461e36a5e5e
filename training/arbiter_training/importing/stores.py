"""Logs that are no files: LiteLLM's spend table in PostgreSQL, traces in an MLflow store or server."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arbiter.errors import MissingExtraError, TrafficError
from arbiter.integrations.quiet_mlflow import calm, import_mlflow
from arbiter_training.importing.blocks import Block, Source, record_blocks
from arbiter_training.importing.reading import Record

POSTGRES = ("postgresql://", "postgres://")
MLFLOW = ("sqlite://", "http://", "https://", "mysql://", "mssql://", "databricks")

SPEND_QUERY = 'SELECT * FROM "LiteLLM_SpendLogs" ORDER BY "startTime", "request_id" OFFSET %s'
FETCHED = 2_000
PAGE = 100
"""Traces of a page: each holds its spans whole."""

_PASSWORD = re.compile(r"//([^:/@]*):[^@/]*@")


def is_store(name: str) -> bool:
    """Say whether a source is a URL of a store rather than a path."""
    return name.startswith((*POSTGRES, *MLFLOW))


def store_source(url: str, experiment: str | None) -> Source:
    """Give a store as a source.

    Parameters
    ----------
    url : of a PostgreSQL database with LiteLLM's tables, or an MLflow tracking URI.
    experiment : of MLflow by name; None takes all.
    """
    shown = _PASSWORD.sub(r"//\1:***@", url)
    if url.startswith(POSTGRES):
        return Source(name=shown, mark=shown, blocks=lambda done: _spend(url, shown, done))
    return Source(name=shown, mark=f"{shown}:{experiment}", blocks=lambda done: _traces(url, shown, experiment, done))


def _spend(url: str, shown: str, done: int) -> Iterator[Block]:
    try:
        import psycopg
        from psycopg.rows import dict_row
    except ImportError as error:
        raise MissingExtraError.of("psycopg", "postgres") from error
    try:
        with (
            psycopg.connect(url) as connection,
            connection.cursor(name="arbiter_import", row_factory=dict_row) as cursor,
        ):
            cursor.itersize = FETCHED
            cursor.execute(SPEND_QUERY, (done,))
            yield from record_blocks(shown, cursor, done)
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TrafficError(f"{shown}: {_PASSWORD.sub('//', reason)}: check URL, rights and table") from error


def _traces(url: str, shown: str, experiment: str | None, done: int) -> Iterator[Block]:
    mlflow = import_mlflow()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise TrafficError(f"{shown}: there is no such store: MLflow would make an empty one; check the path")
    try:
        with calm():
            client = mlflow.MlflowClient(tracking_uri=url)
            locations = _experiments(client, shown, experiment)
        yield from record_blocks(shown, _pages(client, locations, done), done, PAGE)
    except mlflow.exceptions.MlflowException as error:
        raise TrafficError(f"{shown}: {str(error).splitlines()[0]}: check the tracking URI") from error


def _experiments(client: Any, shown: str, experiment: str | None) -> list[str]:
    found = {one.name: one.experiment_id for one in client.search_experiments()}
    if experiment is None:
        return list(found.values())
    if experiment not in found:
        raise TrafficError(f"{shown}: no experiment {experiment!r}; there are {', '.join(found)}")
    return [found[experiment]]


def _pages(client: Any, locations: list[str], done: int) -> Iterator[Record]:
    """Give traces in the order of their times, so that what is logged meanwhile comes last."""
    token, passed = None, 0
    while True:
        with calm():
            page = client.search_traces(
                locations=locations, max_results=PAGE, page_token=token, order_by=["timestamp_ms ASC"],
                include_spans=passed + PAGE > done,
            )  # fmt: skip
        for trace in page:
            passed += 1
            if passed > done:
                yield trace.to_dict()
        token = page.token
        if not token:
            return
