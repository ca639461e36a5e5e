"""The job of `arbiter evaluate-gatekeeper`."""

import hashlib
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from arbiter.loading import load_router
from arbiter_training.gatekeeper.evaluation import GatekeeperEvaluation, evaluate_gatekeeper
from arbiter_training.jobs.train import Tracking
from arbiter_training.labelled import LabelledPrompts
from arbiter_training.labelled_table import read_labelled_table
from arbiter_training.report.document import check_target_file, write_page
from arbiter_training.report.gatekeeper_figures import confusion_figure, reliability_figure
from arbiter_training.report.gatekeeper_page import LabelledSummary, render_gatekeeper
from arbiter_training.report.gatekeeper_terminal import gatekeeper_lines
from arbiter_training.tracking import DataNote, Tracker
from arbiter_training.tracking_labels import command_tags, shown_source
from arbiter_training.train import Say

SHIPPED = "shipped default"
LABELLED = {name: "string" for name in ("prompt", "complexity", "harm", "stake", "domain")}
"""Columns of labelled requests, as MLflow shows a dataset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateGatekeeperJob:
    """Which gatekeeper to judge on what.

    Attributes
    ----------
    labelled : files of labelled requests.
    bundle : folder or ``models:/...``; None takes the shipped one.
    report : page to write; None writes none.
    tracking : None logs no run.
    """

    labelled: tuple[Path, ...]
    bundle: str | None = None
    report: Path | None = None
    tracking: Tracking | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateGatekeeperDone:
    """What was found.

    Attributes
    ----------
    about : what was judged on what.
    found : the evaluation.
    run : MLflow run and store, in words; None where nothing was logged.
    """

    about: LabelledSummary
    found: GatekeeperEvaluation
    run: str | None

    def lines(self) -> list[str]:
        """Say it to people."""
        return [*gatekeeper_lines(self.found, self.about), *([f"MLflow: {self.run}"] if self.run else [])]

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        return {"about": asdict(self.about), "heads": self.found.heads, "risks": self.found.risks, "mlflow": self.run}


def run(job: EvaluateGatekeeperJob, say: Say) -> EvaluateGatekeeperDone:
    """Read, judge, write, log.

    Raises
    ------
    TrafficError, BundleError, InvalidInputError
        If an input is wrong; nothing has been written then.
    """
    check_target_file(job.report)
    router = load_router(job.bundle)
    say("reading the labelled requests")
    prompts = read_labelled_table(job.labelled)
    say(f"judging {len(prompts)} requests")
    found = evaluate_gatekeeper(router.gatekeeper, router.features, prompts)
    about = LabelledSummary(
        bundle=job.bundle or SHIPPED,
        source=", ".join(str(path) for path in job.labelled),
        fingerprint=fingerprint_of(prompts),
        n=len(prompts),
        judges=found.judges,
    )
    if job.report is not None:
        write_page(render_gatekeeper(found, about), job.report)
    logged = _log(job.tracking, found, about, job.bundle) if job.tracking else None
    return EvaluateGatekeeperDone(about=about, found=found, run=logged)


def fingerprint_of(prompts: LabelledPrompts) -> str:
    """Give the sha256 of requests and labels, in their order."""
    digest = hashlib.sha256()
    for i, query in enumerate(prompts.queries):
        labels = sorted((head, int(values[i])) for head, values in prompts.labels.items())
        digest.update(repr((query.system, query.context, query.text, labels)).encode("utf-8", "replace"))
    return digest.hexdigest()


def _log(tracking: Tracking, found: GatekeeperEvaluation, about: LabelledSummary, bundle: str | None) -> str:
    about = replace(about, source=shown_source(about.source), bundle=shown_source(about.bundle))
    note = DataNote(
        name=about.source,
        fingerprint=about.fingerprint,
        source=about.source,
        profile={"requests": about.n},
        columns=LABELLED,
    )
    name = f"evaluate gatekeeper {Path(about.bundle).name}"
    with Tracker(tracking.folder, tracking.experiment, name, command_tags("evaluate-gatekeeper")) as tracker:
        tracker.log_params({"bundle": shown_source(about.bundle)})
        registered = None if bundle is None else tracker.registry.of(bundle)
        if registered is not None:
            tracker.used_model(registered.model_id)
        told = "\n".join(gatekeeper_lines(found, about))
        tracker.describe(f"What the gatekeeper says of labelled requests, against their labels.\n\n```\n{told}\n```")
        tracker.log_data(note, "evaluation")
        tracker.log_metrics({key: value for key, value in found.metrics().items() if math.isfinite(value)})
        for head, one in found.heads.items():
            tracker.log_figure(reliability_figure(head, one), f"figures/{head}_reliability.png")
            tracker.log_figure(confusion_figure(head, one), f"figures/{head}_confusion.png")
        tracker.log_text(render_gatekeeper(found, about), "report.html")
        return f"run {tracker.run_id}, store {tracker.uri}"
