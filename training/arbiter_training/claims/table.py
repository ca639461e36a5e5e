"""Findings as a table for people, in Markdown, and as numbers for programs."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from arbiter_training.claims.figures import Finding
from arbiter_training.simulator.compare import Spread


def markdown(findings: Sequence[Finding]) -> str:
    """Give one table per traffic: a row per figure, arbiter's, what was claimed, and the others'."""
    out: list[str] = []
    for ground in dict.fromkeys(f.ground for f in findings):
        rows = [f for f in findings if f.ground == ground]
        out += [f"**{ground}**", "", "| | measured | arbiter | claimed | | others |", "|---|---|---|---|---|---|"]
        out += [row(f) for f in rows] + [""]
    return "\n".join(out)


def row(found: Finding) -> str:
    """Give a figure's line."""
    target = "" if found.target is None else found.target.text
    others = "; ".join(f"{name} {_short(spread)}" for name, spread in found.others.items())
    mine = found.found.text(sign=found.found.value < 0)
    return f"| {found.claim} | {found.what} | {mine} | {target} | {found.verdict} | {others} |"


def _short(spread: Spread) -> str:
    half = (spread.high - spread.low) / 2.0
    return f"{spread.value:.4f}" + ("" if math.isnan(half) else f" ± {half:.4f}")


def to_dict(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Give plain values; an end of a target that is infinite is null."""
    found = []
    for f in findings:
        values = asdict(f)
        if f.target is not None:
            values["target"] = {k: None if math.isinf(v) else v for k, v in asdict(f.target).items()}
        found.append({**values, "verdict": f.verdict})
    return found


def metrics(findings: Sequence[Finding]) -> dict[str, float]:
    """Give one flat mapping of numbers, for a tracker."""
    found: dict[str, float] = {}
    for f in findings:
        for name, spread in {"arbiter": f.found, **f.others}.items():
            ends = {"": spread.value, " low": spread.low, " high": spread.high}
            found |= {f"{f.ground}/{f.claim}/{f.what}/{name}{e}": v for e, v in ends.items() if not math.isnan(v)}
    return found
