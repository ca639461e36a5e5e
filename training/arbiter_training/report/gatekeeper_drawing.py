"""The gatekeeper's drawings as inline SVG: calibration, and accuracy over coverage."""

from collections.abc import Sequence
from dataclasses import dataclass

from arbiter_training.gatekeeper.evaluation import HeadEvaluation
from arbiter_training.gatekeeper.risk_evaluation import wilson
from arbiter_training.report.drawing import escape
from arbiter_training.report.wording import count, percent

SIZE, LEFT, BOTTOM, TOP, RIGHT, FONT = 340, 44, 46, 26, 12, 12
"""Of a drawing, in its own pixels; both are small enough to be read on a phone as they are."""

LEAST_RADIUS, GREATEST_RADIUS = 2.5, 8.0
STEPS = 4
"""Parts of an axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Square:
    """A plane from ``low`` to 1 on the vertical axis, from 0 to 1 on the horizontal one."""

    low: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        side = SIZE - TOP - BOTTOM
        share = (y - self.low) / (1.0 - self.low)
        return LEFT + x * (SIZE - LEFT - RIGHT), SIZE - BOTTOM - min(max(share, 0.0), 1.0) * side

    def grid(self, across: str, up: str) -> str:
        out = []
        for step in range(STEPS + 1):
            x, y = step / STEPS, self.low + (1.0 - self.low) * step / STEPS
            left, height = self.at(0.0, y)
            out.append(f'<path class="grid" d="M{left:g} {height:.1f}H{SIZE - RIGHT}"/>')
            out.append(_text(left - 6, height + 4, percent(y), "tick", "end"))
            place, floor = self.at(x, self.low)
            out.append(_text(place, floor + 17, percent(x), "tick", "end" if step == STEPS else "middle"))
        out.append(_text(SIZE - RIGHT, SIZE - 8, across, "caption", "end"))
        return "".join(out) + _text(0, 12, up, "caption", "start")


def calibration_drawing(head: str, found: HeadEvaluation) -> str:
    """Draw how often a head is right where it says that it is so sure.

    Parameters
    ----------
    head : its name.
    found : its evaluation.

    Returns
    -------
    svg : one ``<svg>`` element; the area of a point grows with its requests, bars are 95 % intervals.
    """
    square = _Square(low=0.0)
    (x0, y0), (x1, y1) = square.at(0, 0), square.at(1, 1)
    out = [square.grid("Probability of the label called", "Share that is right")]
    out.append(f'<path class="hull" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>')
    most = max(one.n for one in found.bins)
    for one in found.bins:
        x, y = square.at(one.confidence, one.accuracy)
        (_, low), (_, high) = (square.at(0, end) for end in wilson(one.accuracy, one.n))
        radius = max(GREATEST_RADIUS * (one.n / most) ** 0.5, LEAST_RADIUS)
        title = f"{percent(one.confidence)} sure, {percent(one.accuracy)} right, {count(one.n)} requests"
        out.append(f'<path class="whisker lead" d="M{x:.1f} {low:.1f}V{high:.1f}"/>')
        out.append(f'<circle class="dot curve0" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}">{_title(title)}</circle>')
    return _svg(f"Calibration of {head}", out)


def coverage_drawing(head: str, found: HeadEvaluation) -> str:
    """Draw the accuracy on the share of the requests of which a head is surest.

    Parameters
    ----------
    head : its name.
    found : its evaluation.
    """
    low = min(0.9, int(min(found.accuracy_at) * 10) / 10)
    square = _Square(low=low)
    points = [square.at(x, y) for x, y in zip(found.coverage, found.accuracy_at, strict=True)]
    out = [square.grid("Share of requests judged", "Accuracy on them")]
    out.append(f'<path class="line curve0" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>')
    for (x, y), share, accuracy in zip(points, found.coverage, found.accuracy_at, strict=True):
        title = f"{percent(accuracy)} right on the surest {percent(share)}"
        out.append(f'<circle class="dot curve0" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{_title(title)}</circle>')
    return _svg(f"Accuracy over coverage of {head}", out)


def _svg(label: str, body: Sequence[str]) -> str:
    return (
        f'<svg class="square" viewBox="0 0 {SIZE} {SIZE}" role="img" aria-label="{escape(label)}" '
        f'font-size="{FONT}">{"".join(body)}</svg>'
    )


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def _text(x: float, y: float, text: str, style: str, anchor: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
