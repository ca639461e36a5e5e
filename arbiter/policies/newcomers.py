"""Newcomers get a part of the traffic at most, until enough of their answers have been judged."""

import numpy as np

from arbiter.policies.protocol import BoolArray, FloatArray


def capped(probabilities: FloatArray, caps: FloatArray, new: BoolArray) -> FloatArray:
    """Hold newcomers below their cap together; what they lose goes to the others in proportion.

    Parameters
    ----------
    probabilities : (..., K), of sum 1.
    caps : (K,) part of the traffic that each gets at most; together they get the mean of theirs, weighted by what they
        would have.
    new : (K,) who is one.

    Returns
    -------
    probabilities : of sum 1; unchanged where only newcomers are eligible, since there is nobody else.
    """
    if not new.any():
        return probabilities
    wanted = np.where(new, probabilities, 0.0)
    theirs = wanted.sum(axis=-1, keepdims=True)
    others, divisor = 1.0 - theirs, np.where(theirs > 0.0, theirs, 1.0)
    most = np.minimum(theirs, (wanted * caps).sum(axis=-1, keepdims=True) / divisor)
    bound = (theirs > most) & (others > 0.0)
    factor_new = np.where(bound, most / divisor, 1.0)
    factor_old = np.where(bound, (1.0 - most) / np.where(others > 0.0, others, 1.0), 1.0)
    return np.asarray(probabilities * np.where(new, factor_new, factor_old))
