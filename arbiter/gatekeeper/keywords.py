"""Keyword rules: the gatekeeper that answers before anything is learned, and that may raise risk ever after.

They match words, not substrings, and add all evidence: a sum of log-odds per label, as in naive Bayes with weights set
by hand (Maron, 1961). Unlike there, evidence of many terms is damped, because the words of one text are not
independent, and every term counts once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.vectors import fingerprint
from arbiter.gatekeeper.heads import HEADS, N_OUTPUTS, SLICES, softmax_by_head
from arbiter.gatekeeper.keyword_files import KeywordTable, read_keywords
from arbiter.gatekeeper.task_type import task_type
from arbiter.gatekeeper.term_index import TermIndex
from arbiter.reading import reading_text
from arbiter.records import Query, TaskProfile
from arbiter.state import State
from arbiter.vocabulary import Complexity, Domain, ProfileSource, Risk

FloatArray = NDArray[np.float64]

MAX_CHARS = 8_000
"""Longer texts are read at head and tail, half of this each: what is asked stands there, and time stays bounded."""

INDEPENDENT_TERMS = 8
"""Up to about so many terms per head, evidence is added as it is; n terms weigh 1 / sqrt(1 + n / this) each."""

REMEMBERED_TEXTS = 512
"""Texts whose terms are remembered: a request is asked for features, probabilities and profile in turn."""

RISK_SHARE = 0.4
"""A level of harm or stake is called when it or more has this probability: a missed harm costs more than an alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordEvidence:
    """What the terms of one text speak for, in log-odds without the prior; 0 is no evidence.

    Attributes
    ----------
    domain : (13,) float64.
    complexity, harm, stake : (5,) float64 each.
    terms : the terms that were found.
    """

    domain: FloatArray
    complexity: FloatArray
    harm: FloatArray
    stake: FloatArray
    terms: tuple[str, ...]


class KeywordRules:
    """Weighted terms for domain, complexity, harm and stake.

    Parameters
    ----------
    table : terms, their weights and the prior.
    """

    def __init__(self, table: KeywordTable) -> None:
        self._table = table
        self._index = TermIndex(table.terms)
        self._weights = table.weights.astype(np.float64)
        speaks = np.stack([np.any(self._weights[:, columns] != 0, axis=1) for columns in SLICES.values()], axis=1)
        self._speaks = speaks.astype(np.float64)  # (T, 4): whether a term speaks on a head at all
        self._head_of = np.repeat(np.arange(len(HEADS)), [len(labels) for labels in HEADS.values()])
        self._remembered: dict[str, tuple[list[int], FloatArray]] = {}

    @classmethod
    def default(cls) -> "KeywordRules":
        """Give the rules that are shipped with the library."""
        return cls.read(Path(__file__).with_name("keywords.toml"))

    @classmethod
    def read(cls, path: str | Path) -> "KeywordRules":
        """Read rules from a TOML file; raises InvalidInputError where the file is wrong."""
        return cls(read_keywords(path))

    @property
    def terms(self) -> tuple[str, ...]:
        """All terms."""
        return self._table.terms

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the 28 numbers of :meth:`vector`, ``keyword:head:label``."""
        return tuple(f"keyword:{head}:{label}" for head, labels in HEADS.items() for label in labels)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the numbers would."""
        return fingerprint("keyword_rules", (*self._table.terms, self._table.weights, self._table.prior))

    def scores(self, text: str) -> KeywordEvidence:
        """Weigh the terms of a text.

        Parameters
        ----------
        text : of any length; beyond 8,000 characters head and tail are read.

        Returns
        -------
        evidence : per label.
        """
        found, stacked = self._heard(text)
        return KeywordEvidence(
            **{head: stacked[columns] for head, columns in SLICES.items()},
            terms=tuple(self._table.terms[i] for i in found),
        )

    def vector(self, text: str) -> NDArray[np.float32]:
        """Give the evidence of a text as (28,) float32, for features."""
        return self._heard(text)[1].astype(np.float32)

    def __call__(self, query: Query) -> NDArray[np.float32]:
        """Give the evidence of a request as (28,) float32: the form that :class:`arbiter.features.Features` takes."""
        return self.vector(reading_text(query))

    def probabilities(self, text: str) -> FloatArray:
        """Give the (28,) probabilities of the heads side by side: softmax of prior and evidence, per head."""
        return self._normalised(self._heard(text)[1])

    def profile(self, query: Query) -> TaskProfile:
        """Judge a request.

        Without evidence the domain is ``general`` and the complexity ``moderate``, at low confidence: what nobody
        understands goes to the default tier, not to the cheapest.

        Parameters
        ----------
        query : the request.

        Returns
        -------
        profile : with source ``keywords``.
        """
        found, evidence = self._heard(reading_text(query))
        stacked = self._normalised(evidence)
        parts = {head: stacked[columns] for head, columns in SLICES.items()}
        domain = Domain(HEADS["domain"][int(parts["domain"].argmax())])
        complexity = Complexity.at(int(np.searchsorted(np.cumsum(parts["complexity"]), 0.5)))  # median of an order
        harm, stake = _called(parts["harm"]), _called(parts["stake"])
        return TaskProfile(
            complexity=complexity,
            risk=max(harm, stake),
            domain=domain,
            task_type=task_type(domain, complexity, query.input_tokens, query.n_images),
            harm=harm,
            stake=stake,
            probabilities={head: dict(zip(HEADS[head], p.tolist(), strict=True)) for head, p in parts.items()},
            source=ProfileSource.KEYWORDS,
            confidence=float(parts["domain"].max() * parts["complexity"][complexity.rank]),
            evidence=tuple(self._table.terms[i] for i in found),
        )

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        rows, columns = np.nonzero(self._table.weights)
        return State(
            kind="keyword_rules",
            arrays={
                "rows": rows.astype(np.int32),
                "columns": columns.astype(np.int32),
                "weights": self._table.weights[rows, columns],
                "prior": self._table.prior,
            },
            texts={"terms": "\n".join(self._table.terms)},
        )

    @classmethod
    def from_state(cls, state: State) -> "KeywordRules":
        """Rebuild rules from a bundle."""
        terms = tuple(state.texts["terms"].split("\n")) if state.texts["terms"] else ()
        weights = np.zeros((len(terms), N_OUTPUTS))
        weights[state.arrays["rows"], state.arrays["columns"]] = state.arrays["weights"]
        return cls(KeywordTable(terms=terms, weights=weights, prior=state.array("prior", np.float64)))

    def raised(self, query: Query) -> tuple[Risk, Risk, tuple[str, ...]]:
        """Give harm, stake and the terms that :meth:`profile` gives, without the rest of it."""
        found, evidence = self._heard(reading_text(query))
        stacked = self._normalised(evidence)
        terms = tuple(self._table.terms[i] for i in found)
        return _called(stacked[SLICES["harm"]]), _called(stacked[SLICES["stake"]]), terms

    def _heard(self, text: str) -> tuple[list[int], FloatArray]:
        """Give the terms of a text and their evidence; both are shared, not to be written to."""
        heard = self._remembered.get(text)
        if heard is None:
            found = self._index.find(_bounded(text))
            heard = (found, self._evidence(found))
            if len(self._remembered) >= REMEMBERED_TEXTS:
                self._remembered = {}  # a new one: another thread may be reading the old
            self._remembered[text] = heard
        return heard

    def _evidence(self, found: Sequence[int]) -> FloatArray:
        if not found:
            return np.zeros(N_OUTPUTS)
        rows = np.asarray(found)
        summed = self._weights[rows].sum(axis=0)  # (28,)
        heard = self._speaks[rows].sum(axis=0)  # (4,) terms that speak on each head
        damping = 1.0 / np.sqrt(1.0 + heard / INDEPENDENT_TERMS)
        return np.asarray(summed * damping[self._head_of])

    def _normalised(self, evidence: FloatArray) -> FloatArray:
        return softmax_by_head(self._table.prior + evidence)


def _called(probabilities: FloatArray) -> Risk:
    """Give the highest level that has, with those above it, at least the share that calls it."""
    tail = 0.0  # P(level or above)
    for level, probability in zip(reversed(Risk), reversed(probabilities.tolist()), strict=True):
        tail += probability
        if tail >= RISK_SHARE:
            return level
    return Risk.MINIMAL


def _bounded(text: str) -> str:
    if len(text) <= MAX_CHARS:
        return text
    half = MAX_CHARS // 2
    return f"{text[:half]} {text[-half:]}"
