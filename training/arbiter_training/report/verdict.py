"""What a decision maker should take from an evaluation: one sentence, written in one place."""

from dataclasses import dataclass, replace
from enum import StrEnum

from arbiter_training.evaluation.records import EvaluationReport, Measured, PolicyRow
from arbiter_training.report.comparison import Comparison, Finding, compare, constant_model, routers
from arbiter_training.report.constants import cheapest_constant
from arbiter_training.report.wording import count, percent

TOLERATED_LOSS = 0.02
"""Relative loss of quality up to which a cheaper policy counts as a substitute; vendors of routers describe their
balanced settings as within 1 to 2 % of the best model."""


OBSERVATIONAL = (
    "Observational: propensities were not logged but estimated, so all of this holds only if no cause of the choices "
    "is missing from the log; the sensitivity shows what one could do."
)


class Kind(StrEnum):
    """What the evaluation comes down to."""

    ROUTE = "route"
    TRADE = "trade"
    CONSTANT = "constant"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The verdict on a whole evaluation.

    Attributes
    ----------
    kind : what it comes down to.
    policy : name of the policy or constant model that the sentence is about; None where there is none.
    sentence : the verdict, in plain ASCII save for the names in it.
    notes : what must be known beside it, a sentence each.
    comparison : of that policy with the baseline; None for a constant model or where nothing is known.
    """

    kind: Kind
    policy: str | None
    sentence: str
    notes: tuple[str, ...]
    comparison: Comparison | None


def conclude(report: EvaluationReport, tolerated_loss: float = TOLERATED_LOSS) -> Conclusion:
    """Draw the conclusion of an evaluation.

    A router is recommended only if the interval of its paired quality difference excludes a loss above
    ``tolerated_loss``, that of its cost difference excludes a rise, and no random mixture of constant models does as
    well at its cost. Among several the one that saves most is named. "Use the constant model" and "this log cannot
    tell" are ordinary answers.

    Parameters
    ----------
    report : any evaluation.
    tolerated_loss : of the baseline's quality, in [0, 1].

    Returns
    -------
    conclusion : the sentence and what belongs to it.
    """
    found = [compare(report, row, tolerated_loss) for row in routers(report)]
    drawn = _drawn(report, found, tolerated_loss)
    if report.evidence is not None and report.evidence.estimated is not None:
        drawn = replace(drawn, notes=(OBSERVATIONAL, *drawn.notes))
    return drawn


def _drawn(report: EvaluationReport, found: list[Comparison], tolerated_loss: float) -> Conclusion:
    for finding, write in _IN_ORDER.items():
        matching = [c for c in found if c.finding is finding]
        if matching:
            best = max(matching, key=lambda c: (c.saving, c.quality.value if c.quality else 0.0))
            return write(report, best, found, tolerated_loss)
    return _constant(report, None, found, tolerated_loss)


def _route(report: EvaluationReport, best: Comparison, found: list[Comparison], tolerance: float) -> Conclusion:
    against = describe_baseline(report)
    quality, cost = best.relative_quality, best.relative_cost
    assert quality is not None and cost is not None
    if quality.low is not None and quality.low > 0.0:
        gain = f"raised quality by {_change(quality)} over {against}"
    elif quality.value >= 0.0:
        gain = f"matched the quality of {against}, with {_kept(quality)} of it,"
    else:
        gain = f"kept {_kept(quality)} of the quality of {against}"
    sentence = f"Routing with {best.row.name} would have {gain} {_cost_phrase(cost)}."
    notes = _notes(report, best, found, tolerance)
    return _about(Kind.ROUTE, best, sentence, notes)


def _trade(report: EvaluationReport, best: Comparison, found: list[Comparison], tolerance: float) -> Conclusion:
    quality, cost = best.relative_quality, best.relative_cost
    assert quality is not None and cost is not None
    word = "higher" if quality.value > 0 else "lower"
    sentence = (
        f"Routing with {best.row.name} is a trade: quality {_change(quality)} {word} than {describe_baseline(report)}, "
        f"{_cost_phrase(cost)}"
    )
    sentence += "; no mix of constant models does as well at that cost." if report.hull else "."
    return _about(Kind.TRADE, best, sentence, _notes(report, best, found, tolerance))


def _undecided(report: EvaluationReport, best: Comparison, found: list[Comparison], tolerance: float) -> Conclusion:
    why = _doubt(best, describe_baseline(report), tolerance)
    sentence = f"This log cannot tell yet whether routing with {best.row.name} pays: {why}."
    return _about(Kind.CANNOT_TELL, best, sentence, _notes(report, best, found, tolerance))


def _doubt(best: Comparison, against: str, tolerance: float) -> str:
    """Say which of the two intervals leaves the question open."""
    quality, cost = best.relative_quality, best.relative_cost
    ends = [end for measured in (quality, cost) if measured for end in (measured.low, measured.high)]
    if quality is None or cost is None or len(ends) < 4 or None in ends:
        return "its estimates come without intervals that are known to cover"
    q_low, q_high, c_low, c_high = (0.0 if end is None else end for end in ends)
    if c_low > 0.0:
        return f"it costs more than {against}, and whether its quality is higher is within the noise"
    if c_high >= 0.0:
        holds = "its quality holds" if q_low >= -tolerance else "its quality is not shown to hold"
        return f"{holds} against {against}, and whether it costs less is within the noise"
    return (
        f"its quality against {against} lies between {_signed(q_low, q_high)} and {_signed(q_high, q_low)} "
        f"(95% interval), which neither shows nor rules out a loss above {percent(tolerance)}"
    )


def _unknown(report: EvaluationReport, best: Comparison, found: list[Comparison], tolerance: float) -> Conclusion:
    base = next((row for row in report.rows if row.name == report.baseline), None)
    if best.row.outcomes.get("quality") is not None and base is not None and base.outcomes.get("quality") is None:
        because = f": {base.reasons[0].rstrip('.')}" if base.reasons else ""
        sentence = (
            f"This log tells what routing with {best.row.name} is worth, not whether it pays, since nothing can be "
            f"told of {describe_baseline(report)}{because}."
        )
        return _about(Kind.CANNOT_TELL, best, sentence, tuple(map(_as_sentence, best.row.reasons)))
    why = best.row.reasons[0] if best.row.reasons else "no estimate of quality or cost could be made"
    sentence = f"This log cannot tell what routing with {best.row.name} is worth: {why.rstrip('.')}."
    return _about(Kind.CANNOT_TELL, best, sentence, tuple(map(_as_sentence, best.row.reasons[1:])))


def _beaten(report: EvaluationReport, best: Comparison, found: list[Comparison], tolerance: float) -> Conclusion:
    return _constant(report, best, found, tolerance)


_IN_ORDER = {
    Finding.PAYS: _route,
    Finding.TRADES: _trade,
    Finding.UNDECIDED: _undecided,
    Finding.BEATEN: _beaten,
    Finding.UNKNOWN: _unknown,
}


def _constant(
    report: EvaluationReport, best: Comparison | None, found: list[Comparison], tolerance: float
) -> Conclusion:
    choice = cheapest_constant(report, tolerance)
    unknown = tuple(
        f"{c.row.name} could not be judged on this log and is not part of this verdict."
        for c in found
        if c.finding is Finding.UNKNOWN
    )
    if choice is None:
        sentence = "This log cannot tell: no policy and no constant model could be evaluated on it."
        return Conclusion(kind=Kind.CANNOT_TELL, policy=None, sentence=sentence, notes=unknown, comparison=None)
    why = "no router was evaluated" if best is None else "no router beat it or a mix of constant models at equal cost"
    sentence = f"Use the constant model {choice.model}: {why}."
    if choice.saving is not None and choice.kept is not None:
        sentence = (
            f"{sentence[:-1]}, and it keeps {percent(choice.kept)} of the quality of {describe_baseline(report)} at "
            f"{percent(choice.saving)} lower cost."
        )
    return Conclusion(kind=Kind.CONSTANT, policy=choice.model, sentence=sentence, notes=unknown, comparison=None)


def _about(kind: Kind, best: Comparison, sentence: str, notes: tuple[str, ...]) -> Conclusion:
    return Conclusion(kind=kind, policy=best.row.name, sentence=sentence, notes=notes, comparison=best)


def _notes(report: EvaluationReport, best: Comparison, found: list[Comparison], tolerance: float) -> tuple[str, ...]:
    notes = []
    if best.row.verdict == "approximate":
        notes.append(f"Approximate: {'; '.join(best.row.reasons)}.")
    if best.hull_inside_interval:
        notes.append(
            "A random mix of constant models at the same cost lies within the interval of this quality: part of the "
            "gain may be had without a router."
        )
    choice = cheapest_constant(report, tolerance)
    if choice and choice.saving is not None and choice.kept is not None and choice.saving > best.saving:
        notes.append(
            f"The constant model {choice.model} alone keeps {percent(choice.kept)} of the quality at "
            f"{percent(choice.saving)} lower cost."
        )
    if len(found) > 1:
        notes.append(
            f"Named as the best of {count(len(found))} routers on the same log; the intervals of all differences are "
            "widened for that choice."
        )
    return tuple(notes)


def describe_baseline(report: EvaluationReport) -> str:
    """Say what policies are compared with, by the model's name where it is constant."""
    row: PolicyRow | None = next((row for row in report.rows if row.name == report.baseline), None)
    model = constant_model(row) if row else None
    if model is None:
        return f"the policy {report.baseline}"
    kind = "the best single model" if report.baseline.startswith("best-single") else "the constant model"
    return f"{kind} {model}"


def _as_sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:].rstrip('.')}."


def _kept(quality: Measured) -> str:
    ends = [1.0 + end for end in (quality.low, quality.high) if end is not None]
    kept = 1.0 + quality.value
    interval = f" (95% interval {percent(ends[0], *ends)} to {percent(ends[1], *ends)})" if len(ends) == 2 else ""
    return percent(kept, *ends) + interval


def _change(relative: Measured) -> str:
    ends = sorted(abs(end) for end in (relative.low, relative.high) if end is not None)
    if len(ends) < 2:
        return percent(abs(relative.value))
    if relative.low is not None and relative.high is not None and relative.low * relative.high < 0:
        text = f"{_signed(relative.low, relative.high)} to {_signed(relative.high, relative.low)}"
    else:
        text = f"{percent(ends[0], *ends)} to {percent(ends[1], *ends)}"
    return f"{percent(abs(relative.value), *ends)} (95% interval {text})"


def _cost_phrase(cost: Measured) -> str:
    if cost.low is not None and cost.high is not None and cost.low <= 0.0 <= cost.high:
        return f"at about the same cost ({_signed(cost.low, cost.high)} to {_signed(cost.high, cost.low)})"
    word = "lower" if cost.value < 0 else "higher"
    ends = sorted(abs(end) for end in (cost.low, cost.high) if end is not None)
    interval = f" ({percent(ends[0], *ends)} to {percent(ends[1], *ends)})" if len(ends) == 2 else ""
    return f"at {percent(abs(cost.value), *ends)} {word} cost{interval}"


def _signed(share: float, *beside: float) -> str:
    return ("+" if share > 0 else "") + percent(share, *beside)
