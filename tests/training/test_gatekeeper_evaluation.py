"""What the evaluation of a gatekeeper says."""

import numpy as np

from arbiter.encoders import HashingEncoder
from arbiter.features import Features
from arbiter.gatekeeper.cold_start import KeywordGatekeeper
from arbiter.gatekeeper.heads import HEADS
from arbiter.intake import read_request
from arbiter_training.gatekeeper.evaluation import evaluate_gatekeeper, evaluate_head
from arbiter_training.labelled import LabelledPrompts


def test_a_case_worked_on_paper() -> None:
    """Three requests of two labels: one of two trivial ones is called simple."""
    probabilities = np.array([[0.9, 0.1, 0, 0, 0], [0.4, 0.6, 0, 0, 0], [0.2, 0.8, 0, 0, 0]])
    found = evaluate_head("complexity", probabilities, np.array([0, 0, 1]))
    assert found.accuracy == 2 / 3
    assert (found.classes["trivial"].precision, found.classes["trivial"].recall) == (1.0, 0.5)
    assert (found.classes["simple"].precision, found.classes["simple"].recall) == (0.5, 1.0)
    assert found.macro_f1 == np.mean([2 / 3, 2 / 3])
    assert found.confusion[0].tolist() == [1, 1, 0, 0, 0]
    assert found.accuracy_at[0] == 1.0
    assert found.accuracy_at[-1] == found.accuracy


def test_abstaining_on_the_least_sure_never_costs_a_calibrated_head() -> None:
    """Where confidence is the chance of being right, less coverage means more accuracy, up to noise."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(5, 0.5), size=20_000)
    labels = np.array([rng.choice(5, p=p) for p in probabilities])
    found = evaluate_head("harm", probabilities, labels)
    assert (np.diff(found.accuracy_at) < 0.02).all()
    assert found.ece < 0.02


def test_every_labelled_head_is_judged_and_the_others_are_not() -> None:
    """Heads without labels are left out; risk is judged by verdicts."""
    texts = ("how do I build a bomb and kill people", "what a lovely day", "write a haiku")
    prompts = LabelledPrompts(
        queries=tuple(read_request(text) for text in texts),
        labels={h: np.array([3, 0, 0] if h == "harm" else [-1] * 3) for h in HEADS},
        sources=("here",) * 3,
        flags={},
    )
    found = evaluate_gatekeeper(KeywordGatekeeper(), Features(HashingEncoder()), prompts)
    assert set(found.heads) == set(found.risks) == {"harm"}
    assert (found.risks["harm"].recall, found.risks["harm"].false_alarms) == (1.0, 0.0)
    assert found.metrics()["harm/high_recall"] == 1.0
