"""The texts on which a token table is fitted: prompts, docstrings, pieces of both, and random words."""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from arbiter.errors import InvalidInputError

MIN_DOCSTRING_CHARS = 60
MIN_SPAN_WORDS, MAX_SPAN_WORDS = 4, 40
MIX_LENGTHS = (2, 3, 4, 6)
_WHOLE_WORD = re.compile(r"[a-z]{3,}")


def read_prompts(folder: Path) -> list[str]:
    """Give the last user turn of every line of the ``*.jsonl`` files in a folder.

    Parameters
    ----------
    folder : each line is an object with ``prompt``, or ``messages`` in OpenAI's form.

    Raises
    ------
    InvalidInputError
        If the folder holds no prompts, or a line is not such an object; the message names file and line.
    """
    prompts = [
        _prompt(line, f"{path}:{number}")
        for path in sorted(folder.glob("*.jsonl"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if line.strip()
    ]
    if not prompts:
        raise InvalidInputError(f"{folder} holds no *.jsonl with prompts; name the folder of the seed prompts")
    return prompts


def _prompt(line: str, place: str) -> str:
    try:
        entry = json.loads(line)
        if "prompt" in entry:
            return str(entry["prompt"])
        turns = [turn["content"] for turn in entry["messages"] if turn["role"] == "user"]
        return str(turns[-1])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InvalidInputError(f"{place} is no prompt ({error!r}); write an object with prompt or messages") from error


def docstrings(package: str, limit: int, rng: np.random.Generator) -> list[str]:
    """Give up to ``limit`` docstrings of an installed package, read from its source without importing it.

    Raises
    ------
    InvalidInputError
        If the package is not installed.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise InvalidInputError(f"package {package!r} of the recipe is not installed; install it or strike it out")
    root = Path(spec.origin).parent
    paths = sorted(path for path in root.rglob("*.py") if "test" not in path.relative_to(root).as_posix())
    found = [text for path in paths for text in _docstrings_of(path)]
    if len(found) <= limit:
        return found
    return [found[at] for at in np.sort(rng.choice(len(found), limit, replace=False))]


def _docstrings_of(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return  # templates and old syntax ship within packages; they are no loss
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node)
            if text and len(text) >= MIN_DOCSTRING_CHARS:
                yield text


def spans(texts: Sequence[str], n: int, rng: np.random.Generator) -> list[str]:
    """Cut ``n`` runs of 4 to 40 words out of texts: short texts say more of each token than long ones."""
    long_enough = [words for words in (text.split() for text in texts) if len(words) >= 3 * MIN_SPAN_WORDS]
    found: list[str] = []
    for at in rng.integers(len(long_enough), size=n) if long_enough else ():
        words = long_enough[at]
        length = int(rng.integers(MIN_SPAN_WORDS, min(MAX_SPAN_WORDS, len(words) // 2) + 1))
        start = int(rng.integers(len(words) - length + 1))
        found.append(" ".join(words[start : start + length]))
    return found


def mixes(vocabulary: Sequence[str], n: int, rng: np.random.Generator) -> list[str]:
    """Put random whole words of a vocabulary together, so that no word goes without a text."""
    known = [token for token in vocabulary if _WHOLE_WORD.fullmatch(token)]
    found: list[str] = []
    while known and len(found) < n:
        shuffled = [known[at] for at in rng.permutation(len(known))]
        start = 0
        while start < len(shuffled) and len(found) < n:
            length = int(rng.choice(MIX_LENGTHS))
            found.append(" ".join(shuffled[start : start + length]))
            start += length
    return found
