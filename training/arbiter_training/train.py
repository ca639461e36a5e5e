"""`arbiter train`: split, learn, judge on what was held out, learn from everything, write the bundle."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from arbiter.bundle import Provenance
from arbiter.catalog import Catalog, catalog_for_log
from arbiter.errors import InvalidInputError, NotEvaluableError, TrafficError
from arbiter.router import Router
from arbiter_training.evaluation.records import EvaluationReport, LogSummary
from arbiter_training.evaluation.routers import evaluator_of, frontier, policies_of
from arbiter_training.evaluation.tracked import evaluation_metrics
from arbiter_training.judge import with_judge
from arbiter_training.labels import RULES
from arbiter_training.learn import Learned, LearnOptions, learn_router, teacher_vectors_of
from arbiter_training.quality_sources import shares_told
from arbiter_training.split import forward_split, group_split, groups_of
from arbiter_training.traffic import OutcomeMatrix, TrafficTable, pivot

Say = Callable[[str], None]

LEAST_REQUESTS = 50
"""Judged requests below which nothing is learned: the estimates would be noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """How `arbiter train` works.

    Attributes
    ----------
    test_share : held out to judge on, by session or near-duplicate cluster; 0 holds nothing out.
    forward : hold out the latest requests instead of random ones.
    refit : whether the bundle is learned from all rows once the held-out part has been judged.
    learn : how the router is learned.
    """

    test_share: float = 0.2
    forward: bool = False
    refit: bool = True
    learn: LearnOptions = field(default_factory=LearnOptions)

    def __post_init__(self) -> None:
        if not 0.0 <= self.test_share < 1.0:
            raise InvalidInputError(f"test_share must lie in [0, 1), got {self.test_share}; 0.2 holds out a fifth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What training made.

    Attributes
    ----------
    router : learned from all rows (or the training part, without ``refit``).
    learned : the fit that was judged, on the training part.
    evaluation : on the held-out part; None where nothing was held out or the log cannot tell.
    provenance : for the bundle's manifest.
    notes : lines for people: what could not be done, and why.
    """

    router: Router
    learned: Learned
    evaluation: EvaluationReport | None
    provenance: Provenance
    notes: tuple[str, ...]


def train(
    table: TrafficTable, base: Router, options: TrainOptions, catalog: Catalog | None = None, say: Say = lambda _: None
) -> Trained:
    """Learn a router from a traffic table.

    Parameters
    ----------
    table : checked traffic.
    base : gives features and the gatekeeper's heads for which the log has no labels; usually the shipped default.
    options : how.
    catalog : where the log's models are looked up first; None takes the shipped catalog.
    say : is told what happens, for a progress display.

    Raises
    ------
    TrafficError
        If fewer than 50 requests carry a quality.
    CatalogError
        If the price of a model is not known.
    """
    outcomes = pivot(table)
    candidates = catalog_for_log(outcomes.models, catalog)
    judged = int((~np.isnan(outcomes.quality)).any(axis=1).sum())
    if judged < LEAST_REQUESTS:
        raise TrafficError(
            f"{_source(table)}: {judged} of {outcomes.n} requests carry a quality, learning takes {LEAST_REQUESTS}; "
            "add judgements in a column 'quality' in [0, 1]"
        )
    outcomes = with_judge(outcomes, options.learn.judge, options.learn.seed)
    train_rows, test_rows = _split(outcomes, options)
    say(f"learning from {len(train_rows)} requests")
    teacher = teacher_vectors_of(outcomes, options.learn)
    known = None if teacher is None else teacher[train_rows]
    learned = learn_router(outcomes.subset(train_rows), candidates, base, options.learn, known)
    evaluation, notes = None, tuple[str, ...]()
    if len(test_rows):
        say(f"judging on {len(test_rows)} requests held out")
        summary = _summary(table, outcomes, options, test_rows)
        evaluation, notes = _judged(learned.router, outcomes.subset(test_rows), summary)
    notes += tuple(f"labels disagree: {conflict}" for conflict in learned.conflicts if conflict.other != RULES)
    router = learned.router
    if options.refit and len(train_rows) < outcomes.n:
        say(f"learning from all {outcomes.n} requests")
        router = learn_router(outcomes, candidates, base, options.learn, teacher).router
    provenance = _provenance(table, outcomes, learned, evaluation)
    return Trained(router=router, learned=learned, evaluation=evaluation, provenance=provenance, notes=notes)


def _judged(
    router: Router, outcomes: OutcomeMatrix, summary: LogSummary
) -> tuple[EvaluationReport | None, tuple[str, ...]]:
    """Judge where the log can tell; else give the reason as a note, since the router is learned all the same."""
    try:
        return judge(router, outcomes, summary), ()
    except NotEvaluableError as error:
        return None, (f"not evaluated: {error}",)


def judge(router: Router, outcomes: OutcomeMatrix, summary: LogSummary) -> EvaluationReport:
    """Evaluate a router, at its own setting and along its frontier, on rows that it has not seen."""
    evaluator = evaluator_of(outcomes, router.features, router.catalog, summary)
    outlook = router.outlook(outcomes.queries)
    return evaluator.report(policies_of(router, outlook), (frontier(router, outlook),))


def _split(outcomes: OutcomeMatrix, options: TrainOptions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if options.test_share <= 0:
        return np.arange(outcomes.n), np.zeros(0, dtype=np.int64)
    groups = groups_of(outcomes)
    if options.forward:
        split = forward_split(groups, outcomes.timestamps, options.test_share)
    else:
        split = group_split(groups, options.test_share, options.learn.seed)
    return split.train, split.test


def _source(table: TrafficTable) -> str:
    return ", ".join(table.notes.sources) or "the table"


def _summary(
    table: TrafficTable, outcomes: OutcomeMatrix, options: TrainOptions, rows: NDArray[np.int64]
) -> LogSummary:
    how = "the latest requests" if options.forward else "random requests"
    return LogSummary(
        source=_source(table),
        fingerprint=table.fingerprint(),
        n_requests=len(rows),
        models=outcomes.models,
        kind=kind_of(outcomes),
        protocol=(
            f"{how}, {options.test_share:.0%} of {outcomes.n}, held out by session or near-duplicate cluster; "
            f"everything was chosen and fitted on the rest (seed {options.learn.seed}); the outcome models behind the "
            f"doubly robust estimate are cross-fitted on the held-out part.{shares_told(outcomes)}"
        ),
    )


def kind_of(outcomes: OutcomeMatrix) -> str:
    """Say how many models were scored on a request."""
    if outcomes.full_information:
        return "full information"
    return "one model per request" if outcomes.one_per_request else "mixed"


def _provenance(
    table: TrafficTable, outcomes: OutcomeMatrix, learned: Learned, evaluation: EvaluationReport | None
) -> Provenance:
    report = learned.quality
    chosen = {"penalty": asdict(report.penalty), "k": report.k, "sharpness": report.sharpness}
    metrics: dict[str, float] = {
        "quality/mse_constant": report.constant,
        "quality/mse_blend": report.blend,
        **{f"quality/mse_{name}": value for name, value in report.members.items()},
    }
    for head, found in learned.heads.items():
        metrics |= {f"{head}/log_loss": found.log_loss, f"{head}/accuracy": found.accuracy, f"{head}/ece": found.ece}
    if evaluation is not None:
        metrics |= evaluation_metrics(evaluation)
    return Provenance(
        data={
            "source": list(table.notes.sources),
            "fingerprint": table.fingerprint(),
            "requests": outcomes.n,
            "rows": table.n_rows,
            "models": list(outcomes.models),
            "kind": kind_of(outcomes),
        },
        metrics=metrics,
        notes={"blend": report.weights, "label_conflicts": [str(c) for c in learned.conflicts], **chosen},
    )
