"""How a plan writes amounts and bands, the same in the terminal and on the page."""

from arbiter.planning.money import Money


def usd(amount: float) -> str:
    """Write dollars: whole from $1,000 on, cents from $1 on, three digits below."""
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= 999.5:
        return f"{sign}${size:,.0f}"
    return f"{sign}${size:.2f}" if size >= 1.0 or size == 0.0 else f"{sign}${size:.3g}"


def change(amount: float) -> str:
    """Write a difference in dollars, as more or less."""
    return f"{usd(abs(amount))} {'more' if amount >= 0 else 'less'}"


def band(money: Money, months: int = 1) -> str:
    """Write an amount with its band, such as ``$800.00 [$600.00, $1,000]``, divided by a number of months."""
    part = money.mean / months, money.low / months, money.high / months
    return f"{usd(part[0])} [{usd(part[1])}, {usd(part[2])}]"
