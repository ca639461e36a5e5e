"""The pages under docs: their Python runs as it stands, and what they show is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))
CODE = [
    pytest.param(code, id=f"{page.stem}-{i}", marks=[pytest.mark.slow] if "mlflow" in code else [])
    for page in PAGES
    for i, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL))
]


@pytest.mark.parametrize("code", CODE)
def test_python_of_the_pages_runs(code: str, tmp_path: Path) -> None:
    """Every Python block runs as written in a fresh process."""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_is_there(page: Path) -> None:
    """Pictures and pages that it leads to are in the repository; pictures are small enough for one."""
    for path in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (DOCS / path).is_file(), path
        assert not path.endswith(".png") or (DOCS / path).stat().st_size < 250_000
