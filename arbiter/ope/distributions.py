"""Quantiles and tail areas that the intervals need, from the standard library alone."""

import math
from statistics import NormalDist

from arbiter.errors import InvalidInputError

# Above this many degrees of freedom the four-term expansion is exact to 1e-13 for the levels in use.
_EXPANSION_DF = 1000.0
_TINY = 1e-300
_EPS = 1e-16
_MAX_ITERATIONS = 10_000


def normal_quantile(probability: float) -> float:
    """Return the standard normal quantile.

    Parameters
    ----------
    probability : float
        In (0, 1).

    Returns
    -------
    float
        z with P(Z <= z) = `probability`.
    """
    return NormalDist().inv_cdf(probability)


def student_t_quantile(probability: float, df: float) -> float:
    """Return the quantile of Student's t distribution.

    Parameters
    ----------
    probability : float
        In (0, 1).
    df : float
        Degrees of freedom, above 0, fractions allowed.

    Returns
    -------
    float
        t with P(T <= t) = `probability`, accurate to 1e-9 relative for `df` of 0.5 and above.

    Raises
    ------
    InvalidInputError
        If `probability` or `df` is out of range.

    Notes
    -----
    Large `df`: Abramowitz and Stegun (1964), equation 26.7.5. Otherwise safeguarded Newton steps
    on log t for the tail area I_{df/(df+t^2)}(df/2, 1/2)/2 (ibid., 26.7.1).
    """
    if not 0.0 < probability < 1.0:
        raise InvalidInputError(f"probability is {probability}, expected a number between 0 and 1")
    if not df > 0.0:
        raise InvalidInputError(f"degrees of freedom are {df}, expected a number above 0")
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -student_t_quantile(1.0 - probability, df)
    if df >= _EXPANSION_DF:
        return _expanded_t_quantile(normal_quantile(probability), df)
    return _solve_t(1.0 - probability, df)


def _expanded_t_quantile(z: float, df: float) -> float:
    z2 = z * z
    g1 = z * (z2 + 1.0) / 4.0
    g2 = z * (5.0 * z2**2 + 16.0 * z2 + 3.0) / 96.0
    g3 = z * (3.0 * z2**3 + 19.0 * z2**2 + 17.0 * z2 - 15.0) / 384.0
    g4 = z * (79.0 * z2**4 + 776.0 * z2**3 + 1482.0 * z2**2 - 1920.0 * z2 - 945.0) / 92160.0
    return z + (g1 + (g2 + (g3 + g4 / df) / df) / df) / df


def _solve_t(tail: float, df: float) -> float:
    """Find t > 0 whose upper tail area is `tail`, by Newton on log t inside a bracket."""
    log_scale = -_log_beta(df / 2.0, 0.5) - 0.5 * math.log(df)
    low, high = -60.0, 500.0
    u = math.log(normal_quantile(1.0 - tail))
    for _ in range(_MAX_ITERATIONS):
        t = math.exp(u)
        gap = math.log(max(student_t_tail(t, df), _TINY)) - math.log(tail)
        low, high = (u, high) if gap > 0.0 else (low, u)
        density = math.exp(log_scale - 0.5 * (df + 1.0) * math.log1p(t * t / df))
        slope = -density * t / max(student_t_tail(t, df), _TINY)
        step = u - gap / slope if slope != 0.0 else math.inf
        following = step if low < step < high else 0.5 * (low + high)
        if abs(following - u) < 1e-14 * max(1.0, abs(u)):
            return math.exp(following)
        u = following
    return math.exp(u)


def student_t_tail(t: float, df: float) -> float:
    """Return the upper tail area of Student's t distribution.

    Parameters
    ----------
    t : float
        At least 0.
    df : float
        Degrees of freedom, above 0.

    Returns
    -------
    float
        P(T > t) = I_{df/(df+t^2)}(df/2, 1/2)/2 (Abramowitz and Stegun 1964, 26.7.1).
    """
    return 0.5 * _regularized_beta(df / (df + t * t), df / 2.0, 0.5)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _regularized_beta(x: float, a: float, b: float) -> float:
    """I_x(a, b) by the continued fraction of Abramowitz and Stegun (1964), 26.5.8."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1.0 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction of I_x(a, b) by the modified Lentz method."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _MAX_ITERATIONS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1.0) < _EPS * 10:
            break
    return value


def chi_square_tail(statistic: float, df: float) -> float:
    """Return the probability that a chi-square variable exceeds a value.

    Parameters
    ----------
    statistic : float
        Non-negative.
    df : float
        Degrees of freedom, above 0.

    Returns
    -------
    float
        P(X >= `statistic`), the regularised upper incomplete gamma Q(df/2, statistic/2)
        (Abramowitz and Stegun 1964, 26.4.19; series 6.5.29 and continued fraction 6.5.31).
    """
    a, x = df / 2.0, statistic / 2.0
    if x <= 0.0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        return 1.0 - front * _gamma_series(a, x)
    return front * _gamma_fraction(a, x)


def _gamma_series(a: float, x: float) -> float:
    term = total = 1.0 / a
    for k in range(1, _MAX_ITERATIONS):
        term *= x / (a + k)
        total += term
        if term < total * _EPS:
            break
    return total


def _gamma_fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    value = d
    for i in range(1, _MAX_ITERATIONS):
        term = -i * (i - a)
        b += 2.0
        d = term * d + b
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = b + term / c
        c = c if abs(c) > _TINY else _TINY
        value *= c * d
        if abs(c * d - 1.0) < _EPS * 10:
            break
    return value
