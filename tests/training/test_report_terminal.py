"""The report as lines of text."""

import pytest
import report_samples as samples

from arbiter_training.report.terminal import WIDTH, lines
from arbiter_training.report.verdict import conclude

ALL = pytest.mark.parametrize("sample", samples.SAMPLES.values(), ids=samples.SAMPLES)


@ALL
def test_lines_fit_and_cannot_steer_the_terminal(sample):
    """No line is wider than 100 columns, and none holds a control character or ends in blanks."""
    for line in lines(sample()):
        assert len(line) <= WIDTH
        assert line.isprintable() and line == line.rstrip()


@ALL
def test_first_paragraph_is_the_verdict(sample):
    """The terminal says the verdict in the words of the page."""
    report = sample()
    said = " ".join(" ".join(lines(report)).split())
    assert said.startswith(" ".join(conclude(report).sentence.replace("\x1b", " ").split()))


def test_ascii_where_names_are():
    """A report with plain names prints on any terminal encoding."""
    assert all(line.isascii() for line in lines(samples.three_models()))


def test_intervals_stand_under_their_numbers():
    """The interval of each outcome starts in the column of its estimate."""
    text = lines(samples.three_models())
    at = next(i for i, line in enumerate(text) if line.startswith("models/mine  "))
    assert text[at].index("$5.78") == text[at + 1].index("$5.32 .. $6.24")
    assert text[at].index("0.934") == text[at + 1].index("0.926 .. 0.942")
    assert text[at + 1].startswith("  sound")


def test_refused_rows_show_no_number():
    """A policy that the log cannot judge has no estimate in its row, but its reasons below."""
    text = lines(samples.sixteen_models())
    at = next(i for i, line in enumerate(text) if line.startswith("always-the-new-one"))
    assert not any(character.isdigit() for character in text[at])
    assert text[at + 1].strip() == "cannot be known"
    assert any("always-the-new-one, cannot be known: 38.2%" in line for line in text)


def test_missed_truth_stands_out():
    """An interval that misses the truth reads NO."""
    assert sum(line.endswith("  NO") for line in lines(samples.three_models())) == 1
