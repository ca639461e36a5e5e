"""The evaluation report: one page, figures for MLflow and README, and lines for the terminal."""

from arbiter_training.report.figures import figure_png, frontier_figure, shares_figure
from arbiter_training.report.page import render_html, write_html
from arbiter_training.report.terminal import lines
from arbiter_training.report.verdict import Conclusion, Kind, conclude

__all__ = [
    "Conclusion",
    "Kind",
    "conclude",
    "figure_png",
    "frontier_figure",
    "lines",
    "render_html",
    "shares_figure",
    "write_html",
]
