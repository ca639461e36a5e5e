"""The cost-quality plane as inline SVG, coloured by the page's style sheet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape as escape_markup
from itertools import pairwise

from arbiter_training.evaluation.records import Frontier, FrontierPoint
from arbiter_training.report.placement import Box, Label, Placed, place
from arbiter_training.report.plane import Mark, Plane
from arbiter_training.report.wording import OUTCOMES, dollars, outcome, printable, quality, shortened, without_prefixes

LETTER_WIDTH = 0.56
"""Mean width of a letter over the font size, in the system fonts; a browser's own measure is not at hand."""

NAME_LETTERS = 28

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """A size to draw in.

    Attributes
    ----------
    width, height : of the whole drawing, in its own pixels.
    left, right, top, bottom : free space around the plane.
    font : size of the text.
    named : whether points carry names, or else numbers that a key explains.
    """

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    font: int
    named: bool

    @property
    def frame(self) -> Box:
        """The plane inside the margins."""
        return Box(left=self.left, top=self.top, right=self.width - self.right, bottom=self.height - self.bottom)


WIDE = Canvas(width=1040, height=500, left=62, right=16, top=34, bottom=58, font=14, named=True)
NARROW = Canvas(width=340, height=400, left=44, right=8, top=30, bottom=52, font=12, named=False)


def draw(plane: Plane, canvas: Canvas, accented: str | None) -> str:
    """Draw the plane.

    Parameters
    ----------
    plane : what to draw.
    canvas : how large.
    accented : name of the policy that the verdict is about.

    Returns
    -------
    svg : one ``<svg>`` element; all names in it are escaped.
    """
    sketch = _Sketch(plane=plane, canvas=canvas, accented=accented)
    body = [sketch.grid(), sketch.hull()]
    body += [sketch.frontier(i, frontier) for i, frontier in enumerate(plane.frontiers)]
    body += [sketch.marks(), sketch.labels()]
    label = "Mean quality over mean cost per 1,000 requests. The same numbers are in the tables of this page."
    return (
        f'<svg class="plane {"wide" if canvas.named else "narrow"}" viewBox="0 0 {canvas.width} {canvas.height}" '
        f'role="img" aria-label="{label}" font-size="{canvas.font}">{"".join(body)}</svg>'
    )


def short_names(plane: Plane) -> list[tuple[str, Mark]]:
    """Give the key of a drawing without names: numbers for models, letters for policies."""
    models = [(str(i), mark) for i, mark in enumerate(plane.models, start=1)]
    return models + [(_letters(i), mark) for i, mark in enumerate(plane.policies)]


def _letters(index: int) -> str:
    more, last = divmod(index, 26)
    return (_letters(more - 1) if more else "") + chr(ord("A") + last)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sketch:
    plane: Plane
    canvas: Canvas
    accented: str | None

    def at(self, cost_usd: float, quality: float) -> tuple[float, float]:
        frame = self.canvas.frame
        x = frame.left + self.plane.cost.place(cost_usd) * (frame.right - frame.left)
        return x, frame.bottom - self.plane.quality.place(quality) * (frame.bottom - frame.top)

    def grid(self) -> str:
        frame, font, out = self.canvas.frame, self.canvas.font, []
        for value, text in self.plane.quality.ticks(6 if self.canvas.named else 5):
            _, y = self.at(self.plane.cost.high, value)
            out.append(f'<path class="grid" d="M{frame.left:g} {y:.1f}H{frame.right:g}"/>')
            out.append(text_element(frame.left - 8, y + font * 0.35, text, "tick", "end"))
        for cost, text in self.plane.cost.ticks(9 if self.canvas.named else 5):
            x, _ = self.at(cost, self.plane.quality.low)
            out.append(f'<path class="axis" d="M{x:.1f} {frame.bottom:g}v5"/>')
            out.append(text_element(x, frame.bottom + font + 8, text, "tick", "middle"))
        out.append(f'<path class="axis" d="M{frame.left:g} {frame.bottom:g}H{frame.right:g}"/>')
        scale = ", log scale" if self.plane.cost.log else ""
        caption = f"Cost per 1,000 requests{scale}"
        out.append(text_element(frame.right, self.canvas.height - 8, caption, "caption", "end"))
        out.append(text_element(0, font, "Mean quality", "caption", "start"))
        return "".join(out)

    def hull(self) -> str:
        if not self.plane.hull:
            return ""
        path = _path(self.at(*point) for point in self.plane.hull)
        title = "Best random mixtures of constant models: what needs no router"
        return f'<path class="hull" d="{path}"><title>{title}</title></path>'

    def frontier(self, index: int, frontier: Frontier) -> str:
        name, out = escape(frontier.name), []
        style = f"curve{min(index, 3)}"
        for run in _runs(frontier.points):
            out.append(f'<path class="band {style}" d="{_path(self._outline(run))}Z"/>')
        line = _path(self.at(p.cost_usd, p.quality) for p in frontier.points)
        out.append(f'<path class="line {style}" d="{line}"><title>{name}</title></path>')
        for point in frontier.points:
            x, y = self.at(point.cost_usd, point.quality)
            title = escape(_point_title(frontier.name, point))
            out.append(f'<circle class="dot {style}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{title}</title></circle>')
        return "".join(out)

    def _outline(self, run: list[FrontierPoint]) -> Points:
        upper = [self.at(p.cost_usd, p.quality_high or 0.0) for p in run]
        return upper + [self.at(p.cost_usd, p.quality_low or 0.0) for p in reversed(run)]

    def marks(self) -> str:
        out = []
        for mark in self.plane.models:
            x, y = self.at(mark.cost_usd, mark.quality)
            title = escape(f"{mark.name}: {_both(mark)}")
            out.append(f'<circle class="model" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{title}</title></circle>')
        for mark in self.plane.policies:
            x, y = self.at(mark.cost_usd, mark.quality)
            style = "policy lead" if mark.name == self.accented else "policy"
            title = escape(_policy_title(mark))
            diamond = f"M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7-7Z"
            out.append(f'{self._whiskers(mark)}<path class="{style}" d="{diamond}"><title>{title}</title></path>')
        return "".join(out)

    def _whiskers(self, mark: Mark) -> str:
        x, y = self.at(mark.cost_usd, mark.quality)
        out, style = "", "whisker lead" if mark.name == self.accented else "whisker"
        if mark.interval:
            (_, low), (_, high) = (self.at(mark.cost_usd, end) for end in mark.interval)
            out += f'<path class="{style}" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
        if mark.cost_interval:
            (low, _), (high, _) = (self.at(end, mark.quality) for end in mark.cost_interval)
            out += f'<path class="{style}" d="M{low:.1f} {y:.1f}H{high:.1f}"/>'
        return out

    def labels(self) -> str:
        keyed = sorted(short_names(self.plane), key=lambda entry: entry[1].row is None)  # policies choose their place
        names = label_texts([mark for _, mark in keyed], NAME_LETTERS)
        texts = names if self.canvas.named else [key for key, _ in keyed]
        font, wanted = self.canvas.font, []
        for (_, mark), text in zip(keyed, texts, strict=True):
            x, y = self.at(mark.cost_usd, mark.quality)
            wanted.append(Label(x=x, y=y, width=len(text) * font * LETTER_WIDTH + 4, height=font * 1.2))
        places = place(wanted, self.canvas.frame, self._curves())
        return "".join(map(self._label, keyed, texts, places))

    def _label(self, keyed: tuple[str, Mark], text: str, placed: Placed) -> str:
        mark, box = keyed[1], placed.box
        style = "name lead" if mark.row and mark.name == self.accented else "name"
        x, y = self.at(mark.cost_usd, mark.quality)
        line = ""
        if placed.leader:
            line = f'<path class="leader" d="M{x:.1f} {y:.1f}L{placed.leader[0]:.1f} {placed.leader[1]:.1f}"/>'
        side = "start" if box.left >= x else "end" if box.right <= x else "middle"
        anchor = {"start": box.left + 2, "end": box.right - 2, "middle": (box.left + box.right) / 2}[side]
        return line + text_element(anchor, box.bottom - self.canvas.font * 0.3, text, style, side)

    def _curves(self) -> Points:
        curves = [[self.at(*point) for point in self.plane.hull]]
        curves += [[self.at(p.cost_usd, p.quality) for p in f.points] for f in self.plane.frontiers]
        for mark in self.plane.policies:
            curves.append([self.at(mark.cost_usd, end) for end in mark.interval or ()])
            curves.append([self.at(end, mark.quality) for end in mark.cost_interval or ()])
        return [point for curve in curves for point in dense(curve)]


def label_texts(marks: Sequence[Mark], letters: int) -> list[str]:
    """Name marks briefly: models without their vendor, policies without their folder only where they are too long."""
    short = without_prefixes(mark.name for mark in marks)
    texts = [short[m.name] if m.row is None or len(m.name) > letters else m.name for m in marks]
    return [shortened(text, letters) for text in texts]


def dense(curve: Points, every: float = 5.0) -> Points:
    """Give points along a polyline, one every few pixels."""
    out = list(curve[:1])
    for (x0, y0), (x1, y1) in pairwise(curve):
        steps = max(int(max(abs(x1 - x0), abs(y1 - y0)) / every), 1)
        out += [(x0 + t / steps * (x1 - x0), y0 + t / steps * (y1 - y0)) for t in range(1, steps + 1)]
    return out


def escape(text: str) -> str:
    """Make a text from outside harmless between tags and in quoted attributes."""
    return escape_markup(printable(text), quote=True)


def _runs(points: Iterable[FrontierPoint]) -> list[list[FrontierPoint]]:
    """Split a curve where an interval is missing."""
    runs: list[list[FrontierPoint]] = [[]]
    for point in points:
        if point.quality_low is None or point.quality_high is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if len(run) > 1]


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def text_element(x: float, y: float, text: str, style: str, anchor: str) -> str:
    """Give an SVG text; anchor is start, middle or end."""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _both(mark: Mark) -> str:
    return f"quality {quality(mark.quality)}, {dollars(mark.cost_usd)} per 1,000 requests"


def _policy_title(mark: Mark) -> str:
    assert mark.row is not None
    parts = []
    for name in ("quality", "cost_usd"):
        measured, shown = mark.row.outcomes[name], outcome(name)
        interval = shown.interval(measured)
        parts.append(f"{shown.title.lower()} {shown.value(measured)}" + (f" ({interval})" if interval else ""))
    return f"{mark.name}: {', '.join(parts)}"


def _point_title(name: str, point: FrontierPoint) -> str:
    text = f"{name}: quality {quality(point.quality)}"
    if point.quality_low is not None and point.quality_high is not None:
        text += f" ({quality(point.quality_low)} to {quality(point.quality_high)})"
    worth = f"{point.quality_per_usd:.4g} quality per dollar"
    return f"{text}, {OUTCOMES['cost_usd'].write(point.cost_usd)} per 1,000 requests, setting {worth}"
