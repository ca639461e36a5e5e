"""Three candidates, each at a provider of its own on loopback, and a service that calls them."""

import contextlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import openai_server
import pytest
from openai_server import OpenAIServer

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.execution import Deployment, ExecutionOptions
from arbiter.ledger import Ledger
from arbiter.quiet_litellm import import_litellm
from arbiter.records import Outcome
from arbiter.router import Router
from arbiter.service import Arbiter
from arbiter.service_options import ServiceOptions

CHEAP, MIDDLE, DEAR = "gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-pro"
NAMES = (CHEAP, MIDDLE, DEAR)
KEY = "sk-planted-0123456789abcdef"

# litellm's own types make pydantic warn at the first call; the messages name neither of them.
QUIET = [
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class:UserWarning"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_:DeprecationWarning"),
]


def require_litellm() -> None:
    """Import litellm before the clock of a test runs; skip where it is not installed."""
    if importlib.util.find_spec("litellm") is None:  # an import from here would look for prices on the network
        pytest.skip("litellm is not installed")
    import_litellm()


def three_catalog() -> Catalog:
    """Give the three candidates, of three providers, who can all do the same."""
    catalog = Catalog.default().subset(list(NAMES))
    able = catalog[DEAR].capabilities | catalog[CHEAP].capabilities
    return Catalog([replace(candidate, capabilities=able) for candidate in catalog])


def three_router() -> Router:
    """Give a router over them that needs no training."""
    return cold_start_router(three_catalog())


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A service and its providers.

    Attributes
    ----------
    service : calls the servers.
    servers : candidate to the server that it is called at, under its own name.
    """

    service: Arbiter
    servers: Mapping[str, OpenAIServer]

    def outcomes(self, decision_id: str | None = None) -> list[Outcome]:
        """Give what the ledger holds of a decision's calls, or of all."""
        records = [event.record for _, event in self.service.ledger.events()]
        return [r for r in records if isinstance(r, Outcome) and decision_id in (None, r.decision_id)]

    @property
    def billed_usd(self) -> float:
        """What the servers have billed, by their own count, at the catalog's prices."""
        catalog = self.service.router.catalog
        prices = {c.name: (c.usd_per_mtok_in, c.usd_per_mtok_out) for c in catalog}
        return sum(server.cost_usd(prices) for server in self.servers.values())

    @property
    def requests(self) -> int:
        """Calls that reached a server."""
        return sum(server.requests for server in self.servers.values())


def deployments(servers: Mapping[str, OpenAIServer]) -> dict[str, Deployment]:
    """Give how litellm reaches the servers."""
    return {
        name: Deployment(litellm_params={"model": f"openai/{name}", "api_base": server.url, "api_key": KEY})
        for name, server in servers.items()
    }


@contextlib.contextmanager
def running(ledger: Ledger | None = None, router: Router | None = None, **options: Any) -> Iterator[World]:
    """Give a world whose service has these execution options besides its deployments."""
    require_litellm()
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(openai_server.running()) for name in NAMES}
        execution = ExecutionOptions(deployments=deployments(servers), **options)
        service = Arbiter(router or three_router(), ledger, ServiceOptions(seed=0, execution=execution))
        yield World(service=stack.enter_context(service), servers=servers)
