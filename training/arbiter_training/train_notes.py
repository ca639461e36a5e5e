"""What a training run says of itself in MLflow: its settings' sweep, its description, and that of the version."""

from collections.abc import Mapping, Sequence

from arbiter_training.estimates.members import Tried
from arbiter_training.evaluation.noted import evaluation_note
from arbiter_training.evaluation.records import EvaluationReport
from arbiter_training.evaluation.tracked import evaluation_metrics
from arbiter_training.report.verdict import conclude
from arbiter_training.report.wording import count
from arbiter_training.tracking import DataNote, Registered, Tracker
from arbiter_training.train import Trained


def fit_metrics(metrics: Mapping[str, float], evaluation: EvaluationReport | None) -> dict[str, float]:
    """Give those of a bundle's metrics that tell of the fit; the others are the evaluation's, and logged with it."""
    judged = {} if evaluation is None else evaluation_metrics(evaluation)
    return {name: value for name, value in metrics.items() if name not in judged}


def log_tried(tracker: Tracker, tried: Sequence[Tried]) -> None:
    """Write each setting that the cross-validation compared as a run inside of this one.

    Parameters
    ----------
    tracker : of a run that goes on.
    tried : settings; those of one member are compared by one measure, out of fold.
    """
    for one in tried:
        setting = ", ".join(f"{name} {value:g}" for name, value in one.setting.items())
        verdict = "chosen, as it had the least" if one.chosen else "not chosen"
        note = (
            f"A setting of the member `{one.member}` of the quality estimate, compared with the others by "
            f"{one.measure} on rows that it was not fitted on: {verdict}."
        )
        with tracker.nested(f"{one.member}: {setting}", note) as inner:
            inner.log_params({"member": one.member, **one.setting})
            inner.log_metrics({f"out_of_fold/{one.measure}": one.error, "chosen": float(one.chosen)})


def training_note(trained: Trained, data: DataNote, registered: Registered, evaluation: EvaluationReport | None) -> str:
    """Write what was learned from what, what it is worth, and how to read it."""
    report, about = trained.learned.quality, data.profile
    errors = {"each model's mean": report.constant, **report.members, "blend": report.blend}
    table = ["| estimate of quality | mean squared error, out of fold |", "|---|---|"]
    table += [f"| {name} | {value:.4f} |" for name, value in errors.items()]
    parts = [
        f"A router learned from {count(int(about['requests']))} requests of `{data.shown}`, registered as "
        f"{registered.link}.",
        evaluation_note(evaluation) if evaluation is not None else "It was not judged on requests held out.",
        "\n".join(table),
        "The blend is what the router uses; it must err less than each model's mean to be worth anything. The runs "
        "inside this one are the settings that the cross-validation compared.",
        *(f"Note: {note}." for note in trained.notes),
    ]
    return "\n\n".join(parts)


def version_note(data: DataNote, evaluation: EvaluationReport | None) -> str:
    """Write what a version is, for the registry's page."""
    learned = f"Learned from `{data.shown}` (fingerprint {data.fingerprint[:12]})."
    return learned if evaluation is None else f"{learned} {conclude(evaluation).sentence}"
