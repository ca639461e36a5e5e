"""The table of a benchmark: one line per competitor, each figure with its interval, and the ratios asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter_training.benchmarks.figures import (
    PAIR_THRESHOLDS,
    RESAMPLES,
    Arena,
    Figure,
    apgr_of,
    cpt_of,
    figure_of,
    pair_columns,
)
from arbiter_training.benchmarks.trace import Trace, replicates

FloatArray = NDArray[np.float64]

ROUTELLM_THRESHOLDS = 10
"""RouteLLM draws its curve through ten thresholds; the area under those chords is a little below that of the curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One competitor.

    Attributes
    ----------
    name : of the competitor.
    figures : name of the figure to figure.
    """

    name: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoreboard:
    """All that a benchmark found.

    Attributes
    ----------
    columns : names of the figures, in the order of the table.
    lines : competitors.
    ratios : name to figure: what is kept with cheaper features, or of a poorer log.
    notes : the protocol in words, and what should be known.
    """

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    ratios: Mapping[str, Figure]
    notes: tuple[str, ...] = field(default=())

    def line(self, name: str) -> Line:
        """Give one competitor's line."""
        return next(line for line in self.lines if line.name == name)

    def text(self) -> str:
        """Say it as a table in Markdown, then the ratios, then the notes."""
        rows = ["| | " + " | ".join(self.columns) + " |", "|---" * (len(self.columns) + 1) + "|"]
        for line in self.lines:
            cells = [line.figures[c].text(sign=_signed(c)) if c in line.figures else "-" for c in self.columns]
            rows.append(f"| {line.name} | " + " | ".join(cells) + " |")
        rows += [""] + [f"{name}: {figure.text(3)}" for name, figure in self.ratios.items()]
        return "\n".join([*rows, "", *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        return {
            "lines": {line.name: {n: _triple(f) for n, f in line.figures.items()} for line in self.lines},
            "ratios": {name: _triple(figure) for name, figure in self.ratios.items()},
            "notes": list(self.notes),
        }


def _signed(column: str) -> bool:
    return column.startswith(("gain", "worst"))


def _triple(figure: Figure) -> list[float | None]:
    values = (figure.value, figure.low, figure.high)
    return [None if np.isnan(v) else round(v, 6) for v in values]


class Pair:
    """Two models, and the scores by which competitors send requests to the stronger one.

    Parameters
    ----------
    weak, strong : (n,) quality of the two on the tested requests.
    groups : (n,) near-duplicates share a number.
    """

    def __init__(self, weak: FloatArray, strong: FloatArray, groups: NDArray[np.int64]) -> None:
        self._truth = weak, strong
        self._groups = groups

    def apgr(self, win_rate: FloatArray, thresholds: int = PAIR_THRESHOLDS) -> tuple[float, FloatArray]:
        """Give the APGR of a score and its replicates."""
        columns = pair_columns(win_rate, *self._truth, thresholds)
        drawn = replicates(columns, self._groups, RESAMPLES)
        return apgr_of(columns.mean(axis=0)), np.array([apgr_of(row) for row in drawn])

    def figures(self, win_rate: FloatArray) -> dict[str, Figure]:
        """Give APGR under the curve, APGR as RouteLLM draws it, and CPT at 50 and 80 %."""
        columns = pair_columns(win_rate, *self._truth, PAIR_THRESHOLDS)
        drawn = replicates(columns, self._groups, RESAMPLES)
        means = columns.mean(axis=0)
        found = {
            "APGR": figure_of(*self.apgr(win_rate)),
            "APGR, 10 thresholds": figure_of(*self.apgr(win_rate, ROUTELLM_THRESHOLDS)),
        }
        for level in (0.5, 0.8):
            again = np.array([cpt_of(row, level) for row in drawn])
            found[f"CPT{level:.0%}"] = figure_of(cpt_of(means, level), again)
        return found


def line_of(arena: Arena, trace: Trace, budgets_usd: Sequence[float]) -> Line:
    """Measure one competitor."""
    figures = {f"${budget:.2g}": arena.at_budget(trace, budget) for budget in budgets_usd}
    figures["AIQ"] = arena.aiq(trace)
    figures["gain over best single"] = arena.gain(trace)
    figures["worst against a constant"] = arena.worst_against_constant(trace)
    return Line(name=trace.name, figures=figures)


def ratio(top: tuple[float, FloatArray], bottom: tuple[float, FloatArray]) -> Figure:
    """Give a share and its interval, replicate by replicate; NaN where the whole is not above 0."""
    if not bottom[0] > 0.0:
        return Figure(value=float("nan"), low=float("nan"), high=float("nan"))
    whole = np.where(bottom[1] > 0.0, bottom[1], np.nan)
    return figure_of(top[0] / bottom[0], top[1] / whole)
