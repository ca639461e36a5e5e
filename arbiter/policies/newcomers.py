"""Newcomers get a part of the traffic at most, until enough of their answers have been judged."""

import numpy as np

from arbiter.policies.protocol import BoolArray, FloatArray


def capped(probabilities: FloatArray, caps: FloatArray, new: BoolArray) -> FloatArray:
    """Hold newcomers below their cap together; what they lose goes to the others in proportion.

    Parameters
    ----------
    probabilities : (..., K), of sum 1.
    caps : (K,) part of the traffic that each gets at most; together they get the mean of theirs at most, weighted by
        what they would have.
    new : (K,) who is one.

    Returns
    -------
    probabilities : of sum 1; unchanged where nobody else has any, as where only newcomers are eligible, or one is
        the choice of a policy that explores nothing.
    """
    if not new.any():
        return probabilities
    wanted, old = np.where(new, probabilities, 0.0), np.where(new, 0.0, probabilities)
    theirs, others = wanted.sum(axis=-1, keepdims=True), old.sum(axis=-1, keepdims=True)
    divisor = np.where(theirs > 0.0, theirs, 1.0)
    most = np.minimum(theirs, (wanted * caps).sum(axis=-1, keepdims=True) / divisor)
    held = np.minimum(wanted * (most / divisor), caps * new)
    left = held.sum(axis=-1, keepdims=True)
    bound = (theirs > left) & (others > 0.0)
    factor_old = np.where(bound, (1.0 - left) / np.where(others > 0.0, others, 1.0), 1.0)
    return np.asarray(np.where(bound, held, wanted) + old * factor_old)
