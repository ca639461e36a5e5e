"""The job of `arbiter train`."""

from copy import copy
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arbiter.bundle import Provenance, check_target, save_bundle
from arbiter.catalog import read_catalog
from arbiter.loading import load_router
from arbiter.router import Router
from arbiter_training.embedding_cache import CachedEncoder
from arbiter_training.encoders import encoder_named, with_encoder
from arbiter_training.evaluation.tracked import as_shown, log_evaluation
from arbiter_training.recipe import read_recipe
from arbiter_training.report import lines
from arbiter_training.tracking import DataNote, Tracker
from arbiter_training.tracking_labels import command_tags
from arbiter_training.traffic import TrafficReport, describe, read_traffic, require_texts
from arbiter_training.train import Say, Trained, TrainOptions, train
from arbiter_training.train_notes import fit_metrics, log_tried, training_note, version_note


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Where the run is logged, unless MLflow's own environment variable names a server.

    Attributes
    ----------
    folder : of the local SQLite store.
    experiment : MLflow experiment.
    name : in the model registry.
    """

    folder: Path
    experiment: str = "arbiter"
    name: str = "arbiter"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainJob:
    """What to train from, and where to put it.

    Attributes
    ----------
    traffic : tables.
    out : the bundle's folder.
    recipe, catalog : TOML files; None takes the defaults.
    base : bundle to build on; None takes the shipped one.
    encoder : ``minilm``, or ``FILE.py:NAME`` of the user's own, in the place of the base's; None keeps that.
    tracking : None logs no run.
    cache : folder in which embeddings are kept by content, for encoders that are slow; None keeps none.
    """

    traffic: tuple[Path, ...]
    out: Path
    recipe: Path | None = None
    catalog: Path | None = None
    base: str | None = None
    encoder: str | None = None
    tracking: Tracking | None = None
    cache: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainDone:
    """What was made.

    Attributes
    ----------
    out : the bundle's folder.
    traffic : what was found in the tables.
    trained : the router and what it is worth.
    run : MLflow run, registered version and store, in words; None where nothing was logged.
    """

    out: Path
    traffic: TrafficReport
    trained: Trained
    run: str | None

    def lines(self) -> list[str]:
        """Say it to people."""
        found = [*self.traffic.lines(), ""]
        found += [f"out of fold, mean squared error of quality: {self._errors()}", ""]
        if self.trained.evaluation is not None:
            found += [*lines(self.trained.evaluation), ""]
        found += [f"note: {note}" for note in self.trained.notes]
        found.append(f"bundle: {self.out}")
        return found + ([f"MLflow: {self.run}"] if self.run else [])

    def _errors(self) -> str:
        report = self.trained.learned.quality
        parts = {"each model's mean": report.constant, **report.members, "blend": report.blend}
        return ", ".join(f"{name} {value:.4f}" for name, value in parts.items())

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        evaluation = self.trained.evaluation
        return {
            "bundle": str(self.out),
            "traffic": self.traffic.to_json(),
            "metrics": dict(self.trained.provenance.metrics),
            "evaluation": evaluation.to_dict() if evaluation else None,
            "notes": list(self.trained.notes),
            "mlflow": self.run,
        }


def run(job: TrainJob, say: Say) -> TrainDone:
    """Read, learn, write, log.

    Raises
    ------
    TrafficError, CatalogError, BundleError, InvalidInputError
        If an input is wrong; nothing has been written then.
    """
    options = read_recipe(job.recipe)
    catalog = read_catalog(job.catalog) if job.catalog else None
    check_target(job.out)
    say("reading the traffic")
    table = read_traffic(list(job.traffic))
    require_texts(table, "no router can be learned from them")
    found = describe(table)
    base = load_router(job.base)
    if job.encoder is not None:
        base = with_encoder(base, encoder_named(job.encoder))
    if job.cache is not None:
        base = remembering(base, job.cache)
        options = replace(options, learn=replace(options.learn, teacher_cache=str(job.cache)))
    trained = train(table, base, options, catalog, say)
    provenance = replace(trained.provenance, created=datetime.now(UTC).isoformat(timespec="seconds"))
    save_bundle(trained.router, job.out, provenance)
    logged = _log(job, options, found, trained, provenance) if job.tracking else None
    return TrainDone(out=job.out, traffic=found, trained=trained, run=logged)


def remembering(router: Router, folder: Path) -> Router:
    """Give the router with an encoder that keeps its vectors on disk; in a bundle it is the encoder inside."""
    features = copy(router.features)
    features.encoder = CachedEncoder(features.encoder, folder)
    return replace(router, features=features)


def _log(job: TrainJob, options: TrainOptions, found: TrafficReport, trained: Trained, provenance: Provenance) -> str:
    tracking = job.tracking
    assert tracking is not None
    source = ", ".join(str(path) for path in job.traffic)
    data = DataNote(
        name=source, fingerprint=str(provenance.data["fingerprint"]), source=source, profile=found.to_json()
    )
    tags = command_tags("train")
    with Tracker(tracking.folder, tracking.experiment, f"train {job.out.name}", tags) as tracker:
        tracker.log_params(asdict(options))
        tracker.log_data(data, "training")
        registered = tracker.register(job.out, tracking.name)
        evaluation = None if trained.evaluation is None else as_shown(trained.evaluation)
        if evaluation is not None:
            log_evaluation(tracker, evaluation, model_id=registered.model_id, held_out=True)
        tracker.log_metrics(fit_metrics(provenance.metrics, trained.evaluation))
        log_tried(tracker, trained.learned.quality.tried)
        tracker.describe(training_note(trained, data, registered, evaluation))
        tracker.registry.describe_version(tracking.name, registered.version, version_note(data, evaluation))
        return f"run {tracker.run_id}, model {tracking.name} version {registered.version}, store {tracker.uri}"
