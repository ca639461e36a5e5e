"""Quantiles and tails against printed tables and closed forms."""

import math

import pytest

from arbiter.ope import chi_square_tail, student_t_quantile


@pytest.mark.parametrize(
    ("probability", "df", "expected"),
    [
        # Closed forms: df 1 is tan(pi (p - 1/2)), df 2 is (2p - 1) / sqrt(2 p (1 - p)).
        (0.975, 1.0, math.tan(math.pi * 0.475)),
        (0.999, 1.0, math.tan(math.pi * 0.499)),
        (0.6, 1.0, math.tan(math.pi * 0.1)),
        (0.975, 2.0, 0.95 / math.sqrt(2 * 0.975 * 0.025)),
        (0.55, 2.0, 0.1 / math.sqrt(2 * 0.55 * 0.45)),
        # df 4: 2 sqrt(cos(acos(s) / 3) / s - 1) with s = sqrt(4 p (1 - p)) (Shaw 2006).
        (0.975, 4.0, 2 * math.sqrt(math.cos(math.acos(math.sqrt(0.0975)) / 3) / math.sqrt(0.0975) - 1)),
    ],
)
def test_t_quantile_equals_closed_forms(probability, df, expected):
    """Equal to 1e-9 relative where the quantile is elementary."""
    assert student_t_quantile(probability, df) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("df", "expected"),
    [(3, 3.182446305), (5, 2.570581836), (10, 2.228138852), (30, 2.042272456), (100, 1.983971519), (1e12, 1.959963985)],
)
def test_t_quantile_equals_tables(df, expected):
    """The 97.5 % column of the usual table."""
    assert student_t_quantile(0.975, df) == pytest.approx(expected, abs=6e-10)


@pytest.mark.parametrize("probability", [0.6, 0.9, 0.975, 0.999])
def test_t_quantile_is_smooth_where_the_method_changes(probability):
    """The expansion above 1,000 degrees of freedom continues the solver below to 1e-9."""
    below, above = student_t_quantile(probability, 999.999999), student_t_quantile(probability, 1000.0)
    assert below == pytest.approx(above, rel=1e-9)


def test_t_quantile_is_odd_and_falls_with_df():
    """Symmetric about one half; heavier tails for fewer, also fractional, degrees of freedom."""
    assert student_t_quantile(0.025, 7.3) == -student_t_quantile(0.975, 7.3)
    assert student_t_quantile(0.5, 3.0) == 0.0
    quantiles = [student_t_quantile(0.975, df) for df in (0.7, 1.0, 1.5, 2.0, 4.5, 30.0, 2000.0)]
    assert quantiles == sorted(quantiles, reverse=True)


@pytest.mark.parametrize(("probability", "df"), [(0.0, 3.0), (1.0, 3.0), (math.nan, 3.0), (0.9, 0.0), (0.9, math.nan)])
def test_t_quantile_refuses_what_has_none(probability, df):
    """Probabilities of 0 and 1 and degrees of freedom of 0 are refused."""
    with pytest.raises(ValueError, match="expected"):
        student_t_quantile(probability, df)


@pytest.mark.parametrize(
    ("statistic", "df", "expected"),
    [
        (0.0, 3, 1.0),
        (5.0, 2, math.exp(-2.5)),
        (60.0, 2, math.exp(-30.0)),
        (3.0, 1, math.erfc(math.sqrt(1.5))),
        (7.0, 4, math.exp(-3.5) * 4.5),
        (0.2, 4, math.exp(-0.1) * 1.1),
    ],
)
def test_chi_square_tail_equals_closed_forms(statistic, df, expected):
    """Elementary for df 1, 2 and 4."""
    assert chi_square_tail(statistic, df) == pytest.approx(expected, rel=1e-12)
