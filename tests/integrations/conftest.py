"""A provider on loopback, and a service that litellm reports its calls to."""

from collections.abc import Iterator

import openai_server
import provider_world
import pytest
from openai_server import OpenAIServer
from provider_world import three_router

from arbiter.integrations.litellm_log import litellm_callback
from arbiter.ledger import SqliteLedger
from arbiter.quiet_litellm import import_litellm
from arbiter.service import Arbiter, ServiceOptions


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    provider_world.require_litellm()
    with openai_server.running() as found:
        yield found


@pytest.fixture
def service() -> Iterator[Arbiter]:
    with Arbiter(three_router(), SqliteLedger(":memory:"), ServiceOptions(seed=0)) as found:
        litellm, callback = import_litellm(), litellm_callback(found)
        litellm.callbacks.append(callback)
        yield found
        litellm.logging_callback_manager.remove_callback_from_all_lists(callback)
