"""Runs of MLflow: what was trained or evaluated, on which data, with what result."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from arbiter.errors import InvalidInputError
from arbiter.integrations.quiet_mlflow import calm
from arbiter_training.bundle_registry import CHALLENGER, CHAMPION, BundleRegistry, Registered
from arbiter_training.mlflow_connection import connect
from arbiter_training.tracking_labels import EXPERIMENTS, MAIN, NOTE, shown_source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CHALLENGER", "CHAMPION", "DataNote", "MetricLink", "Registered", "Tracker", "metric_name"]

PARAMS_PER_CALL, METRICS_PER_CALL = 100, 1000
"""The most that MLflow takes in one call."""

LONGEST_NAME = 250

PARENT = "mlflow.parentRunId"
"""MLflow's tag of a run inside of another."""

TRAFFIC_COLUMNS: Mapping[str, str] = {
    **{name: "string" for name in ("request_id", "prompt", "model", "status")},
    **{name: "double" for name in ("propensity", "quality", "cost_usd", "latency_s")},
}
"""The main columns of a traffic table, as MLflow's page of a dataset shows them."""

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
    columns : name to type, in MLflow's words.
    """

    name: str
    fingerprint: str
    source: str
    profile: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=lambda: TRAFFIC_COLUMNS)

    @property
    def shown(self) -> str:
        """The name as a run tells it."""
        return shown_source(self.name)[:LONGEST_NAME]

    @property
    def digest(self) -> str:
        """The fingerprint as far as MLflow keeps it."""
        return self.fingerprint[:DIGEST_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLink:
    """What a metric tells of.

    Attributes
    ----------
    model_id : of MLflow's logged model.
    data : that it was measured on; None where it is not a measurement.
    """

    model_id: str
    data: DataNote | None = None

    def fields(self) -> dict[str, str]:
        """Give it as the fields of ``mlflow.entities.Metric``."""
        data = {} if self.data is None else {"dataset_name": self.data.shown, "dataset_digest": self.data.digest}
        return {"model_id": self.model_id, **data}


class Tracker:
    """Writes one run to MLflow.

    Used in a ``with`` statement; the run ends as FAILED where the block raises. The store is the one that
    MLFLOW_TRACKING_URI names, else SQLite in a folder. ``registry`` also works outside of a run.

    Parameters
    ----------
    folder : of the SQLite store ``mlflow.db`` and its ``artifacts``.
    experiment : made where it does not exist.
    run_name : None lets MLflow make one up.
    tags : of the run, such as :func:`~arbiter_training.tracking_labels.command_tags`.
    clock : seconds since 1970, for the time of a metric.

    Raises
    ------
    MissingExtraError
        If MLflow is not installed.
    """

    def __init__(
        self,
        folder: str | Path,
        experiment: str = MAIN,
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
        note = EXPERIMENTS.get(self._experiment)
        tags = {} if note is None else {NOTE: note}
        return str(self._client.create_experiment(self._experiment, self._connection.artifacts, tags))

    def nested(self, run_name: str, note: str, tags: Mapping[str, str] | None = None) -> "Tracker":
        """Give a tracker for a run inside of this one, such as one setting of a sweep.

        Parameters
        ----------
        run_name : of the new run.
        note : Markdown that describes it.
        tags : besides those of this run.
        """
        inner = copy(self)
        inner._run_id, inner._run_name = None, run_name[:LONGEST_NAME]
        inner._tags = {**self._tags, PARENT: self.run_id, NOTE: note, **(tags or {})}
        return inner

    def describe(self, text: str) -> None:
        """Say in Markdown what the run is and found; MLflow shows it on top of the run's page."""
        with calm():
            self._client.set_tag(self.run_id, NOTE, text)

    def log_params(self, params: Mapping[str, object]) -> None:
        """Write settings; nested mappings become dotted names, and what is not text is written as JSON."""
        entity = self._connection.mlflow.entities.Param
        flat = [entity(name, _text(value)) for name, value in _flattened(params)]
        with calm():
            for start in range(0, len(flat), PARAMS_PER_CALL):
                self._client.log_batch(self.run_id, params=flat[start : start + PARAMS_PER_CALL])

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0, of: "MetricLink | None" = None) -> None:
        """Write numbers; letters, digits, ``_ - . /`` and spaces are allowed in their names.

        Parameters
        ----------
        metrics : name to value.
        step : of a curve.
        of : the model that they tell of, and the data; None links them to the run alone.
        """
        link = {} if of is None else {**of.fields(), "run_id": self.run_id}
        self._log_points([metrics], step, link)

    def log_curves(self, points: Sequence[Mapping[str, float]]) -> None:
        """Write curves: name to value, at the steps from 1 on."""
        self._log_points(points, 1, {})

    def _log_points(self, points: Sequence[Mapping[str, float]], first: int, link: Mapping[str, str]) -> None:
        entity, now = self._connection.mlflow.entities.Metric, int(self._clock() * 1000)
        values = [
            entity(name, float(value), now, step, **link)
            for step, metrics in enumerate(points, start=first)
            for name, value in metrics.items()
        ]
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
            name=data.shown,
            digest=data.digest,
            source_type="local",
            source=json.dumps({"uri": shown_source(data.source)}),
            profile=json.dumps(dict(data.profile), default=str),
            schema=json.dumps({"mlflow_colspec": [{"name": n, "type": t} for n, t in data.columns.items()]}),
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

    def register(self, folder: str | Path, name: str) -> Registered:
        """Register a bundle folder as a new version of the model ``name``, linked to this run.

        Raises
        ------
        BundleError
            If there is no such folder.
        """
        return self.registry.register(folder, name, self.run_id)

    def used_model(self, model_id: str) -> None:
        """Link the run to a logged model that it took as it was, such as one that it judged."""
        inputs = [self._connection.mlflow.entities.LoggedModelInput(model_id)]
        with calm():
            self._client.log_inputs(self.run_id, models=inputs)


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
    return shown_source(value) if isinstance(value, str) else json.dumps(value, default=str)
