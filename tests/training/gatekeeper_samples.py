"""Evaluations of gatekeepers to draw."""

import numpy as np

from arbiter.gatekeeper.heads import HEADS
from arbiter_training.gatekeeper.evaluation import GatekeeperEvaluation, evaluate_head
from arbiter_training.gatekeeper.risk_evaluation import evaluate_risk
from arbiter_training.report.gatekeeper_page import LabelledSummary

HOSTILE = '<script>alert(1)</script><img src="https://evil.test/x.png">"\u202e'


def evaluation(n: int = 600, heads: tuple[str, ...] = tuple(HEADS), source: str = "forum") -> GatekeeperEvaluation:
    """Give a calibrated evaluation of n requests."""
    rng = np.random.default_rng(0)
    found = {}
    for head in heads:
        probabilities = rng.dirichlet(np.full(len(HEADS[head]), 0.3), size=n)
        labels = np.array([rng.choice(len(p), p=p) for p in probabilities])
        found[head] = evaluate_head(head, probabilities, labels)
    labels, probability = rng.integers(0, 5, n), rng.random(n)
    names = [source if i % 2 else "tickets" for i in range(n)]
    risk = evaluate_risk(probability > 0.6, probability, labels, names)
    return GatekeeperEvaluation(
        heads=found,
        risks={"harm": risk},
        judges={"learned": n},
        look_alikes_flagged=0.1,
        injections_found=0.5,
        hard_easy_auc=0.9,
    )


def about(source: str = "labelled.parquet") -> LabelledSummary:
    """Give a summary."""
    return LabelledSummary(bundle="models/mine", source=source, fingerprint="0" * 64, n=600, judges={"learned": 600})
