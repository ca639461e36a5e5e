"""A benchmark in MLflow: one run for the table, with one nested run per round."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from arbiter_training.benchmarks.figures import Figure
from arbiter_training.benchmarks.run import BenchmarkResult
from arbiter_training.tracking import DataNote, Tracker
from arbiter_training.tracking_labels import BENCHMARKS, command_tags


def log_benchmark(result: BenchmarkResult, folder: Path) -> str:
    """Write figures, table and rounds; give run and store in words.

    Parameters
    ----------
    result : of :func:`arbiter_training.benchmarks.run_benchmark`.
    folder : of the SQLite store, unless MLFLOW_TRACKING_URI names another.
    """
    name = result.benchmark.name
    data = DataNote(name=name, fingerprint=result.fingerprint, source=result.benchmark.train)
    with Tracker(folder, BENCHMARKS, name, command_tags("benchmark")) as tracker:
        tracker.log_params({**asdict(result.benchmark), "models": result.models, "n_requests": result.n_requests})
        tracker.log_data(data, "evaluation")
        tracker.log_metrics(_metrics(result))
        tracker.log_text(result.board.text(), "table.md")
        tracker.describe(_note(result))
        for note in result.rounds:
            with tracker.nested(f"{name}, {note.name}", "A round of the protocol.") as nested:
                chosen = {_plain(who): what for who, what in note.chosen.items()}
                nested.log_params({"n_train": note.n_train, "n_test": note.n_test, "chosen": chosen})
                nested.log_metrics({f"{_plain(who)}/seconds": seconds for who, seconds in note.seconds.items()})
        return f"run {tracker.run_id} of experiment {BENCHMARKS!r}, store {tracker.uri}"


def _note(result: BenchmarkResult) -> str:
    return "\n\n".join(
        [
            f"Public benchmark `{result.benchmark.name}`: {result.n_requests} requests, {len(result.models)} models.",
            result.board.text(),
            "The runs inside are the rounds of the protocol: what each policy chose and how long it took to learn.",
        ]
    )


def _metrics(result: BenchmarkResult) -> dict[str, float]:
    found: dict[str, float] = {}
    for line in result.board.lines:
        for column, figure in line.figures.items():
            found |= _triple(f"{_plain(line.name)}/{_plain(column)}", figure)
    for name, figure in result.board.ratios.items():
        found |= _triple(f"kept/{_plain(name)}", figure)
    return found


def _triple(name: str, figure: Figure) -> dict[str, float]:
    ends = {name: figure.value, f"{name}.low": figure.low, f"{name}.high": figure.high}
    return {key: value for key, value in ends.items() if not np.isnan(value)}


def _plain(name: str) -> str:
    """Leave only what MLflow takes in the name of a metric."""
    return "".join(c if c.isalnum() or c in " _-." else "" for c in name).strip()
