"""The figures of a report by matplotlib, for MLflow and README: 1400 x 800 pixels on white."""

import io
from typing import TYPE_CHECKING

from arbiter.errors import MissingExtraError
from arbiter_training.evaluation.records import EvaluationReport, Frontier
from arbiter_training.report.drawing import NAME_LETTERS, dense, label_texts
from arbiter_training.report.placement import Box, Label, Placed, place
from arbiter_training.report.plane import Mark, Plane, plane_of
from arbiter_training.report.tables import LEAST_SHARE
from arbiter_training.report.verdict import conclude
from arbiter_training.report.wording import percent, shortened, without_prefixes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, DPI = 1400, 800, 100
INK, QUIET, LINE, ACCENT = "#1b1f24", "#59626d", "#dfe3e7", "#0b6b60"
SHADES = ("#0b6b60", "#2f4858", "#7fb7ae", "#8a97a3", "#c9d6d3", "#4d6a7a", "#b3bdc6", "#dbe1e6")
"""Greens and greys of clearly different lightness, so that neighbours in a bar differ in print too."""

DASHES = ("-", "-", (0, (7, 3)), (0, (1.5, 2.5)))
FONT = 15.0
NAME_FONT = 13.5
LETTER_PIXELS = 10.8
"""Mean width of a letter at ``NAME_FONT`` points and ``DPI``."""

MAX_MODELS = len(SHADES)


def frontier_figure(report: EvaluationReport) -> "Figure":
    """Draw quality over cost: constant models, their hull, policies, and the routers' frontiers with their bands.

    Parameters
    ----------
    report : the evaluation.

    Returns
    -------
    figure : with its own Agg canvas; no global state of matplotlib is touched.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    figure, (axes,) = blank_sheet((0.068, 0.115, 0.915, 0.765))
    leading = conclude(report).policy
    plane = plane_of(report, leading)
    _scales(axes, plane)
    _curves(axes, plane)
    _marks(axes, plane, leading)
    _names(axes, plane, leading)
    if not plane.empty:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.02), ncols=3, frameon=False, fontsize=FONT - 1)
    return figure


def shares_figure(report: EvaluationReport) -> "Figure":
    """Draw which share of the traffic each policy sends to each model, as one bar per policy.

    Parameters
    ----------
    report : the evaluation; models beyond the eight most used are drawn together.

    Returns
    -------
    figure : with its own Agg canvas.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    figure, (axes,) = blank_sheet((0.235, 0.1, 0.735, 0.72))
    rows = list(reversed(report.rows))
    ends = [0.0] * len(rows)
    for shade, (label, models) in zip(SHADES, _groups(report), strict=False):
        widths = [sum(row.shares.get(model, 0.0) for model in models) for row in rows]
        axes.barh(range(len(rows)), widths, left=ends, color=shade, height=0.62, label=label, edgecolor="white")
        ink = "white" if _is_dark(shade) else INK
        for place_, (width, start) in enumerate(zip(widths, ends, strict=True)):
            if width >= 0.05:
                axes.text(
                    start + width / 2, place_, percent(width), ha="center", va="center", color=ink, fontsize=FONT - 2
                )
        ends = [end + width for end, width in zip(ends, widths, strict=True)]
    axes.set_yticks(range(len(rows)), [_plain(shortened(row.name, 26)) for row in rows])
    axes.set_xlim(0.0, 1.0)
    axes.set_xticks([i / 4 for i in range(5)], [percent(i / 4) for i in range(5)])
    axes.set_xlabel("Share of the traffic", color=QUIET, fontsize=FONT, loc="right")
    axes.spines["left"].set_visible(False)
    if rows:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.31, 1.02), ncols=4, frameon=False, fontsize=FONT - 2)
    return figure


def figure_png(figure: "Figure") -> bytes:
    """Give a figure as a PNG file of 1400 x 800 pixels."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    return stream.getvalue()


def blank_sheet(*places: tuple[float, float, float, float]) -> "tuple[Figure, list[Axes]]":
    """Give a figure with one pair of axes at each place (left, bottom, width, height, in shares of the sheet).

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError.of("matplotlib", "train") from error
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    drawn = [figure.add_axes(place) for place in places]
    for axes in drawn:
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(LINE)
        axes.tick_params(labelsize=FONT, labelcolor=QUIET, color=LINE, length=5)
    return figure, drawn


def _scales(axes: "Axes", plane: Plane) -> None:
    """Use the page's own axes: the figure's horizontal axis runs from 0 to 1 along it."""
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(plane.quality.low, plane.quality.high)
    costs, qualities = plane.cost.ticks(9), plane.quality.ticks(7)
    axes.set_xticks([plane.cost.place(cost) for cost, _ in costs], [_plain(text) for _, text in costs])
    axes.set_yticks([value for value, _ in qualities], [text for _, text in qualities])
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    scale = ", log scale" if plane.cost.log else ""
    axes.set_xlabel(f"Cost per 1,000 requests{scale}", color=QUIET, fontsize=FONT, loc="right", labelpad=8)
    axes.set_ylabel("Mean quality", color=QUIET, fontsize=FONT, loc="top", labelpad=8)


def _curves(axes: "Axes", plane: Plane) -> None:
    for index, frontier in enumerate(plane.frontiers):
        color, dash = ACCENT if index == 0 else QUIET, DASHES[min(index, 3)]
        x = [plane.cost.place(point.cost_usd) for point in frontier.points]
        y = [point.quality for point in frontier.points]
        low, high = _band(frontier)
        axes.fill_between(x, low, high, color=color, alpha=0.13, linewidth=0)
        name = _plain(shortened(frontier.name, 36))
        axes.plot(x, y, color=color, linestyle=dash, linewidth=2.6 if index == 0 else 1.8, label=name)
        axes.plot(x, y, color=color, marker="o", markersize=5, linestyle="none")
    if plane.hull:
        x = [plane.cost.place(cost) for cost, _ in plane.hull]
        y = [quality for _, quality in plane.hull]
        axes.plot(x, y, color=QUIET, linestyle=(0, (4, 4)), linewidth=1.6, label="Mixes of constant models, no router")


def _band(frontier: Frontier) -> tuple[list[float], list[float]]:
    nan = float("nan")
    known = [(p.quality_low, p.quality_high) for p in frontier.points]
    ends = [(nan, nan) if low is None or high is None else (low, high) for low, high in known]
    return [low for low, _ in ends], [high for _, high in ends]


def _marks(axes: "Axes", plane: Plane, leading: str | None) -> None:
    if plane.models:
        x = [plane.cost.place(mark.cost_usd) for mark in plane.models]
        y = [mark.quality for mark in plane.models]
        axes.plot(
            x, y, linestyle="none", color=INK, marker="o", markersize=10, markerfacecolor="white", markeredgewidth=1.8,
            zorder=4, label="Constant model",
        )  # fmt: skip
    for index, mark in enumerate(plane.policies):
        color = ACCENT if mark.name == leading else QUIET
        at = plane.cost.place(mark.cost_usd)
        if mark.interval:
            axes.plot([at, at], mark.interval, color=color, linewidth=1.8, zorder=3)
        label = "Policy, with its 95% interval" if index == 0 else "_nolegend_"
        axes.plot(
            [at], [mark.quality], marker="D", markersize=10, color=color, markeredgecolor="white", linestyle="none",
            zorder=5, label=label,
        )  # fmt: skip


def _names(axes: "Axes", plane: Plane, leading: str | None) -> None:
    from matplotlib.patheffects import withStroke

    marks: list[Mark] = [*plane.policies, *plane.models]
    texts = list(zip(marks, label_texts(marks, NAME_LETTERS), strict=True))
    for mark, text, x, y, placed in _places(axes, plane, texts):
        line = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.7, "shrinkB": 6} if placed.leader else None
        side = "left" if placed.box.left >= x else "right" if placed.box.right <= x else "center"
        at = {"left": placed.box.left + 4, "right": placed.box.right - 4}.get(side, _middle(placed)[0])
        axes.annotate(
            _plain(text), xy=(x, HEIGHT - y), xytext=(at, HEIGHT - _middle(placed)[1]), xycoords="figure pixels",
            textcoords="figure pixels", ha=side, va="center", fontsize=NAME_FONT, arrowprops=line, zorder=6,
            color=ACCENT if mark.name == leading else INK,
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip


def _places(axes: "Axes", plane: Plane, texts: list[tuple[Mark, str]]) -> list[tuple[Mark, str, float, float, Placed]]:
    """Find room for the names, in pixels from the upper left corner."""
    box = axes.get_window_extent()
    frame = Box(left=box.x0, top=HEIGHT - box.y1, right=box.x1, bottom=HEIGHT - box.y0)

    def at(cost: float, quality: float) -> tuple[float, float]:
        x = frame.left + plane.cost.place(cost) * (frame.right - frame.left)
        return x, frame.bottom - plane.quality.place(quality) * (frame.bottom - frame.top)

    points = [at(mark.cost_usd, mark.quality) for mark, _ in texts]
    wanted = [
        Label(x=x, y=y, width=len(text) * LETTER_PIXELS + 8, height=22)
        for (x, y), (_, text) in zip(points, texts, strict=True)
    ]
    drawn = [[at(*p) for p in plane.hull]] + [[at(p.cost_usd, p.quality) for p in f.points] for f in plane.frontiers]
    drawn += [[at(mark.cost_usd, end) for end in mark.interval] for mark in plane.policies if mark.interval]
    placed = place(wanted, frame, [point for curve in drawn for point in dense(curve)])
    return [(*entry, *point, where) for entry, point, where in zip(texts, points, placed, strict=True)]


def _middle(placed: Placed) -> tuple[float, float]:
    return (placed.box.left + placed.box.right) / 2, (placed.box.top + placed.box.bottom) / 2


def _groups(report: EvaluationReport) -> list[tuple[str, list[str]]]:
    """Give the models that take most traffic over all policies, each alone, and the rest together."""
    total = {model: sum(row.shares.get(model, 0.0) for row in report.rows) for model in report.log.models}
    used = [model for model in sorted(total, key=lambda name: -total[name]) if total[model] > LEAST_SHARE]
    alone = used if len(used) <= MAX_MODELS else used[: MAX_MODELS - 1]
    short = without_prefixes(report.log.models)
    groups = [(_plain(shortened(short[model], 24)), [model]) for model in alone]
    rest = used[len(alone) :]
    return [*groups, (f"{len(rest)} more models", rest)] if rest else groups


def _plain(text: str) -> str:
    """Keep matplotlib from reading dollar signs as formulas, and a leading underscore as "no legend"."""
    return text.replace("$", r"\$").lstrip("_") or "-"


def _is_dark(color: str) -> bool:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140
