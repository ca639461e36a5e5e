"""MLflow's store: found or made."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbiter.integrations.quiet_mlflow import artifacts_beside, calm, import_mlflow

TRACKING_URI, REGISTRY_URI = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
"""MLflow's own environment variables; where they are set they win."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A tracking store and model registry.

    Attributes
    ----------
    mlflow : the module.
    client : an ``mlflow.MlflowClient`` of this store; unlike the module's functions it has no global state.
    uri : of the store or server.
    registry_uri : of the model registry, usually the same.
    artifacts : where new experiments keep their files; None leaves it to the server.
    """

    mlflow: Any
    client: Any
    uri: str
    registry_uri: str
    artifacts: str | None

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make this store MLflow's global one, for the functions that know no other way, and put the old one back.

        MLflow also writes the environment variables, which would make every later tracker of this process and its
        children take this store.
        """
        before = os.environ.get(TRACKING_URI), os.environ.get(REGISTRY_URI)
        self.mlflow.set_tracking_uri(self.uri)
        self.mlflow.set_registry_uri(self.registry_uri)
        try:
            yield
        finally:
            self.mlflow.set_tracking_uri(before[0])
            self.mlflow.set_registry_uri(before[1])
            if before[1] is None:
                os.environ.pop(REGISTRY_URI, None)


def has_store(folder: Path) -> bool:
    """Tell whether a run would be logged to a store that exists: a server that is named, or the folder's own."""
    return bool(os.environ.get(TRACKING_URI)) or (folder / "mlflow.db").is_file()


def connect(folder: str | Path) -> Connection:
    """Open the store that MLFLOW_TRACKING_URI names, else the SQLite store in a folder, which is made where absent.

    Parameters
    ----------
    folder : of ``mlflow.db`` and ``artifacts``.

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    """
    mlflow = import_mlflow()
    uri = os.environ.get(TRACKING_URI)
    if not uri:
        home = Path(folder).resolve()
        home.mkdir(parents=True, exist_ok=True)
        uri = f"sqlite:///{home / 'mlflow.db'}"
    registry_uri = os.environ.get(REGISTRY_URI) or uri
    with calm():
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=registry_uri)
    return Connection(mlflow=mlflow, client=client, uri=uri, registry_uri=registry_uri, artifacts=artifacts_beside(uri))
