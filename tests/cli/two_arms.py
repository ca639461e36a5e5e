"""A ledger of an experiment, for tests of commands."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.experiments import Experiment
from arbiter.ledger import SqliteLedger
from arbiter.policies import ConstantPolicy
from arbiter.service import Arbiter, ServiceOptions

CHEAP, DEAR = "gpt-4o-mini", "claude-opus-4-5"


def experiment_ledger(path: Path, name: str, quality: dict[str, float]) -> None:
    """Serve 400 users, half of them by the cheap model; answers are good with a rate of 0.9 where none is given."""
    cold = cold_start_router(Catalog.default().subset([CHEAP, DEAR]))
    control, challenger = (replace(cold, policy=ConstantPolicy.single(k, 2)) for k in (1, 0))
    rng = np.random.default_rng(0)
    options = ServiceOptions(experiment=Experiment(name=name, challenger=challenger, share=0.5))
    with Arbiter(control, SqliteLedger(path), options) as service:
        for i in range(400):
            decision = service.route(f"Name river {i}", user=f"user {i}")
            service.feedback(decision.id, quality=float(rng.random() < quality.get(decision.model, 0.9)))
