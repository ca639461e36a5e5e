"""What a gatekeeper is worth on labelled requests it was not trained on."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from arbiter.features import Features
from arbiter.gatekeeper.heads import HEADS, HeadProbabilities
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.records import TaskProfile
from arbiter.vocabulary import Complexity, Risk
from arbiter_training.gatekeeper.calibration import expected_calibration_error
from arbiter_training.gatekeeper.data import BoolArray, FloatArray, IntArray
from arbiter_training.gatekeeper.risk_evaluation import RiskEvaluation, evaluate_risk
from arbiter_training.labelled import UNKNOWN, LabelledPrompts

COVERAGES = tuple(np.linspace(0.1, 1.0, 10).round(1).tolist())

BINS = 15
"""Bins of equal width of the greatest probability, as for the calibration error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassResult:
    """How well one label is found.

    Attributes
    ----------
    precision, recall, f1 : NaN where nothing was called or nothing was there.
    support : requests with this label.
    called : requests called so.
    """

    precision: float
    recall: float
    f1: float
    support: int
    called: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Requests whose most probable label has about the same probability.

    Attributes
    ----------
    confidence, accuracy : mean of that probability, and share of them that are right.
    n : requests.
    """

    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEvaluation:
    """How well one head's most probable label agrees with the labels.

    Attributes
    ----------
    classes : label to result, for the labels that occur or were called.
    accuracy : share of requests whose most probable label is theirs.
    macro_f1 : mean F1 of the labels that occur.
    ece : expected calibration error in 15 bins.
    confusion : (labels, labels) counts, true by called, in the order of ``HEADS``.
    coverage : shares of the requests, the surest first, and
    accuracy_at : the accuracy on each such share: what abstaining on the rest would leave.
    n : labelled requests.
    bins : the calibration, in bins of rising probability; empty bins are left out.
    """

    classes: Mapping[str, ClassResult]
    accuracy: float
    macro_f1: float
    ece: float
    confusion: IntArray
    coverage: tuple[float, ...]
    accuracy_at: tuple[float, ...]
    n: int
    bins: tuple[CalibrationBin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatekeeperEvaluation:
    """The evaluation of all heads that have labels.

    Attributes
    ----------
    heads : head to result.
    risks : ``harm``, ``stake`` and ``risk`` (the greater of the two), where labelled, to the result of the verdict.
    judges : source of a profile (``learned``, ``keywords``, ...) to the requests that it judged.
    look_alikes_flagged : share of the harmless look-alikes whose harm is called high; NaN where there are none.
    injections_found : share of the injections whose harm is called high; NaN where there are none.
    hard_easy_auc : chance that a complex or expert request has a higher expected complexity than a trivial or simple
        one (the area under the ROC curve); NaN where either is missing.
    """

    heads: Mapping[str, HeadEvaluation]
    risks: Mapping[str, RiskEvaluation]
    judges: Mapping[str, int]
    look_alikes_flagged: float
    injections_found: float
    hard_easy_auc: float

    def metrics(self) -> dict[str, float]:
        """Give one flat mapping of numbers, for a model card or a tracker."""
        found: dict[str, float] = {}
        for head, result in self.heads.items():
            found |= {f"{head}/accuracy": result.accuracy, f"{head}/macro_f1": result.macro_f1}
            found |= {f"{head}/ece": result.ece, f"{head}/n": float(result.n)}
            for label, one in result.classes.items():
                found |= {f"{head}/{label}/precision": one.precision, f"{head}/{label}/recall": one.recall}
        for head, risk in self.risks.items():
            found |= {f"{head}/high_recall": risk.recall, f"{head}/high_false_alarms": risk.false_alarms}
            found |= {f"{head}/high_recall_at_5": risk.recall_at_5}
            found |= {f"{head}/high_auc": risk.auc}
        found |= {"harm/look_alikes_flagged": self.look_alikes_flagged, "harm/injections_found": self.injections_found}
        found |= {"complexity/hard_easy_auc": self.hard_easy_auc}
        return {name: value for name, value in found.items() if not math.isnan(value)}


def evaluate_gatekeeper(gatekeeper: Gatekeeper, features: Features, prompts: LabelledPrompts) -> GatekeeperEvaluation:
    """Judge a gatekeeper on labelled requests.

    Parameters
    ----------
    gatekeeper : any.
    features : those that it was fitted on.
    prompts : with labels of any heads; they must not be its training data, or the result means nothing.
    """
    heads = gatekeeper.probabilities(prompts.queries, features.transform(prompts.queries))
    return evaluate_verdicts(heads, gatekeeper.profiles(prompts.queries, heads), prompts)


def evaluate_verdicts(
    heads: HeadProbabilities, profiles: Sequence[TaskProfile], prompts: LabelledPrompts
) -> GatekeeperEvaluation:
    """Judge probabilities and verdicts on the n requests that they were given for."""
    harm = np.array([profile.harm >= Risk.HIGH for profile in profiles], dtype=np.bool_)
    known = {head: y for head, y in prompts.labels.items() if (y >= 0).any()}
    return GatekeeperEvaluation(
        heads={h: evaluate_head(h, heads.head(h)[y >= 0], y[y >= 0]) for h, y in known.items() if h in HEADS},
        risks={
            head: evaluate_risk(_called(head, profiles), _high(head, heads), known[head], prompts.sources)
            for head in ("harm", "stake", "risk")
            if head in known
        },
        judges=dict(Counter(str(profile.source) for profile in profiles)),
        look_alikes_flagged=_share(harm[_flagged(prompts, "look_alike")]),
        injections_found=_share(harm[_flagged(prompts, "injection") & _labelled_high(prompts, "harm")]),
        hard_easy_auc=_hard_easy_auc(heads, prompts),
    )


def _flagged(prompts: LabelledPrompts, flag: str) -> BoolArray:
    return prompts.flags.get(flag, np.zeros(len(prompts), dtype=np.bool_))


def _labelled_high(prompts: LabelledPrompts, head: str) -> BoolArray:
    labels = prompts.labels.get(head)
    return np.zeros(len(prompts), dtype=np.bool_) if labels is None else labels >= Risk.HIGH.rank


def _hard_easy_auc(heads: HeadProbabilities, prompts: LabelledPrompts) -> float:
    labels = prompts.labels.get("complexity", np.full(len(prompts), UNKNOWN, dtype=np.int64))
    easy = (labels >= 0) & (labels <= Complexity.SIMPLE.rank)
    hard = labels >= Complexity.COMPLEX.rank
    if not easy.any() or not hard.any():
        return float("nan")
    either = easy | hard
    return float(roc_auc_score(hard[either], heads.level("complexity")[either]))


def evaluate_head(head: str, probabilities: FloatArray, labels: IntArray) -> HeadEvaluation:
    """Judge (n, labels) probabilities of one head against (n,) known labels."""
    size = len(HEADS[head])
    called = probabilities.argmax(axis=1)
    confusion = np.zeros((size, size), dtype=np.int64)
    np.add.at(confusion, (labels, called), 1)
    results = {
        label: _class(confusion, i)
        for i, label in enumerate(HEADS[head])
        if confusion[i].sum() or confusion[:, i].sum()
    }
    surest = np.argsort(-probabilities.max(axis=1), kind="stable")
    right = (called == labels)[surest]
    return HeadEvaluation(
        classes=results,
        accuracy=float(right.mean()),
        macro_f1=float(np.mean([r.f1 for r in results.values() if r.support])),
        ece=expected_calibration_error(probabilities, labels),
        confusion=confusion,
        coverage=COVERAGES,
        accuracy_at=tuple(float(right[: max(1, round(c * len(right)))].mean()) for c in COVERAGES),
        n=len(labels),
        bins=_bins(probabilities.max(axis=1), called == labels),
    )


def _bins(confidence: FloatArray, right: BoolArray) -> tuple[CalibrationBin, ...]:
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    members = (place == b for b in np.unique(place))
    return tuple(
        CalibrationBin(confidence=float(confidence[m].mean()), accuracy=float(right[m].mean()), n=int(m.sum()))
        for m in members
    )


def _class(confusion: IntArray, i: int) -> ClassResult:
    hits, support, called = (float(x) for x in (confusion[i, i], confusion[i].sum(), confusion[:, i].sum()))
    return ClassResult(
        precision=hits / called if called else float("nan"),
        recall=hits / support if support else float("nan"),
        f1=2.0 * hits / (support + called),
        support=int(support),
        called=int(called),
    )


def _called(head: str, profiles: Sequence[TaskProfile]) -> BoolArray:
    return np.array([getattr(profile, head) >= Risk.HIGH for profile in profiles], dtype=np.bool_)


def _high(head: str, heads: HeadProbabilities) -> FloatArray:
    """Give P(high or critical); of the two sources of risk together the greater, as the verdict does."""
    names = ("harm", "stake") if head == "risk" else (head,)
    return np.asarray(np.max([heads.at_least(name, Risk.HIGH) for name in names], axis=0))


def _share(found: BoolArray) -> float:
    return float(found.mean()) if found.size else float("nan")
