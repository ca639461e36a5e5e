"""The constant policy that a router must beat: the cheapest single model that is good enough."""

from dataclasses import dataclass

from arbiter_training.evaluation.records import EvaluationReport
from arbiter_training.report.comparison import constant_model, relative


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantChoice:
    """One model for all requests.

    Attributes
    ----------
    model : its name.
    kept, saving : shares of the baseline's quality kept and of its cost saved; None where the model is the baseline,
        or the baseline's means are not known.
    """

    model: str
    kept: float | None
    saving: float | None


def cheapest_constant(report: EvaluationReport, tolerated_loss: float) -> ConstantChoice | None:
    """Give the cheapest constant model whose quality is within the tolerated loss of the baseline.

    A model that was evaluated as a policy of its own is held to the lower end of its paired interval, as routers are;
    of the others only the means are known.

    Parameters
    ----------
    report : the evaluation.
    tolerated_loss : of the baseline's quality, in [0, 1].

    Returns
    -------
    choice : the baseline's own model, or the best one, where no cheaper one is good enough; None where no constant
        model is known.
    """
    baseline = next((row for row in report.rows if row.name == report.baseline), None)
    own = constant_model(baseline) if baseline else None
    start = _means(report, own)
    if start is None:
        best = max(report.fixed_models, key=lambda name: report.fixed_models[name][1], default=own)
        return None if best is None else ConstantChoice(model=best, kept=None, saving=None)
    cost, quality = start
    enough = [
        name
        for name, (its_cost, its_quality) in report.fixed_models.items()
        if its_cost < cost and _worst_kept(report, name, its_quality / quality) >= 1.0 - tolerated_loss
    ]
    if not enough:
        return ConstantChoice(model=str(own), kept=None, saving=None)
    model = min(enough, key=lambda name: report.fixed_models[name][0])
    its_cost, its_quality = report.fixed_models[model]
    return ConstantChoice(model=model, kept=its_quality / quality, saving=1.0 - its_cost / cost)


def _means(report: EvaluationReport, model: str | None) -> tuple[float, float] | None:
    means = report.fixed_models.get(model) if model else None
    return means if means and min(means) > 0.0 else None


def _worst_kept(report: EvaluationReport, model: str, kept: float) -> float:
    base = next((row.outcomes.get("quality") for row in report.rows if row.name == report.baseline), None)
    for row in report.rows:
        if constant_model(row) == model and row.name != report.baseline:
            share = relative(row.differences.get("quality"), base)
            if share and share.low is not None:
                return 1.0 + share.low
    return kept
