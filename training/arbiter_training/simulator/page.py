"""A simulation as lines for the terminal, and as one self-contained page."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from arbiter_training.report.document import document, section
from arbiter_training.report.drawing import escape
from arbiter_training.report.tables import table
from arbiter_training.report.wording import shortened, without_prefixes
from arbiter_training.simulator.compare import STATIC, Played, Simulation, Spread

FloatArray = NDArray[np.float64]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1040, 300, 62, 240, 14, 30
TICKS = 5
MOST_LETTERS = 26
LEAST_GAP = 16
"""Pixels between two names at the right end of a drawing."""


def lines(found: Simulation) -> list[str]:
    """Say what was found to those who stay in a terminal."""
    width = max(len(row.name) for row in found.rows)
    head = f"{found.scenario.name}: {found.seeds} streams of {found.requests} requests, a dollar worth "
    head += f"{found.quality_per_usd:g} quality points; against the offline policy on the same streams"
    rows = [
        f"  {row.name:<{width}}  utility {row.utility.value:.4f}  {_against(row.gain, row.name)}, in the last third "
        f"{row.late_utility.value:.4f}  {_against(row.late_gain, row.name)}, ${row.cost_usd.value:.3g} a request"
        for row in found.rows
    ]
    if found.scenario.budget_usd is not None:
        rows += [
            f"  {row.name:<{width}}  spends {row.cost_usd.value / found.scenario.budget_usd:.3f} of the budget"
            for row in found.rows[:-1]
        ]
    return [head, *rows, verdict(found)]


def _against(gain: Spread, name: str) -> str:
    return "(the reference)" if name == STATIC else gain.text(sign=True)


def verdict(found: Simulation) -> str:
    """Say in a sentence whether learning online would have helped."""
    served = found.rows[0]
    if served.gain.low > 0.0:
        return f"Learning online would have helped: {served.gain.text(sign=True)} utility a request"
    if served.gain.high < 0.0:
        return f"Learning online would have cost: {served.gain.text(sign=True)} utility a request"
    return f"Learning online would have made no difference that shows: {served.gain.text(sign=True)} utility a request"


def render(found: Simulation) -> str:
    """Give one HTML document; nothing in it is fetched from anywhere."""
    names = without_prefixes(found.models)
    served = found.rows[0]
    policies = [(shortened(row.name, MOST_LETTERS), row.curve) for row in found.rows]
    models = [(names[model], served.shares[:, k]) for k, model in enumerate(found.models)]
    share = [("bandit's share", served.bandit_share)]
    head = ["Policy", "Utility", "Against the offline policy", "Last third", "Against it", "Quality", "Cost a request"]
    sections = [
        f'<header><h1>Simulation: {escape(found.scenario.name)}</h1><p class="verdict">{escape(verdict(found))}.</p>'
        f'<p class="note">{escape(_about(found))}</p></header>',
        section("Policies", table("Policies", head, [_row(row) for row in found.rows])),
        section("Utility along the stream", chart(policies)),
        section("Traffic of each model, as configured", chart(models, low=0.0, high=1.0)),
        section("Part of the traffic that the bandit decides", chart(share, low=0.0, high=1.0)),
    ]
    return document(f"Simulation: {found.scenario.name}", "".join(sections), "")


def _about(found: Simulation) -> str:
    s = found.scenario
    told = [
        f"{found.seeds} streams of {found.requests} judged requests, each in an order of its own",
        f"{s.feedback_rate:.0%} of the answers judged, {s.delay} requests later",
        f"a dollar is worth {found.quality_per_usd:g} quality points",
    ]
    told += [f"{e.model} of {e.factor:g} times its quality from {e.at:.0%} on, unannounced" for e in s.quality]
    told += [f"{e.model} at {e.factor:g} times its price from {e.at:.0%} on" for e in s.prices]
    told += [f"{e.model} out from {e.start:.0%} to {e.end:.0%}" for e in s.outages]
    if s.newcomer.model:
        told.append(f"{s.newcomer.model} added at {s.newcomer.at:.0%} with {s.newcomer.scored} judged answers")
    if s.budget_usd is not None:
        told.append(f"paced to ${s.budget_usd:g} a request")
    return "; ".join(told) + ". Intervals are over the streams."


def _row(row: Played) -> str:
    reference = row.name == STATIC
    gains = ["the reference", ""] if reference else [row.gain.text(sign=True), row.late_gain.text(sign=True)]
    cells = [row.utility.text(), gains[0], row.late_utility.text(), gains[1], row.quality.text()]
    cells.append(f"${row.cost_usd.value:.3g}")
    return f'<tr><th scope="row">{escape(row.name)}</th>' + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>"


def chart(series: Sequence[tuple[str, FloatArray]], low: float | None = None, high: float | None = None) -> str:
    """Draw curves along the stream as one SVG element, named at their right ends.

    Parameters
    ----------
    series : name and (points,) values each.
    low, high : ends of the axis; None takes those of the values.
    """
    values = np.concatenate([v for _, v in series])
    bottom = float(values.min()) if low is None else low
    top = float(values.max()) if high is None else high
    span = top - bottom or 1.0

    def y(value: float) -> float:
        return TOP + (top - value) / span * (HEIGHT - TOP - BOTTOM)

    out = []
    for i in range(TICKS):
        value = bottom + span * i / (TICKS - 1)
        out.append(f'<path class="grid" d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}"/>')
        out.append(f'<text class="tick" x="{LEFT - 8}" y="{y(value) + 5:.1f}" text-anchor="end">{value:.3g}</text>')
    ends = [float(v[-1]) for _, v in series]
    for (i, (name, v)), at in zip(enumerate(series), _apart([y(end) for end in ends]), strict=True):
        x = np.linspace(LEFT, WIDTH - RIGHT, len(v))
        path = "L".join(f"{a:.1f} {y(float(b)):.1f}" for a, b in zip(x, v, strict=True))
        out.append(f'<path class="line curve{min(i, 3)}" d="M{path}"/>')
        lead = " lead" if i == 0 else ""
        out.append(f'<text class="name{lead}" x="{WIDTH - RIGHT + 10}" y="{at + 5:.1f}">{escape(name)}</text>')
    label = "Values along the stream, from its first request to its last"
    box = f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">'
    size = f'style="min-width:680px" viewBox="0 0 {WIDTH} {HEIGHT}"'
    drawn = "".join(out)
    return f'{box}<svg class="plane" {size} role="img" aria-label="{label}" font-size="14">{drawn}</svg></div>'


def _apart(places: list[float]) -> list[float]:
    """Move heights apart so that names do not overlap, keeping their order."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + LEAST_GAP)
    return moved
