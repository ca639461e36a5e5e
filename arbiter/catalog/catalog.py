"""The catalog: an ordered, immutable collection of candidates."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from dataclasses import replace as replace_fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.catalog.entry import candidate_from_dict, candidate_to_dict, nearest, read_entry
from arbiter.catalog.naming import loose_name, short_name
from arbiter.errors import CatalogError
from arbiter.records import Candidate
from arbiter.state import State
from arbiter.vocabulary import Capability, Category, Status, Tier

TYPICAL_OUTPUT_TOKENS = 300
"""Length of answer at which a candidate's typical latency is stated when a search limits it."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCriteria:
    """What a candidate must fulfil to be found; None asks nothing.

    Attributes
    ----------
    category, capability, provider, tier, status : the candidate has exactly this.
    max_usd_per_mtok_in, max_usd_per_mtok_out : upper limits of the list prices.
    min_quality : lower limit of the rating, in [0, 1].
    max_latency_s : upper limit of the typical latency: first token plus 300 tokens of answer.
    min_context_tokens : the context window holds at least this.
    """

    category: Category | None = None
    capability: Capability | None = None
    provider: str | None = None
    tier: Tier | None = None
    status: Status | None = None
    max_usd_per_mtok_in: float | None = None
    max_usd_per_mtok_out: float | None = None
    min_quality: float | None = None
    max_latency_s: float | None = None
    min_context_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogArrays:
    """The numbers of a catalog, (K,) float64 each, in its order; read-only.

    Attributes
    ----------
    usd_per_mtok_in, usd_per_mtok_out : list prices.
    usd_per_mtok_cached_in, usd_per_mtok_batch_in, usd_per_mtok_batch_out : price of cached input and of batch runs; the
        list price where there is no discount.
    context_window_tokens, max_output_tokens : limits.
    ttft_s, output_tokens_per_s : prior of the latency.
    quality, safety, reliability, sla_availability : ratings in [0, 1].
    """

    usd_per_mtok_in: FloatArray
    usd_per_mtok_out: FloatArray
    usd_per_mtok_cached_in: FloatArray
    usd_per_mtok_batch_in: FloatArray
    usd_per_mtok_batch_out: FloatArray
    context_window_tokens: FloatArray
    max_output_tokens: FloatArray
    ttft_s: FloatArray
    output_tokens_per_s: FloatArray
    quality: FloatArray
    safety: FloatArray
    reliability: FloatArray
    sla_availability: FloatArray


class Catalog:
    """An ordered, immutable collection of candidates with distinct names.

    ``in`` and ``[]`` take names; iteration gives the candidates in order.

    Parameters
    ----------
    candidates : the entries, in the order in which arrays over them are laid out.

    Raises
    ------
    CatalogError
        If names repeat or an entry is wrong; one line with all problems.
    """

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._candidates = tuple(candidates)
        self._position = {candidate.name: i for i, candidate in enumerate(self._candidates)}
        problems = _problems(self._candidates)
        if problems:
            raise CatalogError("; ".join(problems))

    @classmethod
    def default(cls) -> "Catalog":
        """Give the catalog that is shipped with the library."""
        from arbiter.catalog.files import read_catalog  # here: files builds Catalogs

        return read_catalog(Path(__file__).with_name("default.toml"))

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The entries in order."""
        return self._candidates

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(self._position)

    @cached_property
    def arrays(self) -> CatalogArrays:
        """The numbers as arrays, computed once."""
        columns = {field.name: self._column(field.name) for field in fields(CatalogArrays)}
        for way, discounted in (("in", "cached_in"), ("in", "batch_in"), ("out", "batch_out")):
            listed, column = columns[f"usd_per_mtok_{way}"], columns[f"usd_per_mtok_{discounted}"]
            columns[f"usd_per_mtok_{discounted}"] = np.where(np.isnan(column), listed, column)
        for column in columns.values():
            column.setflags(write=False)
        return CatalogArrays(**columns)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when any value of any entry, or the order, does."""
        text = json.dumps(self.to_dicts(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self._candidates)

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._candidates)

    def __contains__(self, name: object) -> bool:
        return name in self._position

    def __getitem__(self, name: str) -> Candidate:
        return self._candidates[self.position(name)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Catalog) and self._candidates == other._candidates

    def __hash__(self) -> int:
        return hash(self._candidates)

    def __repr__(self) -> str:
        return f"Catalog({', '.join(self.names)})"

    def position(self, name: str) -> int:
        """Give the place of ``name`` in arrays over this catalog.

        Raises
        ------
        CatalogError
            If no entry has that name.
        """
        try:
            return self._position[name]
        except KeyError:
            hint = nearest(name, self._position) or f"; it has {', '.join(self._position)}"
            raise CatalogError(f"the catalog has no model {name!r}{hint}") from None

    def place_of(self, name: str) -> int | None:
        """Give the place of the entry of that name, else of one that had it before; None where none did."""
        if name in self._position:
            return self._position[name]
        former = (i for i, candidate in enumerate(self._candidates) if name in candidate.former_names)
        return next(former, None)

    def resolve(self, name: str) -> Candidate | None:
        """Find the entry that a log means by ``name``, tolerant of provider prefixes, case and ``-instruct``.

        Parameters
        ----------
        name : as a log writes it, e.g. ``"meta-llama/llama-3.1-8b-instruct"`` or ``"openai/GPT-4o"``.

        Returns
        -------
        candidate : the entry under its own name, or None where none fits.
        """
        if name in self._position:
            return self[name]
        for form in (str.lower, short_name, loose_name):
            wanted = form(name)
            for candidate in self._candidates:
                if wanted in (form(candidate.name), form(candidate.litellm_model or candidate.name)):
                    return candidate
        return None

    def with_candidate(self, candidate: Candidate) -> "Catalog":
        """Give a catalog with one more entry, at the end."""
        return Catalog((*self._candidates, candidate))

    def without(self, name: str) -> "Catalog":
        """Give a catalog that lacks the entry ``name``."""
        position = self.position(name)
        return Catalog(self._candidates[:position] + self._candidates[position + 1 :])

    def replace(self, name: str, /, **changes: Any) -> "Catalog":
        """Give a catalog in which some fields of the entry ``name`` are changed, e.g. ``usd_per_mtok_in=1.0``."""
        position = self.position(name)
        unknown = [key for key in changes if key not in Candidate.__slots__]
        if unknown:
            hints = ", ".join(f"'{key}'{nearest(key, Candidate.__slots__)}" for key in unknown)
            raise CatalogError(f"model {name!r}: a candidate has no field {hints}")
        changed = replace_fields(self._candidates[position], **changes)
        return Catalog((*self._candidates[:position], changed, *self._candidates[position + 1 :]))

    def subset(self, names: Iterable[str]) -> "Catalog":
        """Give a catalog of the entries ``names``, in that order."""
        return Catalog(self[name] for name in names)

    def search(self, criteria: SearchCriteria) -> tuple[Candidate, ...]:
        """Find the entries that fulfil all criteria, in order; an empty tuple where none does."""
        return tuple(candidate for candidate in self._candidates if _fulfils(candidate, criteria))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Give the entries as JSON-ready values."""
        return [candidate_to_dict(candidate) for candidate in self._candidates]

    @classmethod
    def from_dicts(cls, entries: Iterable[dict[str, Any]]) -> "Catalog":
        """Build a catalog from what :meth:`to_dicts` gave."""
        return cls(candidate_from_dict(entry) for entry in entries)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="catalog", settings={"candidates": self.to_dicts()})

    @classmethod
    def from_state(cls, state: State) -> "Catalog":
        """Rebuild a catalog from a bundle."""
        return cls.from_dicts(state.settings["candidates"])

    def _column(self, name: str) -> FloatArray:
        values = (getattr(candidate, name) for candidate in self._candidates)
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def typical_latency_s(candidate: Candidate) -> float:
    """Give seconds to the last token of an answer of 300 tokens."""
    return candidate.ttft_s + TYPICAL_OUTPUT_TOKENS / candidate.output_tokens_per_s


def _fulfils(candidate: Candidate, criteria: SearchCriteria) -> bool:
    same = ("category", "provider", "tier", "status")
    upper = (
        (candidate.usd_per_mtok_in, criteria.max_usd_per_mtok_in),
        (candidate.usd_per_mtok_out, criteria.max_usd_per_mtok_out),
        (typical_latency_s(candidate), criteria.max_latency_s),
    )
    lower = (
        (candidate.quality, criteria.min_quality),
        (candidate.context_window_tokens, criteria.min_context_tokens),
    )
    return (
        all(getattr(criteria, key) in (None, getattr(candidate, key)) for key in same)
        and criteria.capability in (None, *candidate.capabilities)
        and all(limit is None or value <= limit for value, limit in upper)
        and all(limit is None or value >= limit for value, limit in lower)
    )


def _problems(candidates: tuple[Candidate, ...]) -> list[str]:
    names = [candidate.name for candidate in candidates]
    problems = [f"the name {name!r} occurs twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    for candidate in candidates:
        problems += [f"model {candidate.name!r}: {problem}" for problem in read_entry(candidate_to_dict(candidate))[1]]
    return problems
