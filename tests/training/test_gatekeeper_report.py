"""The page, figures and lines of a gatekeeper's evaluation."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import gatekeeper_samples as samples
import numpy as np
import pytest

from arbiter.gatekeeper.heads import HEADS
from arbiter_training.gatekeeper.evaluation import evaluate_head
from arbiter_training.gatekeeper.risk_evaluation import evaluate_risk
from arbiter_training.report.figures import figure_png
from arbiter_training.report.gatekeeper_figures import confusion_figure, reliability_figure
from arbiter_training.report.gatekeeper_page import render_gatekeeper
from arbiter_training.report.gatekeeper_terminal import gatekeeper_lines


class Balanced(HTMLParser):
    """Checks that tags close in the order in which they open."""

    VOID = ("meta", "link", "path", "circle", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Open."""
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_shows_every_head_and_number() -> None:
    """Calibration, coverage, labels, confusion, and risk by source; the tags are balanced."""
    found = samples.evaluation()
    page = render_gatekeeper(found, samples.about())
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    assert page.count('class="square"') == 2 * len(HEADS)
    for label in HEADS["domain"]:
        assert f'<th scope="row">{label}</th>' in page
    for text in ("Recall at 5%", "Harm by source", "tickets", "Confusion matrix", "95% interval"):
        assert text in page
    assert sum(found.heads["domain"].confusion.ravel()) == 600


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    """Names from outside are text, wherever they stand."""
    page = render_gatekeeper(samples.evaluation(source=samples.HOSTILE), samples.about(samples.HOSTILE))
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)


def test_one_request_can_be_drawn() -> None:
    """A single labelled request, of one head, without anything harmless."""
    heads = {"harm": evaluate_head("harm", np.array([[0.1, 0.1, 0.1, 0.1, 0.6]]), np.array([4]))}
    risk = evaluate_risk(np.array([True]), np.array([0.7]), np.array([4]), ["x"])
    found = replace(samples.evaluation(), heads=heads, risks={"harm": risk}, judges={"learned": 1})
    page = render_gatekeeper(found, samples.about())
    assert "nan" not in page.lower().replace("finance", "")
    assert "not known" in page
    assert gatekeeper_lines(found, samples.about())
    assert figure_png(reliability_figure("harm", heads["harm"]))


def test_lines_fit_the_terminal() -> None:
    """At most 100 columns, in ASCII; the sentence comes first; of many sources the worst ten are told."""
    found = samples.evaluation()
    lines = gatekeeper_lines(found, samples.about())
    assert max(map(len, lines)) <= 100
    assert "\n".join(lines).isascii()
    assert lines[0].startswith("Right: domain on ")
    labels = np.tile([0, 4], 300)
    many = evaluate_risk(labels > 3, labels / 4, labels, [f"source {i % 25}" for i in range(600)])
    whole = gatekeeper_lines(
        replace(samples.evaluation(), heads={}, risks={"stake": many}, judges={"learned": 600}), samples.about()
    )
    assert whole[-1] == "15 more sources of a higher recall"


@pytest.mark.parametrize("head", ["domain", "harm"])
def test_figures_are_drawn(head: str) -> None:
    """As PNG files of their own canvas, for heads of 13 and of 5 labels."""
    found = samples.evaluation(heads=(head,)).heads[head]
    for figure in (reliability_figure(head, found), confusion_figure(head, found)):
        assert figure_png(figure).startswith(b"\x89PNG")
