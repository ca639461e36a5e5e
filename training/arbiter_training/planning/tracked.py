"""Plans in MLflow: one run each, so that last quarter's plan can be held against what happened."""

from pathlib import Path

from arbiter.errors import InvalidInputError
from arbiter.integrations.quiet_mlflow import calm
from arbiter.planning import Plan
from arbiter.planning.money import BAND
from arbiter.planning.saved import SavedPlan, plan_to_json, saved_from_json
from arbiter_training.mlflow_connection import connect, has_store
from arbiter_training.planning.page import render_plan
from arbiter_training.tracking import Tracker, metric_name
from arbiter_training.tracking_labels import PLANS, command_tags, shown_source

PLAN_FILE, PAGE_FILE = "plan.json", "plan.html"


def log_plan(plan: Plan, folder: Path) -> str:
    """Write a plan with its page and numbers; give run and store in words."""
    with Tracker(folder, PLANS, f"plan {plan.name}"[:200], command_tags("plan strategy")) as tracker:
        settings = {"start": str(plan.start), "months": plan.months, "traffic": shown_source(plan.source)}
        tracker.log_params({**settings, "chosen": _chosen(plan)})
        tracker.log_metrics(plan_metrics(plan))
        tracker.log_text(plan_to_json(plan), PLAN_FILE)
        tracker.log_text(render_plan(plan), PAGE_FILE)
        tracker.describe(_note(plan))
        return f"run {tracker.run_id} of experiment {PLANS!r}, store {tracker.uri}"


def _note(plan: Plan) -> str:
    total = plan.projection.total()
    rows = [f"| {made.use_case} | {' > '.join(made.chain)} | {made.confidence:.2f} |" for made in plan.recommendations]
    return "\n\n".join(
        [
            f"Which models serve which use case from {plan.start} for {plan.months} months: ${total.mean:,.0f} "
            f"expected, {BAND:.0%} band ${total.low:,.0f} to ${total.high:,.0f}.",
            "\n".join(["| use case | models, the first choice first | confidence |", "|---|---|---|", *rows]),
            f"`{PAGE_FILE}` is the plan for people; `arbiter plan review` holds `{PLAN_FILE}` against what happened.",
        ]
    )


def _chosen(plan: Plan) -> dict[str, str]:
    return {metric_name(made.use_case): " > ".join(made.chain) for made in plan.recommendations}


def plan_metrics(plan: Plan) -> dict[str, float]:
    """Give one flat mapping of numbers."""
    total, whole = plan.projection.total(), plan.projection
    found = {"cost_usd": total.mean, "cost_usd.low": total.low, "cost_usd.high": total.high}
    found["herfindahl"] = plan.vendors.herfindahl
    found["saving_usd_per_month"] = sum(each.combined * each.usd_per_month for each in plan.savings)
    for kind, sums in (("use_case", whole.by_use_case()), ("model", whole.by_model()), ("vendor", whole.by_vendor())):
        found |= {metric_name(f"{kind}/{name}/cost_usd"): money.mean for name, money in sums.items()}
    for made in plan.recommendations:
        found[metric_name(f"use_case/{made.use_case}/confidence")] = made.confidence
        found[metric_name(f"use_case/{made.use_case}/availability")] = made.availability
    return found


def load_plan(folder: Path, run: str | None = None) -> SavedPlan:
    """Read a plan back.

    Parameters
    ----------
    folder : of the MLflow store.
    run : its run; None takes the latest plan.

    Raises
    ------
    InvalidInputError
        If the store has no such plan.
    """
    if not has_store(folder):
        raise _without_plan(folder)
    connection = connect(folder)
    with calm():
        found = run or _latest(connection.client, folder)
        try:
            path = connection.client.download_artifacts(found, PLAN_FILE)
        except (connection.mlflow.exceptions.MlflowException, OSError) as error:
            raise InvalidInputError(f"run {found} in {folder} holds no plan: {error}") from error
    return saved_from_json(Path(path).read_text(encoding="utf-8"), f"run {found}")


def _without_plan(folder: Path) -> InvalidInputError:
    return InvalidInputError(f"{folder} holds no plan; make one with `arbiter plan strategy FILE --track {folder}`")


def _latest(client: object, folder: Path) -> str:
    experiment = client.get_experiment_by_name(PLANS)  # type: ignore[attr-defined]  # mlflow has no types
    query = {"max_results": 1, "order_by": ["attributes.start_time DESC"], "filter_string": "status = 'FINISHED'"}
    runs = [] if experiment is None else client.search_runs([experiment.experiment_id], **query)  # type: ignore[attr-defined]  # mlflow has no types
    if not runs:
        raise _without_plan(folder)
    return str(runs[0].info.run_id)
