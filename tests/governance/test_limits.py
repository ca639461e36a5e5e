"""Limits from a file, and what is wrong with one."""

from pathlib import Path

import pytest

from arbiter.errors import InvalidInputError
from arbiter.governance import Allowance, BudgetLimits, Owner, Period, read_limits

GOOD = """
[everyone]
month_usd = 500

[each_user]
day_usd = 1.5

[users.ada]
day_usd = 20

[teams.research]
month_usd = 200
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    """Named users and teams have their own allowance, others the common one."""
    path = tmp_path / "limits.toml"
    path.write_text(GOOD, encoding="utf-8")
    limits = read_limits(path)
    assert limits == BudgetLimits(
        everyone=Allowance(month_usd=500),
        each_user=Allowance(day_usd=1.5),
        users={"ada": Allowance(day_usd=20)},
        teams={"research": Allowance(month_usd=200)},
    )
    assert dict(limits.accounts(Owner(user="bob", team="research"))) == {
        "user bob": Allowance(day_usd=1.5),
        "team research": Allowance(month_usd=200),
        "everyone": Allowance(month_usd=500),
    }
    assert list(limits.users["ada"].limits()) == [(Period.DAY, 20)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[user.ada]\nday_usd = 1", "unknown table user; there are everyone, each_user"),
        ("[each_user]\ndaily = 1", r"\[each_user\] takes day_usd and month_usd"),
        ("[each_user]\nday_usd = -1", r"\[each_user\]: day_usd must be a number of dollars"),
        ("[each_user]\nday_usd = 'much'", "must be a number of dollars"),
        ("[each_user]\nday_usd = true", "must be a number of dollars"),
        ("users = 3", "one table per name"),
        ("[users]\nada = 3", r"\[users.ada\] takes day_usd"),
        ("[each_user", "not a TOML file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    """File, table, value and remedy."""
    path = tmp_path / "limits.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=said) as raised:
        read_limits(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(InvalidInputError, match="cannot read the limits"):
        read_limits(tmp_path / "none.toml")
