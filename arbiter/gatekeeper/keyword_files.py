"""Keyword rules as a TOML file that people edit."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.heads import HEADS, N_OUTPUTS, SLICES
from arbiter.gatekeeper.term_index import canonical

FloatArray = NDArray[np.float64]

_LANGUAGE_LETTERS = 2  # ISO 639-1
_NUMBERS = ("weights", "scale", "prior")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordTable:
    """What a file of keyword rules says.

    Attributes
    ----------
    terms : T distinct terms.
    weights : (T, 28) float64, log-odds that a term adds to every label; columns as in ``heads.SLICES``.
    prior : (28,) float64, log-odds of the labels where no term speaks.
    """

    terms: tuple[str, ...]
    weights: FloatArray
    prior: FloatArray


def read_keywords(path: str | Path) -> KeywordTable:
    """Read a file of keyword rules.

    Parameters
    ----------
    path : a TOML file; the shipped ``keywords.toml`` explains the form.

    Returns
    -------
    table : terms and numbers.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, is not TOML, or names an unknown head, label or weight.
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"cannot read the keyword rules {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is not a TOML file: {error}") from error
    return _table(path, document)


def _table(path: Path, document: Mapping[str, Any]) -> KeywordTable:
    named = {key: _number(path, f"[weights] {key}", value) for key, value in document.get("weights", {}).items()}
    scale = {head: _number(path, f"[scale] {head}", document.get("scale", {}).get(head, 1.0)) for head in HEADS}
    entries: dict[str, dict[int, float]] = {}
    spelled: dict[tuple[str, ...], str] = {}  # what the index cannot tell apart is one term
    for head, labels in document.items():
        if head in _NUMBERS:
            continue
        for label, lists in _tables(path, head, labels):
            column = _column(path, head, label)
            for weight, term in _weighted(path, f"[{head}.{label}]", lists, named):
                row = entries.setdefault(spelled.setdefault(canonical(term), term), {})
                row[column] = row.get(column, 0.0) + weight * scale[head]
    weights = np.zeros((len(entries), N_OUTPUTS))
    for i, row in enumerate(entries.values()):
        weights[i, list(row)] = list(row.values())
    return KeywordTable(terms=tuple(entries), weights=weights, prior=_prior(path, document.get("prior", {})))


def _tables(path: Path, head: str, labels: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if head not in HEADS or not isinstance(labels, dict):
        raise InvalidInputError(f"{path}: unknown table [{head}]; known: {', '.join((*HEADS, *_NUMBERS))}")
    for label, lists in labels.items():
        if not isinstance(lists, dict):
            raise InvalidInputError(f"{path}: [{head}] {label} must be a table of terms by weight, [{head}.{label}]")
        yield label, lists


def _weighted(
    path: Path, where: str, lists: Mapping[str, Any], named: Mapping[str, float]
) -> Iterator[tuple[float, str]]:
    for key, value in lists.items():
        if isinstance(value, dict):  # a table inside a table only groups terms
            yield from _weighted(path, f"{where[:-1]}.{key}]", value, named)
            continue
        weight = named.get(_weight_of(key))
        if weight is None:
            raise InvalidInputError(
                f"{path}: {where} has the key {key!r}; write a weight ({', '.join(named)}), a language code of two "
                "letters, or both as strong-de"
            )
        if not isinstance(value, str):
            raise InvalidInputError(f"{path}: {where} {key} must be a text of terms separated by commas")
        terms = (" ".join(term.split()) for term in value.split(","))
        yield from ((weight, term) for term in dict.fromkeys(terms) if term)


def _weight_of(key: str) -> str:
    """Give the name of the weight that a key stands for: a bare language is of medium weight."""
    weight, _, language = key.partition("-")
    if language and len(language) != _LANGUAGE_LETTERS:
        return key
    return "medium" if not language and len(key) == _LANGUAGE_LETTERS else weight


def _prior(path: Path, heads: Mapping[str, Any]) -> FloatArray:
    prior = np.zeros(N_OUTPUTS)
    for head, labels in heads.items():
        for label, value in labels.items():
            prior[_column(path, head, label)] = _number(path, f"[prior] {head}.{label}", value)
    return prior


def _column(path: Path, head: str, label: str) -> int:
    if head not in HEADS or label not in HEADS[head]:
        known = ", ".join(HEADS.get(head, HEADS))
        raise InvalidInputError(f"{path}: there is no [{head}.{label}]; known: {known}")
    return int(SLICES[head].start) + HEADS[head].index(label)


def _number(path: Path, where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise InvalidInputError(f"{path}: {where} = {value!r} must be a finite number")
    return float(value)
