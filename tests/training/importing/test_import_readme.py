"""The page about imports: its examples are imported as what their headings say, its code runs."""

import re
from pathlib import Path
from typing import Any

import pytest
from import_runs import imported

import arbiter_training.importing
from arbiter_training.importing import FORMATS
from arbiter_training.importing.items import Call

PAGE = (Path(arbiter_training.importing.__file__).parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### (\S+)\n.*?^```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_every_format_is_on_the_page() -> None:
    """In the order of the command's help."""
    assert tuple(EXAMPLES) == FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_an_example_is_what_its_heading_says(tmp_path: Path, name: str) -> None:
    """Found out, kept, with the question that all of them ask."""
    (tmp_path / "example").write_text(EXAMPLES[name])
    found = imported(tmp_path, tmp_path / "example")
    assert found.report.format == name and found.report.kept >= 1
    assert {row["prompt"] for row in found.rows} == {"What is a fjord?"}
    assert found.report.feedback == found.report.feedback_joined


def test_a_reader_of_ones_own() -> None:
    """The page's last code."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    (call,) = names["HouseLog"]().read({"llm_used": "m", "ask": "Why?"})
    assert isinstance(call, Call) and (call.model, call.request) == ("m", "Why?")
