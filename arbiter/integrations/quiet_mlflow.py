"""The one place where MLflow is imported: quietly, without telemetry, at first use."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arbiter.errors import MissingExtraError

SQLITE = "sqlite:///"
QUIET = ("mlflow", "alembic")
SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
"""Set before mlflow's first import unless the user has set them: nothing may call home. The last one is litellm's:
mlflow imports litellm where it is installed, and offline litellm's download of its price table can lock that import."""


def import_mlflow() -> Any:
    """Give the module.

    Raises
    ------
    MissingExtraError
        If mlflow is not installed.
    """
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
    try:
        with calm():
            import mlflow
            import mlflow.artifacts
            import mlflow.pyfunc
    except ImportError as error:
        raise MissingExtraError.of("mlflow", "train") from error
    return mlflow


@contextmanager
def calm() -> Iterator[None]:
    """Keep MLflow's and alembic's progress notes and their dependencies' warnings to themselves; errors pass."""
    loggers = [logging.getLogger(name) for name in QUIET]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def missing_store(mlflow: Any, registry_uri: str | None = None) -> str | None:
    """Give the registry's address if it is an SQLite file that is not there: MLflow would make an empty one.

    Parameters
    ----------
    mlflow : the module.
    registry_uri : the registry; None is MLflow's own setting.
    """
    store = str(registry_uri or mlflow.get_registry_uri())
    return store if store.startswith(SQLITE) and not Path(store.removeprefix(SQLITE)).is_file() else None


def artifacts_beside(uri: str) -> str | None:
    """Give a folder beside an SQLite store; MLflow's own default is wherever the process was started."""
    return (Path(uri.removeprefix(SQLITE)).resolve().parent / "artifacts").as_uri() if uri.startswith(SQLITE) else None
