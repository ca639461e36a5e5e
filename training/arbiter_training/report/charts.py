"""Small drawings of the evidence: how weights spread, and whether propensities are what they claim to be."""

import math
from collections.abc import Sequence

from arbiter_training.evaluation.evidence import ModelEvidence
from arbiter_training.report.drawing import escape, text_element
from arbiter_training.report.wording import count, shortened, without_prefixes

WIDTH = 340
"""Pixels: the width of a phone, so that letters are read at their own size there."""

FONT = 12
PLOT = 150
ROW = 26
LETTERS = 17
LABEL_ROOM = 44


def overlap_chart(weights: Sequence[tuple[float, int]]) -> str:
    """Draw how many logged answers carry which weight.

    Parameters
    ----------
    weights : (least weight of the bin, cells in it), bins by rising powers of two, at least one.

    Returns
    -------
    svg : a histogram; an unbroken line marks weight 1, at which log and policy agree.
    """
    most = max(cells for _, cells in weights)
    left, bottom, step = 12.0, FONT * 2.0 + PLOT, (WIDTH - 20.0) / len(weights)
    every = math.ceil(len(weights) * LABEL_ROOM / WIDTH)
    out = []
    for i, (start, cells) in enumerate(weights):
        x, height = left + i * step, PLOT * cells / most
        title = f"weight {_power(start)} to {_power(2 * start)}: {count(cells)} logged answers"
        out.append(
            f'<rect class="column" x="{x + 1:.1f}" y="{bottom - height:.1f}" width="{max(step - 2, 1):.1f}" '
            f'height="{height:.1f}"><title>{title}</title></rect>'
        )
        if i % every == 0:
            out.append(text_element(x, bottom + FONT + 6, _power(start), "tick", "middle"))
    one = left + (0.0 - math.log2(weights[0][0])) * step
    if left <= one <= WIDTH - 8:
        out.append(f'<path class="truth" d="M{one:.1f} {FONT * 2 - 6}V{bottom}"/>')
    out.append(f'<path class="axis" d="M{left} {bottom}H{WIDTH - 8}"/>')
    out.append(text_element(left, FONT, f"Logged answers, at most {count(most)}", "caption", "start"))
    out.append(text_element(WIDTH - 8, bottom + 2 * FONT + 12, "Weight: policy / log", "caption", "end"))
    return _svg(bottom + 2 * FONT + 18, "How many logged answers carry which weight", out)


def calibration_chart(models: Sequence[ModelEvidence]) -> str:
    """Draw the mean weight of each model, 1 where its logged propensities are right.

    Parameters
    ----------
    models : those with a mean weight, at least one.

    Returns
    -------
    svg : a dot with its 95 % interval per model, and a line at 1.
    """
    ends = [1.0] + [end for m in models for end in (m.low, m.high) if end is not None]
    low, high = min(min(ends), 0.9), max(max(ends), 1.1)
    names = without_prefixes(m.model for m in models)
    start, end, top = 128.0, WIDTH - 10.0, FONT * 2.0

    def x(value: float) -> float:
        return start + (value - low) / (high - low) * (end - start)

    bottom = top + ROW * len(models)
    out = [f'<path class="truth" d="M{x(1.0):.1f} {top - 6}V{bottom}"/>']
    for i, each in enumerate(models):
        y = top + ROW * (i + 0.5)
        out.append(text_element(0, y + 4, shortened(names[each.model], LETTERS), "tick", "start"))
        if each.low is not None and each.high is not None and each.mean_weight is not None:
            a, b = x(each.low), x(each.high)
            out.append(f'<path class="whisker" d="M{a:.1f} {y}H{b:.1f}M{a:.1f} {y - 4}v8M{b:.1f} {y - 4}v8"/>')
            title = escape(f"{each.model}: {each.mean_weight:.3f} ({each.low:.3f} to {each.high:.3f})")
            out.append(
                f'<circle class="dot" cx="{x(each.mean_weight):.1f}" cy="{y}" r="4"><title>{title}</title></circle>'
            )
    for value, anchor in ((low, "start"), (1.0, "middle"), (high, "end")):
        out.append(text_element(x(value), bottom + FONT + 4, f"{value:.2f}", "tick", anchor))
    out.append(text_element(0, FONT, "Mean weight per model: 1 where propensities are right", "caption", "start"))
    return _svg(bottom + FONT + 10, "Mean weight per model", out)


def reliability_chart(bins: Sequence[tuple[float, float, int]]) -> str:
    """Draw estimated probabilities against the frequency of the choices.

    Parameters
    ----------
    bins : (mean estimated probability, observed frequency, pairs), at least one.

    Returns
    -------
    svg : a dot per bin, larger with more pairs, and the diagonal on which they should lie.
    """
    left, top, side = 34.0, FONT * 2.0, 220.0
    most = max(pairs for _, _, pairs in bins)

    def at(p: float, o: float) -> tuple[float, float]:
        return left + p * side, top + (1.0 - o) * side

    out = [f'<path class="axis" d="M{left} {top}V{top + side}H{left + side}"/>']
    out.append(f'<path class="truth thin" d="M{left} {top + side}L{left + side} {top}"/>')
    for share in (0.0, 0.5, 1.0):
        x, y = at(share, share)
        out.append(text_element(x, top + side + FONT + 6, f"{share:.1f}", "tick", "middle"))
        out.append(text_element(left - 6, y + 4, f"{share:.1f}", "tick", "end"))
    for predicted, observed, pairs in bins:
        x, y = at(predicted, observed)
        radius = 2.5 + 5.5 * math.sqrt(pairs / most)
        title = f"estimated {predicted:.2f}, chosen {observed:.2f} of {count(pairs)} times"
        out.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{title}</title></circle>')
    out.append(text_element(0, FONT, "How often chosen", "caption", "start"))
    out.append(text_element(left + side, top + side + 2 * FONT + 10, "Estimated propensity", "caption", "end"))
    return _svg(top + side + 2 * FONT + 16, "Estimated propensities against choices", out)


def _power(weight: float) -> str:
    return f"{weight:.0f}" if weight >= 1.0 else f"1/{1.0 / weight:.0f}"


def _svg(height: float, label: str, body: Sequence[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}" font-size="{FONT}">'
        f"{''.join(body)}</svg>"
    )
