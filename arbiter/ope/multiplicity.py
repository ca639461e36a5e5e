"""Many questions to one log: p-values and levels that allow for how many were asked."""

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray

RULES = ("holm", "benjamini_hochberg")


def adjusted_p_values(p_values: ArrayLike, rule: str = "holm") -> FloatArray:
    """Adjust p-values for the number of questions.

    Parameters
    ----------
    p_values : array-like, shape (m,)
        Of each question alone.
    rule : str
        "holm": the chance of ANY false finding stays below the level, however the questions depend
        on one another. "benjamini_hochberg": the expected SHARE of false findings among the
        findings does, for questions that are independent or depend positively.

    Returns
    -------
    ndarray, shape (m,)
        A question whose adjusted p-value is at most alpha is a finding at level alpha.

    Raises
    ------
    InvalidInputError
        If a p-value is not in [0, 1] or the rule is unknown.

    Notes
    -----
    Holm (1979): max_{j <= i} min((m - j + 1) p_(j), 1) in rising order. Benjamini and Hochberg
    (1995): min_{j >= i} min(m p_(j) / j, 1).
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0.0) & (p <= 1.0)).all():
        raise InvalidInputError(f"p-values of shape {p.shape}: expected (m,) numbers from 0 to 1")
    if rule not in RULES:
        raise InvalidInputError(f"rule is {rule!r}: choose from {list(RULES)}")
    order = np.argsort(p, kind="stable")
    rank = np.arange(1, p.size + 1)
    if rule == "holm":
        stepped = np.maximum.accumulate((p.size - rank + 1) * p[order])
    else:
        stepped = np.minimum.accumulate((p.size / rank * p[order])[::-1])[::-1]
    out = np.empty_like(p)
    out[order] = np.minimum(stepped, 1.0)
    return out


def interval_level(confidence: float, asked: int, found: int, rule: str = "holm") -> float:
    """Return the level at which to compute the intervals that are shown.

    Parameters
    ----------
    confidence : float
        Wanted for all of them together, in (0, 1).
    asked, found : int
        Number of questions, and of findings.
    rule : str
        As for `adjusted_p_values`.

    Returns
    -------
    float
        "holm": 1 - alpha / m (Bonferroni), at which all intervals hold at once; Holm's own steps
        give no two-sided intervals. "benjamini_hochberg": 1 - alpha max(R, 1) / m, at which the
        expected share of misses among the intervals of the R findings is at most alpha (Benjamini
        and Yekutieli 2005, false coverage rate).

    Raises
    ------
    InvalidInputError
        If the level, counts or rule make no sense.
    """
    if not 0.0 < confidence < 1.0 or not 0 <= found <= asked or rule not in RULES:
        raise InvalidInputError(f"confidence {confidence}, {found} findings of {asked}, rule {rule!r}: check these")
    part = max(found, 1) / asked if rule == "benjamini_hochberg" and asked else 1.0 / max(asked, 1)
    return 1.0 - (1.0 - confidence) * part
