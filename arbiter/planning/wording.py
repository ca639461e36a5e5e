"""How a plan writes amounts and bands, the same in the terminal and on the page."""

import math

from arbiter.planning.money import Money

LONGEST_PAYBACK = 60.0
"""Months from which on a technique is not worth its work."""

LEAST_USD = 1e-7
"""Below, an amount is written as nothing."""


def usd(amount: float) -> str:
    """Write dollars: whole from $1,000 on, cents from 10 cents on, three digits below."""
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= 999.5:
        return f"{sign}${size:,.0f}"
    if size >= 0.0995:
        return f"{sign}${size:.2f}"
    if size < LEAST_USD:
        return "$0.00"
    whole, digits = f"{size:.{2 - math.floor(math.log10(size))}f}".split(".")
    return f"{sign}${whole}.{digits.rstrip('0').ljust(2, '0')}"


def availability(share: float) -> str:
    """Write an availability with as many nines as it has and two digits of what is missing; never a false 100 %."""
    missing = 100.0 * (1.0 - share)
    if missing <= 0.0:
        return "100%"
    return f"{100.0 - missing:.{max(2, 1 - math.floor(math.log10(missing) + 1e-9))}f}%"


def change(amount: float) -> str:
    """Write a difference in dollars, as more or less."""
    return f"{usd(abs(amount))} {'more' if amount >= 0 else 'less'}"


def paid_back(months: float | None) -> str:
    """Write when work has paid for itself; nothing where it saves nothing."""
    if months is None:
        return ""
    return f"{months:.1f} months" if months <= LONGEST_PAYBACK else "never"


def band(money: Money, months: int = 1) -> str:
    """Write an amount with its band, such as ``$800.00 [$600.00, $1,000]``, divided by a number of months."""
    part = money.mean / months, money.low / months, money.high / months
    return f"{usd(part[0])} [{usd(part[1])}, {usd(part[2])}]"


def between(money: Money, months: int = 1) -> str:
    """Write the same for those who do not read brackets, such as ``$800.00 ($600.00 to $1,000)``."""
    part = money.mean / months, money.low / months, money.high / months
    return f"{usd(part[0])} ({usd(part[1])} to {usd(part[2])})"
