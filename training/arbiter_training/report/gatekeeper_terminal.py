"""The evaluation of a gatekeeper as lines of plain text."""

from arbiter_training.gatekeeper.evaluation import GatekeeperEvaluation, HeadEvaluation
from arbiter_training.gatekeeper.risk_evaluation import RiskEvaluation, wilson
from arbiter_training.report.gatekeeper_page import LabelledSummary, sentence, worst_first
from arbiter_training.report.terminal import ABSENT, NAME_WIDTH, aligned, wrapped
from arbiter_training.report.wording import count, percent, shortened

SHOWN_COVERAGES = (0.2, 0.5, 0.8, 1.0)
"""Near these shares of the requests the accuracy under abstention is told."""

MOST_SOURCES = 10
"""Sources told apart, those of the lowest recall first; the page has all of them."""


def gatekeeper_lines(found: GatekeeperEvaluation, about: LabelledSummary) -> list[str]:
    """Write an evaluation as text of at most 100 columns; the first paragraph is the page's own sentence.

    Parameters
    ----------
    found : the evaluation.
    about : what was judged on what.
    """
    judges = ", ".join(f"{name} on {count(n)}" for name, n in about.judges.items())
    out = [*wrapped(sentence(found)), ""]
    out += wrapped(f"{about.source}: {count(about.n)} requests, bundle {about.bundle}, judged by {judges}")
    out += [*wrapped(f"fingerprint {about.fingerprint}"), ""]
    for head, one in found.heads.items():
        out += [*_head(head, one), ""]
    for name, risk in found.risks.items():
        out += [*_risk(name, risk), ""]
    return out[:-1]


def _head(head: str, found: HeadEvaluation) -> list[str]:
    body = [
        [label, count(one.support), _share(one.precision), _share(one.recall), f"{one.f1:.3f}"]
        for label, one in found.classes.items()
    ]
    rows = aligned([head, "requests", "precision", "recall", "F1"], body, right={1, 2, 3, 4})
    low, high = wilson(found.accuracy, found.n)
    kept = [min(range(len(found.coverage)), key=lambda i: abs(found.coverage[i] - c)) for c in SHOWN_COVERAGES]
    sure = ", ".join(f"{percent(found.accuracy_at[i])} of the surest {percent(found.coverage[i])}" for i in kept)
    about = (
        f"right {percent(found.accuracy)} ({percent(low)} .. {percent(high)}), macro F1 {found.macro_f1:.3f}, "
        f"calibration error {found.ece:.3f}; right {sure}"
    )
    return [*rows, *wrapped(about)]


def _risk(name: str, found: RiskEvaluation) -> list[str]:
    at = ", ".join(f"{_share(recall)} at {percent(share)}" for share, recall in found.recall_at.items())
    low, high = wilson(found.recall, found.n_high)
    out = wrapped(
        f"high {name}: the verdict finds {_share(found.recall)} ({percent(low)} .. {percent(high)}) of "
        f"{count(found.n_high)}, false alarms on {_share(found.false_alarms)} of {count(found.n_other)}; the "
        f"probability finds {at} false alarms"
    )
    if len(found.by_source) < 2:
        return out
    body = [
        [shortened(source, NAME_WIDTH), count(a.n_high), _share(a.recall), count(a.n_other), _share(a.false_alarms)]
        for source, a in worst_first(found.by_source)[:MOST_SOURCES]
    ]
    rest = len(found.by_source) - len(body)
    out += aligned([f"high {name} by source", "high", "recall", "other", "alarms"], body, right={1, 2, 3, 4})
    return [*out, f"{rest} more sources of a higher recall"] if rest else out


def _share(value: float) -> str:
    return ABSENT if value != value else percent(value)  # NaN: nothing was there, or nothing was called
