"""Findings as a table for people, in Markdown, and as numbers for programs."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from arbiter_training.claims.figures import Finding
from arbiter_training.simulator.compare import Spread


def markdown(findings: Sequence[Finding]) -> str:
    """Give one table per traffic: a row per figure with its 95 % interval, and half of an interval for the others."""
    out: list[str] = []
    for ground in dict.fromkeys(f.ground for f in findings):
        rows = [f for f in findings if f.ground == ground]
        others = list(dict.fromkeys(name for f in rows for name in f.others))
        head = [ground, "", "arbiter", "claimed", "", *others]
        out += [_line(head), "|" + "---|" * len(head)]
        out += [_line(_cells(f, others)) for f in rows] + [""]
    return "\n".join(out)


def line(found: Finding) -> str:
    """Give a figure on one line, for those who watch."""
    others = "; ".join(f"{name} {_short(spread)}" for name, spread in found.others.items())
    said = f"{found.ground}, {found.claim}: {found.what}: {found.found.text()}"
    target = "" if found.target is None else f" ({found.target.text}: {found.verdict})"
    return said + target + (f"; {others}" if others else "")


def _cells(found: Finding, others: Sequence[str]) -> list[str]:
    target = "" if found.target is None else found.target.text
    theirs = [_short(found.others[name]) if name in found.others else "" for name in others]
    return [found.claim, found.what, found.found.text(), target, found.verdict, *theirs]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


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
