"""The guides do what they say: every block runs, in order, as a reader would run it."""

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import openai_server
import provider_world
import pytest
from documentation import Scene, blocks, codes, reader_environment, run_page
from guide_scenes import SCENES

ROOT = Path(__file__).parent.parent
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
LONG = ("from-litellm-auto-router", "from-paretobandit", "from-routellm", "litellm-log", "your-own-parts", "your-rule")
"""Those that train, some of them twice: a quarter of a minute each."""


@pytest.fixture
def env() -> Iterator[dict[str, str]]:
    """Give the environment of a reader with keys, whose providers are one server on loopback."""
    provider_world.require_litellm()
    with openai_server.running() as server:
        names = ("OPENAI", "MISTRAL_AZURE", "CEREBRAS")  # where litellm looks for an address: Mistral's is the second
        bases = {f"{name}_API_BASE": server.url for name in names}
        keys = {f"{name}_API_KEY": "any" for name in names}
        yield reader_environment(OPENAI_BASE_URL=server.url, **bases, **keys)


@pytest.mark.parametrize(
    "guide", [pytest.param(g, marks=[pytest.mark.slow] if g.stem in LONG else [], id=g.stem) for g in GUIDES]
)
def test_a_guide_runs(guide: Path, tmp_path: Path, env: dict[str, str]) -> None:
    """From its first block to its last; a server on a port of its own."""
    if guide.stem == "fastapi":
        pytest.importorskip("fastapi")
        if shutil.which("curl") is None:
            pytest.skip("curl is not installed")
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


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_is_read_in_five_minutes(guide: Path) -> None:
    """At most 1,200 words, code apart, and it shows something that runs."""
    page = guide.read_text(encoding="utf-8")
    assert any(block.language in ("python", "bash") for block in blocks(page))
    assert len(re.sub(r"```.*?```", "", page, flags=re.DOTALL).split()) <= 1200


def test_a_part_of_ones_own_is_short() -> None:
    """From the first import to the registration in under 20 lines, blank ones apart."""
    page = (ROOT / "docs" / "guides" / "your-own-parts.md").read_text(encoding="utf-8")
    parts = [code.split("register(")[0] for code in codes(page, "python") if re.search(r"^class ", code, re.MULTILINE)]
    assert len(parts) == 3
    assert all(sum(bool(line.strip()) for line in part.splitlines()) < 20 for part in parts)


def test_a_page_that_shows_what_is_not_printed_fails(tmp_path: Path) -> None:
    """And so does one whose code fails; files are written, scenes are made where they stand."""
    made: list[str] = []
    scenes: dict[str, Scene] = {"scene": lambda folder, env: made.append(folder.name)}
    env = reader_environment()
    file = "```python\n# a.py\nONE = 1\n```\n<!-- test: scene -->\n"
    page = f"{file}```python\nfrom a import ONE\nprint('one  is', ONE)\n```\n"
    run_page(f"{page}```text\none is 1\none ... 1\n```\n", tmp_path, env, scenes)
    assert made == [tmp_path.name]
    for wrong, message in (("```text\ntwo\n```\n", "shows 'two'"), ("```bash\nexit 3\n```\n", "exit 3")):
        with pytest.raises(AssertionError, match=message):
            run_page(page + wrong, tmp_path, env, scenes)
