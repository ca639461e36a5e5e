"""The figures of a gatekeeper's evaluation by matplotlib, for MLflow."""

from typing import TYPE_CHECKING

import numpy as np

from arbiter.gatekeeper.heads import HEADS
from arbiter_training.gatekeeper.evaluation import HeadEvaluation
from arbiter_training.gatekeeper.risk_evaluation import wilson
from arbiter_training.report.figures import ACCENT, FONT, INK, LINE, QUIET, blank_sheet
from arbiter_training.report.wording import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, RIGHT = (0.065, 0.115, 0.4, 0.77), (0.565, 0.115, 0.4, 0.77)
WHOLE = (0.16, 0.2, 0.8, 0.72)


def reliability_figure(head: str, found: HeadEvaluation) -> "Figure":
    """Draw calibration, with 95 % intervals, and accuracy over coverage, side by side.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    figure, (calibration, coverage) = blank_sheet(LEFT, RIGHT)
    x = np.array([one.confidence for one in found.bins])
    y = np.array([one.accuracy for one in found.bins])
    ends = np.array([wilson(one.accuracy, one.n) for one in found.bins]).T
    most = max(one.n for one in found.bins)
    calibration.plot([0, 1], [0, 1], color=QUIET, linestyle=(0, (4, 4)), linewidth=1.4)
    calibration.vlines(x, ends[0], ends[1], color=ACCENT, linewidth=1.6)
    calibration.scatter(x, y, s=[30 + 220 * one.n / most for one in found.bins], color=ACCENT, zorder=3)
    _name(calibration, f"{head}: probability of the label called", "Share that is right", found.ece)
    coverage.plot(found.coverage, found.accuracy_at, color=ACCENT, marker="o", markersize=6, linewidth=2.4)
    _name(coverage, f"{head}: share of requests judged, the surest first", "Accuracy on them", None)
    return figure


def _name(axes: "Axes", across: str, up: str, ece: float | None) -> None:
    axes.set_xlim(0.0, 1.02)
    axes.set_ylim(0.0, 1.02)
    ticks = [i / 4 for i in range(5)]
    axes.set_xticks(ticks, [percent(t) for t in ticks])
    axes.set_yticks(ticks, [percent(t) for t in ticks])
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(across, color=QUIET, fontsize=FONT, loc="right", labelpad=8)
    axes.set_title(up, color=QUIET, fontsize=FONT, loc="left", pad=12)
    if ece is not None:
        axes.text(0.04, 0.95, f"calibration error {ece:.3f}", fontsize=FONT, color=INK)


def confusion_figure(head: str, found: HeadEvaluation) -> "Figure":
    """Draw the confusion matrix; a row's shades are its shares.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    figure, (axes,) = blank_sheet(WHOLE)
    shown = [i for i, label in enumerate(HEADS[head]) if label in found.classes]
    counts = found.confusion[np.ix_(shown, shown)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Greens", vmin=0.0, vmax=1.0, aspect="auto")
    names = [str(HEADS[head][i]) for i in shown]
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set_yticks(range(len(names)), names)
    for (i, j), n in np.ndenumerate(counts):
        if n:
            axes.text(
                j, i, f"{n}", ha="center", va="center", fontsize=FONT - 3, color="white" if shares[i, j] > 0.55 else INK
            )
    axes.set_title(f"{head}: labels by what they were called", color=QUIET, fontsize=FONT, loc="left", pad=12)
    return figure
