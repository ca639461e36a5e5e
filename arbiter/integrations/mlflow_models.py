"""Bundles from an MLflow model registry, for serving."""

import os
from pathlib import Path

from arbiter.errors import BundleError, MissingExtraError

SCHEME = "models:/"


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
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported; nothing may call home
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtraError.of("mlflow", "train") from error
    try:
        folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    except mlflow.exceptions.MlflowException as error:
        reason = str(error.message).splitlines()[0]
        raise BundleError(f"{uri} cannot be brought from {mlflow.get_tracking_uri()}: {reason}") from error
    manifests = sorted(folder.rglob("manifest.json"))
    if not manifests:
        raise BundleError(f"{uri} is a model without a bundle; register one with `arbiter train`")
    return manifests[0].parent
