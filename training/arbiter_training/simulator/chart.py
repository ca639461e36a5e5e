"""Curves along a stream as one SVG element, coloured by the page's style sheet."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from arbiter_training.report.drawing import escape

FloatArray = NDArray[np.float64]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1040, 330, 62, 250, 30, 34
TICKS = 5
LATE = 0.6
"""What happens after this share of a stream is told to the left of its line."""

COLOURS = 8
"""Colours that the style sheet has; the ninth curve has the first one again."""

LEAST_GAP = 17
"""Pixels between two names at the right end of a drawing."""

LETTER, ROW = 7.0, 16
"""Pixels of a letter of what happens, on the safe side, and of one row of it above the axes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Something that happens along the stream.

    Attributes
    ----------
    at : share of the stream, in [0, 1].
    text : what.
    """

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What curves are drawn into.

    Attributes
    ----------
    requests : length of the stream.
    markers : vertical lines.
    low, high : ends of the axis; None takes round numbers around the values.
    label : of the drawing, for those who hear it.
    """

    requests: int
    markers: tuple[Marker, ...] = ()
    low: float | None = None
    high: float | None = None
    label: str = "Values along the stream"


def chart(series: Sequence[tuple[str, FloatArray]], frame: Frame) -> str:
    """Draw curves, named at their right ends.

    Parameters
    ----------
    series : name and (points,) values each; the first one is the heaviest.
    frame : axes and markers.
    """
    values = np.concatenate([v for _, v in series])
    low = float(values.min()) if frame.low is None else frame.low
    high = float(values.max()) if frame.high is None else frame.high
    ticks = round_ticks(low, high)
    bottom = min(low, ticks[0]) if frame.low is None else frame.low
    top = max(high, ticks[-1]) if frame.high is None else frame.high

    def y(value: float) -> float:
        return TOP + (top - value) / ((top - bottom) or 1.0) * (HEIGHT - TOP - BOTTOM)

    out = [*_across(ticks, y), *_along(frame)]
    places = apart([y(float(v[-1])) for _, v in series])
    for i, ((name, v), at) in enumerate(zip(series, places, strict=True)):
        x = np.linspace(LEFT, WIDTH - RIGHT, len(v))
        path = "L".join(f"{a:.1f} {y(float(b)):.1f}" for a, b in zip(x, v, strict=True))
        style = f"series{i % COLOURS}{' lead' if i == 0 else ''}"
        out.append(f'<path class="line {style}" d="M{path}"><title>{escape(name)}</title></path>')
        out.append(f'<text class="name {style}" x="{WIDTH - RIGHT + 10}" y="{at + 5:.1f}">{escape(name)}</text>')
    label = escape(frame.label)
    box = f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
    above = ROW * max(rows_of(frame.markers), default=0)
    size = f'style="min-width:680px" viewBox="0 {-above} {WIDTH} {HEIGHT + above}"'
    return f'{box}<svg class="plane" {size} role="img" aria-label="{label}" font-size="14">{"".join(out)}</svg></div>'


def _across(ticks: Sequence[float], y: Callable[[float], float]) -> list[str]:
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9) + 1)
    out = []
    for value in ticks:
        text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
        out.append(f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>')
        out.append(f'<text class="tick" x="{LEFT - 8}" y="{y(value) + 5:.1f}" text-anchor="end">{text}</text>')
    return out


def _along(frame: Frame) -> list[str]:
    out = []
    for value in round_ticks(0.0, float(frame.requests)):
        if value <= frame.requests:
            x = _x(value / frame.requests)
            out.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{value:.0f}</text>')
    for marker, row in zip(frame.markers, rows_of(frame.markers), strict=True):
        x, up = _x(marker.at), ROW * row
        anchor, shift = ("end", -5) if marker.at > LATE else ("start", 5)
        out.append(f'<path class="hull" d="M{x:.1f} {TOP - 16 - up}V{HEIGHT - BOTTOM}"/>')
        text = f'<text class="tick" x="{x + shift:.1f}" y="{TOP - 8 - up}" text-anchor="{anchor}" font-size="13">'
        out.append(f"{text}{escape(marker.text)}</text>")
    return out


def rows_of(markers: Sequence[Marker]) -> list[int]:
    """Give the row above the axes, from 0 up, of each text, so that none lies on another."""
    rows: list[list[tuple[float, float]]] = []
    found = [0] * len(markers)
    for i in sorted(range(len(markers)), key=lambda i: markers[i].at):
        x, width = _x(markers[i].at), LETTER * (len(markers[i].text) + 2)
        left, right = (x - width, x) if markers[i].at > LATE else (x, x + width)
        free = (r for r, taken in enumerate(rows) if all(right <= a or left >= b for a, b in taken))
        found[i] = next(free, len(rows))
        if found[i] == len(rows):
            rows.append([])
        rows[found[i]].append((left, right))
    return found


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - RIGHT - LEFT)


def round_ticks(low: float, high: float) -> list[float]:
    """Give some round numbers at equal distances, the first at or below ``low``, the last at or above ``high``."""
    span = (high - low) or max(abs(high), 1e-9)
    step = 10.0 ** math.floor(math.log10(span / TICKS))
    step *= next(m for m in (1.0, 2.0, 2.5, 5.0, 10.0) if span / (m * step) <= TICKS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, max(last, first + 1) + 1)]


def apart(places: Sequence[float]) -> list[float]:
    """Move heights apart so that names do not overlap, keeping their order, and none below the axis if they fit."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + LEAST_GAP)
    below = moved[order[-1]] - (HEIGHT - BOTTOM)
    if below > 0.0:
        moved[order[-1]] -= below
        for after, before in pairwise(order[::-1]):
            moved[before] = min(moved[before], moved[after] - LEAST_GAP)
    return moved
