"""From the published shape of each label set to its table: a column ``prompt`` and the set's own labels, in its order.

Each converter takes the raw files by name and gives columns. What it relies on and does not find raises KeyError,
TypeError, ValueError or AttributeError, which :func:`~arbiter_training.public_sets.converters.convert` tells of.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arbiter_training.public_sets.content import Columns
from arbiter_training.public_sets.raw_text import json_file, jsonl_file

Files = Mapping[str, Path]

MODERATION_KEYS = ("S", "H", "V", "HR", "SH", "S3", "H2", "V2")


def columns_of(rows: list[dict[str, Any]], names: tuple[str, ...]) -> Columns:
    """Turn rows into columns; every row holds every name."""
    return {name: [row[name] for row in rows] for name in names}


def clinc150(files: Files) -> Columns:
    """Read splits of (text, intent) pairs, and the domain of each intent; what is out of scope has none."""
    domain_of = {i: d for d, intents in json_file(files["domains.json"]).items() for i in intents}
    domain_of["oos"] = "out_of_scope"
    rows = [
        {"prompt": prompt, "intent": intent, "domain": domain_of[intent], "split": split}
        for split, pairs in json_file(files["data_full.json"]).items()
        for prompt, intent in pairs
    ]
    return columns_of(rows, ("prompt", "intent", "domain", "split"))


def openai_moderation(files: Files) -> Columns:
    """Read flags of 0 and 1 in eight categories; a category that a sample lacks was not judged."""
    rows = jsonl_file(files["samples-1680.jsonl.gz"])
    flags = {key: [_flag(row.get(key)) for row in rows] for key in MODERATION_KEYS}
    return {"prompt": [row["prompt"] for row in rows], **flags}


def catqa_harmful(files: Files) -> Columns:
    """Read category > subcategory > questions; colons at the end of some subcategories are no part of their names."""
    rows = list(_questions(json_file(files["catqa_english.json"])))
    return columns_of(rows, ("prompt", "category", "subcategory"))


def prompt_injection(files: Files) -> Columns:
    """Read attacks with the system prompt that they are aimed at."""
    names = {
        "prompt": "user_input",
        "system_prompt": "test_case_prompt",
        **{n: n for n in ("injection_variant", "injection_type", "risk_category")},
    }
    rows = json_file(files["prompt_injection.json"])
    return {name: [row[key] for row in rows] for name, key in names.items()}


def cyber_benign_borderline(files: Files) -> Columns:
    """Read harmless requests; one that the source calls malicious would be none, and is refused."""
    rows = json_file(files["frr.json"])
    if any(row["is_malicious"] for row in rows):
        raise ValueError("a request that is marked as malicious")
    return {"prompt": [row["mutated_prompt"] for row in rows]}


def _questions(tree: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for category, subcategories in tree.items():
        for subcategory, questions in subcategories.items():
            for question in questions:
                yield {"prompt": question, "category": category, "subcategory": subcategory.removesuffix(":")}


def _flag(value: Any) -> float | None:
    return None if value is None else float(value)
