"""Drawings of a plan as inline SVG, coloured by the page's style sheet."""

import math
from collections.abc import Mapping, Sequence

from arbiter.planning.money import Money
from arbiter.planning.wording import usd
from arbiter_training.report.drawing import escape, text_element
from arbiter_training.report.wording import shortened

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1040, 300, 84, 40, 16, 36
TICKS = 5
FONT = 14
ROW, NAME_ROOM, VALUE_ROOM = 34, 250, 340
MOST_LETTERS = 30


def band_chart(months: Mapping[str, Money], label: str, beside: Mapping[str, Money] | None = None) -> str:
    """Draw an amount per month as a line in its 80 % band.

    Parameters
    ----------
    months : name to amount, in order, at least one.
    label : what it is, for those who cannot see it.
    beside : a second line of the same months, dashed; None draws none.
    """
    amounts = list(months.values())
    others = [beside[name] for name in months if name in beside] if beside else []
    tick = _round_step(max(money.high for money in [*amounts, *others]) / (TICKS - 1))
    top = tick * (TICKS - 1)
    step = (WIDTH - LEFT - RIGHT) / max(len(amounts) - 1, 1)

    def at(i: int, value: float) -> str:
        return f"{LEFT + i * step:.1f} {TOP + (1.0 - value / top) * (HEIGHT - TOP - BOTTOM):.1f}"

    out = []
    for i in range(TICKS):
        y = TOP + (1.0 - i / (TICKS - 1)) * (HEIGHT - TOP - BOTTOM)
        out.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        out.append(text_element(LEFT - 10, y + 5, f"${tick * i:,.10g}", "tick", "end"))
    upper = [at(i, money.high) for i, money in enumerate(amounts)]
    lower = [at(i, money.low) for i, money in enumerate(amounts)]
    out.append(f'<path class="band curve0" d="M{"L".join([*upper, *reversed(lower)])}Z"/>')
    out.append(f'<path class="line curve0" d="M{"L".join(at(i, m.mean) for i, m in enumerate(amounts))}"/>')
    if others:
        out.append(f'<path class="line curve2" d="M{"L".join(at(i, m.mean) for i, m in enumerate(others))}"/>')
    for i, (name, money) in enumerate(months.items()):
        x, height = at(i, money.mean).split()
        title = escape(f"{name}: {usd(money.mean)} ({usd(money.low)} to {usd(money.high)})")
        out.append(f'<circle class="dot curve0" cx="{x}" cy="{height}" r="4"><title>{title}</title></circle>')
        if len(amounts) <= 12 or i % 3 == 0:
            out.append(text_element(float(x), HEIGHT - 10, name, "tick", "middle"))
    return _drawing(HEIGHT, label, out)


def _round_step(least: float) -> float:
    """Give the least of 1, 2, 2.5 and 5 times a power of ten that is not below a number; 1 for 0."""
    if least <= 0.0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= least)


def bar_chart(rows: Sequence[tuple[str, float, str]], label: str, lead: int = 0) -> str:
    """Draw horizontal bars.

    Parameters
    ----------
    rows : name, length from 0 up, and what is written at its end; at least one.
    label : what it is, for those who cannot see it.
    lead : so many of the first bars are accented.
    """
    most = max(value for _, value, _ in rows) or 1.0
    room = WIDTH - NAME_ROOM - VALUE_ROOM
    out = []
    for i, (name, value, text) in enumerate(rows):
        y, width = TOP + i * ROW, room * value / most
        out.append(text_element(0, y + 16, shortened(name, MOST_LETTERS), "name", "start"))
        style = "dot curve0" if i < lead else "dot"
        out.append(f'<rect class="{style}" x="{NAME_ROOM}" y="{y + 3:.1f}" width="{max(width, 1.5):.1f}" height="18"/>')
        out.append(text_element(NAME_ROOM + width + 10, y + 17, text, "tick", "start"))
    return _drawing(TOP + len(rows) * ROW, label, out)


def _drawing(height: float, label: str, body: Sequence[str]) -> str:
    name = escape(label)
    box = f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">'
    size = f'style="min-width:680px" viewBox="0 0 {WIDTH} {height:.0f}" font-size="{FONT}"'
    return f'{box}<svg class="plane" {size} role="img" aria-label="{name}">{"".join(body)}</svg></div>'
