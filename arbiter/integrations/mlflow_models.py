"""Bundles from an MLflow model registry, for serving."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arbiter.errors import BundleError, MissingExtraError
from arbiter.manifest import MANIFEST

SQLITE = "sqlite:///"
SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
"""Set before mlflow's first import unless the user has set them: nothing may call home. The last one is litellm's:
mlflow imports litellm where it is installed, and offline litellm's download of its price table can lock that import."""


def download_bundle(uri: str) -> Path:
    """Bring a registered bundle to this machine.

    Parameters
    ----------
    uri : ``models:/name@alias`` or ``models:/name/version``; the registry is MLflow's own setting
        (``MLFLOW_TRACKING_URI``), its local default otherwise.

    Returns
    -------
    folder : the bundle.

    Raises
    ------
    MissingExtraError
        If mlflow is not installed.
    BundleError
        If there is no such model, or it holds no bundle.
    """
    mlflow = _import_mlflow()
    store = mlflow.get_registry_uri()
    if store.startswith(SQLITE) and not Path(store.removeprefix(SQLITE)).is_file():  # MLflow would make an empty one
        raise BundleError(f"{uri}: there is no MLflow store {store}; set MLFLOW_TRACKING_URI to the one that you mean")
    try:
        with _calm():
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    except mlflow.exceptions.MlflowException as error:
        reason = str(error.message).splitlines()[0]
        raise BundleError(f"{uri} cannot be brought from {store}: {reason}; check name and alias") from error
    manifests = sorted(folder.rglob(MANIFEST))
    if not manifests:
        raise BundleError(f"{uri} is a model without a bundle; register one with `arbiter train`")
    return manifests[0].parent


def _import_mlflow() -> Any:
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
    try:
        with _calm():
            import mlflow
            import mlflow.artifacts
    except ImportError as error:
        raise MissingExtraError.of("mlflow", "train") from error
    return mlflow


@contextmanager
def _calm() -> Iterator[None]:
    """Keep MLflow's and alembic's progress notes and their dependencies' warnings to themselves; errors pass."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
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
