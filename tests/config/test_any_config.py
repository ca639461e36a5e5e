"""Whatever a file or the environment holds, it is read, or refused with a ConfigError."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arbiter.config import DEFAULTS, SHARED, Settings, read_settings, serve_tables, template, variable
from arbiter.errors import ConfigError

TABLES = {DEFAULTS: SHARED, **serve_tables()}
NAMES = [variable(table, key) for table, options in TABLES.items() for key in options]
SAMPLE = "\n".join(line.removeprefix("# ") if " = " in line else line for line in template().splitlines())
TEXTS = st.binary(max_size=30).map(os.fsdecode) | st.text(st.characters(exclude_characters="\0"))


def read(path: Path, content: bytes, environment: dict[str, str]) -> Settings | None:
    path.write_bytes(content)
    try:
        return read_settings(TABLES, environment, path, elsewhere=frozenset({"route", "train", "plan"}))
    except ConfigError as error:
        assert error.problems and all("\n" not in problem.strip() for problem in error.problems)
        return None


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "arbiter.toml"


def test_the_sample_is_sound(path: Path) -> None:
    """Else its mutations would tell nothing."""
    assert read(path, SAMPLE.encode(), {}) is not None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_any_bytes(path: Path, content: bytes) -> None:
    """As a file."""
    read(path, content, {})


def test_mutated_files(path: Path) -> None:
    """A sound file of which some bytes are changed, doubled or left out: 3,000 of them, from a seed."""
    rng, refused = random.Random(0), 0
    for _ in range(3_000):
        content = bytearray(SAMPLE.encode())
        for _ in range(rng.randint(1, 4)):
            place, length = rng.randrange(len(content)), rng.randint(0, 12)
            piece = bytes(content[place : place + length])
            content[place : place + length] = rng.choice((b"", piece * 2, bytes([rng.randrange(256)]), b"\n", b"'"))
        refused += read(path, bytes(content), {}) is None
    assert 300 < refused < 3_000


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    environment=st.dictionaries(st.sampled_from([*NAMES, "ARBITER_X"]), st.binary(max_size=30).map(os.fsdecode) | TEXTS)
)
def test_any_environment(path: Path, environment: dict[str, str]) -> None:
    """Also of bytes that are no text; what is read can be shown."""
    found = read(path, b"", environment)
    if found is not None:
        for table in TABLES:
            str([each.option.shown(each.value) for each in found.of(table)]).encode()
