"""How amounts are written."""

import pytest

from arbiter.planning.money import Money
from arbiter.planning.wording import availability, band, change, paid_back, usd


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (12345.6, "$12,346"),
        (999.6, "$1,000"),
        (12.345, "$12.35"),
        (0.6, "$0.60"),
        (-0.6, "-$0.60"),
        (0.0999, "$0.10"),
        (0.05, "$0.05"),
        (0.00487, "$0.00487"),
        (0.000036, "$0.000036"),
        (-0.00000298, "-$0.00000298"),
        (1e-9, "$0.00"),
        (0.0, "$0.00"),
    ],
)
def test_dollars(amount: float, written: str) -> None:
    """Never a power of ten, never a lone digit behind the point."""
    assert usd(amount) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0.999999975, "99.9999975%"),
        (0.99995, "99.9950%"),
        (0.9999, "99.990%"),
        (0.999, "99.90%"),
        (0.99, "99.00%"),
        (0.5, "50.00%"),
        (0.0, "0.00%"),
        (1.0, "100%"),
    ],
)
def test_availability_is_never_rounded_up_to_always(share: float, written: str) -> None:
    """As many nines as there are."""
    assert availability(share) == written


def test_bands_changes_and_paybacks() -> None:
    """By month where there are several."""
    assert band(Money(mean=1200.0), 12) == "$100.00 [$100.00, $100.00]"
    assert (change(-3.0), change(3.0)) == ("$3.00 less", "$3.00 more")
    assert (paid_back(None), paid_back(2.5), paid_back(600.0)) == ("", "2.5 months", "never")
