"""The guides do what they say: every block runs, in order, as a reader would run it."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import openai_server
import provider_world
import pytest
from documentation import reader_environment, run_page
from guide_scenes import SCENES

ROOT = Path(__file__).parent.parent
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))


@pytest.fixture
def env() -> Iterator[dict[str, str]]:
    """Give the environment of a reader with keys, whose providers are one server on loopback."""
    provider_world.require_litellm()
    with openai_server.running() as server:
        bases = {f"{name}_API_BASE": server.url for name in ("OPENAI", "MISTRAL", "CEREBRAS")}
        keys = {f"{name}_API_KEY": "any" for name in ("OPENAI", "MISTRAL", "CEREBRAS")}
        yield reader_environment(OPENAI_BASE_URL=server.url, **bases, **keys)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_runs(guide: Path, tmp_path: Path, env: dict[str, str]) -> None:
    """From its first block to its last; a server on a port of its own."""
    if guide.stem == "fastapi":
        pytest.importorskip("fastapi")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    run_page(guide.read_text(encoding="utf-8").replace("8000", port), tmp_path, env, SCENES)


def pages() -> list[Path]:
    """Give every page of the repository, whatever lies hidden in it aside."""
    found = (path for path in ROOT.rglob("*.md") if path.relative_to(ROOT).parts[0][0] != ".")
    return sorted(found)


def targets(page: Path) -> set[Path]:
    """Give the files that a page links to."""
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in links}


def test_the_index_names_every_page() -> None:
    """And no page that is not there."""
    index = ROOT / "docs" / "README.md"
    unlisted = {page for page in pages() if page not in (index, ROOT / "CHANGELOG.md")} - targets(index)
    assert not unlisted, sorted(str(page.relative_to(ROOT)) for page in unlisted)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Within the repository; other addresses are not looked at."""
    assert {target for target in targets(page) if not target.exists()} == set()
