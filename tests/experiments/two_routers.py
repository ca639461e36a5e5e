"""Two routers over two models: one always takes the dear one, the other the cheap one."""

from dataclasses import replace

import numpy as np

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.policies import ConstantPolicy
from arbiter.router import Router

CHEAP, DEAR = "gpt-4o-mini", "claude-opus-4-5"
CATALOG = Catalog.default().subset([CHEAP, DEAR])
COLD = cold_start_router(CATALOG)
TOPICS = ("rivers", "months", "colours", "planets", "birds")


def constant(name: str, router: Router = COLD) -> Router:
    """Give a router that always takes one model."""
    return replace(router, policy=ConstantPolicy(np.eye(len(router.catalog))[router.catalog.position(name)]))


def mixed(share_of_dear: float) -> Router:
    """Give a router that takes the dear model with a probability."""
    probabilities = np.array([1.0 - share_of_dear, share_of_dear])
    return replace(COLD, policy=ConstantPolicy(probabilities))


CONTROL, CHALLENGER = constant(DEAR), constant(CHEAP)


def text(i: int) -> str:
    """Give one of some harmless requests."""
    return f"Name number {i % 97} of the {TOPICS[i % len(TOPICS)]} that you know"
