"""Fixtures that several test modules share."""

import os
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Give the folder of real data that is kept outside the project; skip where there is none."""
    folder = Path(os.environ.get("ARBITER_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set ARBITER_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_server.PostgresServer]:
    """Give a PostgreSQL server that runs for the session; skip where it is not installed."""
    with postgres_server.running() as server:
        yield server
