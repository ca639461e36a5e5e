"""What an experiment has shown: each arm's means, and how much worse the challenger may be."""

from dataclasses import dataclass

from arbiter.errors import InvalidInputError
from arbiter.experiments.arm_sums import Means
from arbiter.experiments.fold import ExperimentFold, Stop
from arbiter.experiments.guards import METRICS, Guards, Harm
from arbiter.judgements import FeedbackRules
from arbiter.ledger import Ledger
from arbiter.records import Decision
from arbiter.vocabulary import Arm, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """What a ledger says of one experiment.

    Attributes
    ----------
    experiment : its name.
    decisions : by arm.
    means : metric to the means of each arm.
    harms : how much worse than the guards allow, with intervals that hold at every look at once.
    progress : what follows from them.
    stop : when and why the guards stopped it; None where they did not.
    """

    experiment: str
    decisions: dict[Arm, int]
    means: dict[str, dict[Arm, Means]]
    harms: tuple[Harm, ...]
    progress: Progress
    stop: Stop | None


def experiments_of(ledger: Ledger) -> tuple[str, ...]:
    """Give the names of the experiments that a ledger holds, in the order of their first decisions."""
    records = (event.record for _, event in ledger.events())
    found = (r.assignment.experiment for r in records if isinstance(r, Decision) and r.assignment is not None)
    return tuple(dict.fromkeys(found))


def result_of(
    ledger: Ledger, experiment: str, guards: Guards | None = None, rules: FeedbackRules | None = None
) -> ExperimentResult:
    """Read what a ledger says of an experiment.

    Parameters
    ----------
    ledger : of the service, or services, that ran it.
    experiment : its name.
    guards : margins and error of the comparison; None takes the defaults.
    rules : what feedback is taken to mean; None takes the defaults.

    Raises
    ------
    InvalidInputError
        If the ledger holds no such experiment.
    LedgerError
        If it cannot be read.
    """
    guards = guards or Guards()
    fold = ExperimentFold(experiment=experiment, rules=rules or FeedbackRules(), guards=guards)
    fold.catch_up(ledger)
    if not any(fold.decisions.values()):
        known = ", ".join(experiments_of(ledger)) or "none"
        raise InvalidInputError(f"the ledger holds no experiment {experiment!r}; it holds {known}")
    return ExperimentResult(
        experiment=experiment,
        decisions=dict(fold.decisions),
        means={metric: fold.means(metric) for metric in METRICS},
        harms=tuple(fold.harms(guards)),
        progress=fold.progress(guards),
        stop=fold.stop,
    )
