"""arbiter: a learning-based router for LLM traffic.

Train on logged traffic, evaluate routing policies offline, serve predictions in-process::

    import arbiter

    router = arbiter.load()
    decision = router.route("Prove that 2 is irrational", max_cost_usd=0.02)
    print(decision.model, decision.propensity)
    router.feedback(decision.id, quality=0.9)
"""

from arbiter.catalog import Catalog, read_catalog, write_catalog
from arbiter.client import AsyncClient, Client
from arbiter.config import from_config
from arbiter.errors import ArbiterError
from arbiter.records import Candidate, Decision, Estimate, Feedback, Query, Requirements, TaskProfile
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions, load

__version__ = "0.1.0"

__all__ = [
    "Arbiter",
    "ArbiterError",
    "AsyncClient",
    "Candidate",
    "Catalog",
    "Client",
    "Decision",
    "Estimate",
    "Feedback",
    "Query",
    "Requirements",
    "Router",
    "ServiceOptions",
    "TaskProfile",
    "__version__",
    "from_config",
    "load",
    "read_catalog",
    "write_catalog",
]
