"""Public label sets, read into the vocabulary of the heads.

What a set does not say stays unknown (-1): a set of intents says nothing of complexity, and a list of harmful questions
nothing of the domain. Where a set's classes and ours cross, the class is left unknown rather than bent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.gatekeeper.heads import HEADS
from arbiter.intake import read_request
from arbiter.records import Query
from arbiter_training.gatekeeper.intents import CLINC_DOMAINS, CLINC_INTENTS
from arbiter_training.labelled import FLAGS, UNKNOWN, LabelledPrompts, joined
from arbiter_training.public_sets import content_digest, locate
from arbiter_training.traffic.read_parquet import pyarrow_modules

Row = Mapping[str, Any]

MAX_PER_CLASS = 40
"""Requests taken of one class (intent, task, subject) of a set: beyond, more of the same template teach its style."""

MMLU_PRO_DOMAINS = {
    "physics": "science",
    "chemistry": "science",
    "biology": "science",
    "engineering": "science",
    "math": "math",
    "computer science": "coding",
    "economics": "finance",
    "business": "business",
    "psychology": "humanities",
}
"""Economics and business questions of MMLU-Pro are mostly sums about money: the border between ``finance`` and
``business`` is this set's, not the guide's."""

TASK_DOMAINS = {
    "gsm8k": "math",
    "math": "math",
    "agentverse-mgsm": "math",
    "mbpp": "coding",
    "human_eval": "coding",
    "gpqa": "science",
    "arc_challenge": "science",
    "commonsense_qa": "general",
}
"""Tasks whose domain is one; trivia, mmlu, word lists and logic grids are of several or of none."""

SEXUAL_MINORS, HARMFUL = "S3", ("H", "H2", "HR", "SH")
MODERATION_KEYS = ("S", "H", "V", "HR", "SH", "S3", "H2", "V2")
LEAST_CLEARED = 4
"""A moderation text counts as harmless when this many of the eight categories were judged and none was found."""

CATQA_BORDERLINE = frozenset({"Adult Content", "Political Campaigning", "Tailored Financial Advice"})
"""Categories of usage policies that are not harm in the sense of the guide (pensions, canvassing, erotica)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSet:
    """How one set is read.

    Attributes
    ----------
    row : gives a row's head-to-label mapping; a head that is missing is unknown.
    stratum : gives the class by which the set is thinned.
    flags : names that hold for a row.
    """

    row: Callable[[Row], Mapping[str, str]]
    stratum: Callable[[Row], str]
    flags: Callable[[Row], frozenset[str]] = lambda _: frozenset()


def _clinc(row: Row) -> dict[str, str]:
    domain = CLINC_INTENTS.get(row["intent"], CLINC_DOMAINS.get(row["domain"], ""))
    return {"harm": "minimal", **({"domain": domain} if domain else {})}


def _benchmark(domains: Mapping[str, str], column: str) -> Callable[[Row], dict[str, str]]:
    def labels(row: Row) -> dict[str, str]:
        found = domains.get(row[column])
        return {"harm": "minimal", "stake": "minimal", **({"domain": found} if found else {})}

    return labels


def _moderation(row: Row) -> dict[str, str]:
    if row[SEXUAL_MINORS] == 1:
        return {"harm": "critical"}
    if any(row[key] == 1 for key in HARMFUL):
        return {"harm": "high"}
    if any(row[key] == 1 for key in MODERATION_KEYS):
        return {"harm": "medium"}
    cleared = sum(row[key] == 0 for key in MODERATION_KEYS)
    return {"harm": "minimal"} if cleared >= LEAST_CLEARED else {}


def _catqa(row: Row) -> dict[str, str]:
    if row["category"] in CATQA_BORDERLINE:
        return {"domain": "finance"} if row["category"] == "Tailored Financial Advice" else {}
    return {"harm": "critical" if row["category"] == "Child Abuse" else "high"}


def _injection(row: Row) -> dict[str, str]:
    """Only attacks that show in the user's text are labelled: "how is rendang made" is one by its system prompt."""
    return {"harm": "high"} if row["risk_category"] == "security-violating" else {}


SETS: Mapping[str, PublicSet] = {
    "clinc150": PublicSet(row=_clinc, stratum=lambda row: str(row["intent"])),
    "openai_moderation": PublicSet(row=_moderation, stratum=lambda row: ""),
    "catqa_harmful": PublicSet(row=_catqa, stratum=lambda row: ""),
    "prompt_injection": PublicSet(row=_injection, stratum=lambda row: "", flags=lambda row: frozenset({"injection"})),
    "cyber_benign_borderline": PublicSet(
        row=lambda row: {"domain": "coding", "harm": "low"},
        stratum=lambda row: "",
        flags=lambda row: frozenset({"look_alike"}),
    ),
    "mmlu_pro_stem": PublicSet(row=_benchmark(MMLU_PRO_DOMAINS, "domain"), stratum=lambda row: str(row["domain"])),
    "llmrouter_train": PublicSet(row=_benchmark(TASK_DOMAINS, "task"), stratum=lambda row: str(row["task"])),
}
"""Name of the file (without ``.parquet``) to its reading."""

UNTHINNED = frozenset({"openai_moderation", "catqa_harmful", "prompt_injection", "cyber_benign_borderline"})


def read_public(folder: Path, max_per_class: int = MAX_PER_CLASS, seed: int = 0) -> LabelledPrompts:
    """Read the public sets that a folder holds, at any depth; those that are missing are left out.

    Parameters
    ----------
    folder : holds ``<name>.parquet`` of any of ``SETS``.
    max_per_class : requests drawn per class of a large set.
    seed : of the draw.

    Returns
    -------
    prompts : with the set's name as source; none where the folder holds no set.
    """
    return joined([read_set(path, name, max_per_class, seed) for name, path in _files(folder).items()])


def public_digests(folder: Path) -> dict[str, str]:
    """Give name and content digest of each set that :func:`read_public` reads in a folder.

    They are those of the manifest where the folder holds what the manifest says, whoever wrote its Parquet.
    """
    return {name: content_digest(path) for name, path in _files(folder).items()}


def _files(folder: Path) -> dict[str, Path]:
    found = {name: locate(folder, f"{name}.parquet") for name in SETS}
    return {name: path for name, path in found.items() if path is not None}


def read_set(path: Path, name: str, max_per_class: int = MAX_PER_CLASS, seed: int = 0) -> LabelledPrompts:
    """Read one set.

    Parameters
    ----------
    path : its file.
    name : one of ``SETS``.
    max_per_class, seed : see :func:`read_public`.
    """
    how = SETS[name]
    rows = _distinct(pyarrow_modules().parquet.read_table(path).to_pylist())
    if name not in UNTHINNED:
        rows = _thinned(rows, how, max_per_class, seed)
    labels = [how.row(row) for row in rows]
    return LabelledPrompts(
        queries=tuple(_query(row) for row in rows),
        labels={h: np.array([_index(h, found.get(h)) for found in labels], dtype=np.int64) for h in HEADS},
        sources=(name,) * len(rows),
        flags={flag: np.array([flag in how.flags(row) for row in rows], dtype=np.bool_) for flag in FLAGS},
    )


def _query(row: Row) -> Query:
    system = row.get("system_prompt")
    if not system:
        return read_request(str(row["prompt"]))
    return read_request([{"role": "system", "content": system}, {"role": "user", "content": row["prompt"]}])


def _index(head: str, label: str | None) -> int:
    return UNKNOWN if label is None else HEADS[head].index(label)


def _distinct(rows: list[Row]) -> list[Row]:
    """Keep the first row of each prompt: traffic has one per model."""
    return list({row["prompt"]: row for row in reversed(rows)}.values())[::-1]


def _thinned(rows: list[Row], how: PublicSet, most: int, seed: int) -> list[Row]:
    order = np.random.default_rng(seed).permutation(len(rows))
    taken: dict[str, int] = {}
    kept = []
    for i in order.tolist():
        stratum = how.stratum(rows[i])
        taken[stratum] = taken.get(stratum, 0) + 1
        if taken[stratum] <= most:
            kept.append(i)
    return [rows[i] for i in sorted(kept)]
