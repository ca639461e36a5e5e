"""Runs of MLflow: what was trained or evaluated, on which data, with what result."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from arbiter.errors import InvalidInputError
from arbiter.integrations.quiet_mlflow import calm
from arbiter_training.bundle_registry import CHALLENGER, CHAMPION, BundleRegistry
from arbiter_training.mlflow_connection import connect

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CHALLENGER", "CHAMPION", "DataNote", "Tracker", "metric_name"]

PARAMS_PER_CALL, METRICS_PER_CALL = 100, 1000
"""The most that MLflow takes in one call."""

LONGEST_NAME = 250

DIGEST_LENGTH = 36
"""The longest digest that MLflow keeps of a dataset; the run's tag has the whole fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataNote:
    """What a run says of the data that it used; the data themselves stay where they are.

    Attributes
    ----------
    name : what people call them.
    fingerprint : sha256 of the content, from :meth:`~arbiter_training.traffic.TrafficTable.fingerprint`.
    source : the file or files.
    profile : counts worth seeing beside the run, such as :meth:`~arbiter_training.traffic.TrafficReport.to_json`.
    """

    name: str
    fingerprint: str
    source: str
    profile: Mapping[str, Any] = field(default_factory=dict)


class Tracker:
    """Writes one run to MLflow.

    Used in a ``with`` statement; the run ends as FAILED where the block raises. The store is the one that
    MLFLOW_TRACKING_URI names, else SQLite in a folder. ``registry`` also works outside of a run.

    Parameters
    ----------
    folder : of the SQLite store ``mlflow.db`` and its ``artifacts``.
    experiment : made where it does not exist.
    run_name : None lets MLflow make one up.
    tags : of the run.
    clock : seconds since 1970, for the time of a metric.

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    """

    def __init__(
        self,
        folder: str | Path,
        experiment: str = "arbiter",
        run_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connect(folder)
        self._client = self._connection.client
        self._experiment, self._run_name, self._tags, self._clock = experiment, run_name, dict(tags or {}), clock
        self._run_id: str | None = None
        self.registry = BundleRegistry(self._connection)

    @property
    def uri(self) -> str:
        """The store or server."""
        return self._connection.uri

    @property
    def run_id(self) -> str:
        """The run's id.

        Raises
        ------
        InvalidInputError
            If no run was started.
        """
        if self._run_id is None:
            raise InvalidInputError("no run was started: use the tracker in a with statement")
        return self._run_id

    def __enter__(self) -> Self:
        """Start the run."""
        if self._run_id is not None:
            raise InvalidInputError("this tracker has had its run: make another Tracker for another run")
        with calm():
            run = self._client.create_run(self._experiment_id(), run_name=self._run_name, tags=self._tags)
        self._run_id = str(run.info.run_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run, as FAILED where the block raised."""
        with calm():
            self._client.set_terminated(self.run_id, status="FINISHED" if error is None else "FAILED")

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(self._experiment, artifact_location=self._connection.artifacts))

    def log_params(self, params: Mapping[str, object]) -> None:
        """Write settings; nested mappings become dotted names, and what is not text is written as JSON."""
        entity = self._connection.mlflow.entities.Param
        flat = [entity(name, _text(value)) for name, value in _flattened(params)]
        with calm():
            for start in range(0, len(flat), PARAMS_PER_CALL):
                self._client.log_batch(self.run_id, params=flat[start : start + PARAMS_PER_CALL])

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Write numbers; letters, digits, ``_ - . /`` and spaces are allowed in their names."""
        entity, now = self._connection.mlflow.entities.Metric, int(self._clock() * 1000)
        values = [entity(name, float(value), now, step) for name, value in metrics.items()]
        with calm():
            for start in range(0, len(values), METRICS_PER_CALL):
                self._client.log_batch(self.run_id, metrics=values[start : start + METRICS_PER_CALL])

    def log_data(self, data: DataNote, use: str) -> None:
        """Write which data the run used.

        Parameters
        ----------
        data : name, fingerprint, source and profile.
        use : ``"training"`` or ``"evaluation"``.
        """
        entities = self._connection.mlflow.entities
        dataset = entities.Dataset(
            name=data.name,
            digest=data.fingerprint[:DIGEST_LENGTH],
            source_type="local",
            source=json.dumps({"uri": data.source}),
            profile=json.dumps(dict(data.profile), default=str),
        )
        context = entities.InputTag("mlflow.data.context", use)
        with calm():
            self._client.log_inputs(self.run_id, [entities.DatasetInput(dataset, [context])])
            self._client.set_tag(self.run_id, f"data.{use}.sha256", data.fingerprint)

    def log_figure(self, figure: "Figure", name: str) -> None:
        """Write a matplotlib figure, e.g. as ``figures/frontier.png``."""
        with calm():
            self._client.log_figure(self.run_id, figure, name)

    def log_text(self, text: str, name: str) -> None:
        """Write a text as a file, e.g. as ``report.html``."""
        with calm():
            self._client.log_text(self.run_id, text, name)

    def log_folder(self, folder: str | Path, name: str) -> None:
        """Write a folder with everything in it as the artifact ``name``."""
        with calm():
            self._client.log_artifacts(self.run_id, str(folder), name)

    def register(self, folder: str | Path, name: str) -> int:
        """Register a bundle folder as a new version of the model ``name``, linked to this run; give the version.

        Raises
        ------
        BundleError
            If there is no such folder.
        """
        return self.registry.register(folder, name, self.run_id)


def metric_name(name: str) -> str:
    """Give a name as MLflow takes it: no strange characters, at most 250 of them, and no step up or back in a path."""
    plain = "".join(ch if ch.isalnum() or ch in "_-./ " else "_" for ch in name)
    parts = [part for part in plain.split("/") if part.strip(". ")]
    return "/".join(parts)[-LONGEST_NAME:].lstrip("/") or "unnamed"


def _flattened(params: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in params.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
