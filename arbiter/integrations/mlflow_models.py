"""Bundles from an MLflow model registry, for serving."""

from pathlib import Path
from typing import Any

from arbiter.errors import BundleError
from arbiter.integrations.quiet_mlflow import calm, import_mlflow, missing_store
from arbiter.manifest import MANIFEST


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
    mlflow = import_mlflow()
    store = _store(mlflow, uri)
    try:
        with calm():
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    except mlflow.exceptions.MlflowException as error:
        reason = str(error.message).splitlines()[0]
        raise BundleError(f"{uri} cannot be brought from {store}: {reason}; check name and alias") from error
    manifests = sorted(folder.rglob(MANIFEST))
    if not manifests:
        raise BundleError(f"{uri} is a model without a bundle; register one with `arbiter train`")
    return manifests[0].parent


def registered_version(uri: str) -> str:
    """Give the version that an alias points at.

    Parameters
    ----------
    uri : ``models:/name@alias``.

    Raises
    ------
    MissingExtraError
        If mlflow is not installed.
    BundleError
        If there is no such model or alias.
    """
    mlflow = import_mlflow()
    store = _store(mlflow, uri)
    name, _, alias = uri.removeprefix("models:/").partition("@")
    try:
        with calm():
            return str(mlflow.MlflowClient().get_model_version_by_alias(name, alias).version)
    except mlflow.exceptions.MlflowException as error:
        reason = str(error.message).splitlines()[0]
        raise BundleError(f"{uri} is not in {store}: {reason}; check name and alias") from error


def _store(mlflow: Any, uri: str) -> str:
    missing = missing_store(mlflow)
    if missing is not None:
        raise BundleError(
            f"{uri}: there is no MLflow store {missing}; set MLFLOW_TRACKING_URI to the one that you mean"
        )
    return str(mlflow.get_registry_uri())
