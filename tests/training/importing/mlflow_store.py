"""MLflow's tracing into a store of a test's own, and nothing of it left afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

URI, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID"


@contextmanager
def mlflow_traces(mlflow: Any, uri: str, experiment: str) -> Iterator[None]:
    """Make an experiment in a store the one that traces go to.

    ``mlflow.set_experiment`` cannot be taken back, so the experiment is named by the environment.
    """
    before = {name: os.environ.get(name) for name in (URI, EXPERIMENT)}
    mlflow.set_tracking_uri(uri)
    try:
        os.environ[EXPERIMENT] = mlflow.MlflowClient(uri).create_experiment(experiment)
        yield
    finally:
        mlflow.set_tracking_uri(before[URI])
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
