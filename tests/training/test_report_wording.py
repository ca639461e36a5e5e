"""How numbers and names are written."""

import pytest

from arbiter_training.report.wording import dollars, percent, printable, quality, shortened, without_prefixes


@pytest.mark.parametrize(
    ("usd", "beside", "text"),
    [
        (2.86e-5, (), "$0.0286"),
        (1.52e-2, (1.49e-2, 1.55e-2), "$15.20"),
        (4.6e-4, (2.3e-4, 6.9e-4), "$0.460"),
        (2.3e-4, (1.2e-3,), "$0.23"),
        (-1.47e-2, (), "-$14.70"),
        (1.5, (), "$1,500"),
        (0.0, (), "$0.00"),
        (-1e-9, (1e-3,), "$0.00"),
    ],
)
def test_dollars_are_per_thousand_requests(usd, beside, text):
    """Dollars per request are written per 1,000, with the decimals of the largest amount they are read with."""
    assert dollars(usd, *beside) == text


@pytest.mark.parametrize(
    ("share", "beside", "text"),
    [(0.991, (), "99.1%"), (0.62, (0.58, 0.66), "62%"), (1.0, (), "100%"), (0.004, (), "0.4%"), (-0.0001, (), "0.0%"),
     (1.004, (0.994, 1.014), "100.4%"), (1 / 3, (), "33%"), (0.0, (), "0%")],
)  # fmt: skip
def test_percent_is_fine_near_its_ends(share, beside, text):
    """One decimal near 0 % and 100 %, where it matters; none between."""
    assert percent(share, *beside) == text


def test_zero_has_no_sign():
    """A difference that rounds to zero is written without a minus."""
    assert quality(-0.0001) == "0.000"


def test_shortened_keeps_both_ends_and_the_width():
    """A long name keeps its beginning and its end, in exactly the width given."""
    assert shortened("anthropic/claude-sonnet-4-20250514", 16) == "anthrop..0250514"
    assert shortened("two\nlines", 16) == "two lines"


def test_vendor_is_dropped_only_where_names_stay_apart():
    """A name loses its prefix unless another would then look like it."""
    names = ["openai/gpt-5", "azure/gpt-5", "qwen/qwen3", "models/"]
    assert without_prefixes(names) == {
        "openai/gpt-5": "openai/gpt-5", "azure/gpt-5": "azure/gpt-5", "qwen/qwen3": "qwen3", "models/": "models",
    }  # fmt: skip


def test_steering_characters_are_blanked():
    """Escape codes, direction overrides and surrogates become blanks; line ends, tabs and other scripts stay."""
    assert printable("a\x1b[31m\u202eb\ud800\nc\t日本") == "a [31m b \nc\t日本"
