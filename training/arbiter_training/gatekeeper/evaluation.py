"""What a gatekeeper is worth on labelled requests it was not trained on."""

import math
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
from arbiter_training.labelled import UNKNOWN, LabelledPrompts

COVERAGES = tuple(np.linspace(0.1, 1.0, 10).round(1).tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassResult:
    """How well one label is found.

    Attributes
    ----------
    precision, recall, f1 : NaN where nothing was called or nothing was there.
    support : requests with this label.
    """

    precision: float
    recall: float
    f1: float
    support: int


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
    """

    classes: Mapping[str, ClassResult]
    accuracy: float
    macro_f1: float
    ece: float
    confusion: IntArray
    coverage: tuple[float, ...]
    accuracy_at: tuple[float, ...]
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskEvaluation:
    """How well the verdict of harm or stake finds what is high or critical.

    Attributes
    ----------
    recall : share of the high and critical requests called so; NaN where there are none.
    false_alarms : share of the others called so; NaN where there are none.
    recall_at_5 : recall of the probability alone where it calls 5 % of the others.
    n_high, n_other : requests of either kind.
    """

    recall: float
    false_alarms: float
    recall_at_5: float
    n_high: int
    n_other: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GatekeeperEvaluation:
    """The evaluation of all heads that have labels.

    Attributes
    ----------
    heads : head to result.
    risks : ``harm`` and ``stake``, where labelled, to the result of the verdict.
    look_alikes_flagged : share of the harmless look-alikes whose harm is called high; NaN where there are none.
    injections_found : share of the injections whose harm is called high; NaN where there are none.
    hard_easy_auc : chance that a complex or expert request has a higher expected complexity than a trivial or simple
        one (the area under the ROC curve); NaN where either is missing.
    """

    heads: Mapping[str, HeadEvaluation]
    risks: Mapping[str, RiskEvaluation]
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
        heads={head: evaluate_head(head, heads.head(head)[y >= 0], y[y >= 0]) for head, y in known.items()},
        risks={head: _risk(head, heads, profiles, known[head]) for head in ("harm", "stake") if head in known},
        look_alikes_flagged=_share(harm[_flagged(prompts, "look_alike")]),
        injections_found=_share(harm[_flagged(prompts, "injection") & _high(prompts, "harm")]),
        hard_easy_auc=_hard_easy_auc(heads, prompts),
    )


def _flagged(prompts: LabelledPrompts, flag: str) -> BoolArray:
    return prompts.flags.get(flag, np.zeros(len(prompts), dtype=np.bool_))


def _high(prompts: LabelledPrompts, head: str) -> BoolArray:
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
    )


def _class(confusion: IntArray, i: int) -> ClassResult:
    hits, support, called = (float(x) for x in (confusion[i, i], confusion[i].sum(), confusion[:, i].sum()))
    return ClassResult(
        precision=hits / called if called else float("nan"),
        recall=hits / support if support else float("nan"),
        f1=2.0 * hits / (support + called),
        support=int(support),
    )


def _risk(head: str, heads: HeadProbabilities, profiles: Sequence[TaskProfile], labels: IntArray) -> RiskEvaluation:
    called = np.array([getattr(profile, head) >= Risk.HIGH for profile in profiles])
    probability = heads.at_least(head, Risk.HIGH)
    high, other = labels >= Risk.HIGH.rank, (labels >= 0) & (labels < Risk.HIGH.rank)
    limit = np.quantile(probability[other], 0.95) if other.any() else np.nan
    return RiskEvaluation(
        recall=_share(called[high]),
        false_alarms=_share(called[other]),
        recall_at_5=_share(probability[high] > limit) if other.any() else float("nan"),
        n_high=int(high.sum()),
        n_other=int(other.sum()),
    )


def _share(found: BoolArray) -> float:
    return float(found.mean()) if found.size else float("nan")
