"""What runs and experiments are called and say of themselves, so that MLflow's pages can be read without the code."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

NOTE = "mlflow.note.content"
"""MLflow's tag of a description, shown as Markdown on top of an experiment or a run."""

MAIN, PLANS, BENCHMARKS, CLAIMS, GATEKEEPER, DEMO = (
    *("arbiter", "arbiter plans", "arbiter benchmarks", "arbiter claims", "arbiter gatekeeper", "arbiter demo"),
)

UNITS = (
    "Quality is the mean judged quality of answers, from 0 to 1. Costs are US dollars, per request unless a name says "
    "otherwise. `low` and `high` are the ends of a 95 % interval. A difference is taken against the baseline on the "
    "same requests. `headline/` repeats the figures of the first router or policy that was asked for."
)

EXPERIMENTS: Mapping[str, str] = {
    MAIN: (
        "Routers that choose a model for each request: learned from traffic (train), judged (evaluate), let through "
        f"the gate or not (promote). {UNITS}"
    ),
    PLANS: "Plans of models and spending, one run each, so that a plan can be held against what happened. US dollars.",
    BENCHMARKS: "Public benchmarks of routing, one run each; the runs inside are the rounds of its protocol.",
    CLAIMS: "What is claimed of learning online, measured over many streams; one run each time.",
    GATEKEEPER: "The gatekeeper on sources of prompts that it was not taught on.",
    DEMO: f"The whole loop on public traffic whose truth is known: log, train, evaluate, compare. {UNITS}",
}
"""Description of each experiment that arbiter names itself."""


def command_tags(command: str) -> dict[str, str]:
    """Give the tags that say which command made a run; MLflow shows the second as the run's source."""
    return {"arbiter.command": command, "mlflow.source.name": f"arbiter {command}", "mlflow.source.type": "LOCAL"}


def shown_source(source: str | Path) -> str:
    """Give a path, or several with commas, as runs tell it: where it is absolute, its name alone.

    The folders above it say who works where, and nothing of the data, which its fingerprint tells.
    """
    return ", ".join(_name(part) for part in str(source).split(", "))


def _name(path: str) -> str:
    for flavour in (PurePosixPath(path), PureWindowsPath(path)):
        if flavour.is_absolute() or ".." in flavour.parts:
            return flavour.name or path
    return path
