"""Sums that add: one pass over a log, or many passes over its parts, give the same estimates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray, as_table
from arbiter.ope.channels import Channels
from arbiter.ope.logged import LoggedFeedback
from arbiter.ope.moments import ClusterSums, Moments
from arbiter.ope.overlap import OverlapSums
from arbiter.ope.row_batch import RowBatch

# Numbers held at once per batch of rows: 4 MB stays in the second-level cache, which halves the time.
_BATCH_NUMBERS = 1 << 19

Rates = Mapping[str, FloatArray]
Tables = Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeSums:
    """Sums of one outcome for all policies of a pass.

    Parameters
    ----------
    moments : Moments
        Of the stacked channels of all policies, per request.
    clusters : ClusterSums or None
        The same channels per session, where the log has sessions.
    overlap : tuple of OverlapSums
        One per policy.
    fit : Moments or None
        Of (outcome, outcome - prediction) over answered cells; None without a model.
    """

    moments: Moments
    clusters: ClusterSums | None
    overlap: tuple[OverlapSums, ...]
    fit: Moments | None = None

    def __add__(self, other: "OutcomeSums") -> "OutcomeSums":
        """Return the sums of both parts together."""
        if (self.clusters is None) != (other.clusters is None):
            raise InvalidInputError("one part of the log has sessions and the other has none: give both or neither")
        joined = None
        if self.clusters is not None and other.clusters is not None:
            joined = self.clusters + other.clusters
        return OutcomeSums(
            moments=self.moments + other.moments,
            clusters=joined,
            overlap=tuple(a + b for a, b in zip(self.overlap, other.overlap, strict=True)),
            fit=self.fit + other.fit if self.fit and other.fit else self.fit or other.fit,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySums:
    """Everything that estimates, intervals and diagnostics need, in a size that does not grow.

    Made by `accumulate` from a part of the log; parts are added with `+` in any order.

    Parameters
    ----------
    channels : Channels
        What was summed per request.
    has_model : bool
        Whether predicted rewards were given; without them only the weighting estimators exist.
    policies : int
        Number of policies, in the order given to `accumulate`.
    outcomes : mapping of str to OutcomeSums
        Sums per outcome.
    """

    channels: Channels
    has_model: bool
    policies: int
    outcomes: Mapping[str, OutcomeSums]

    def __add__(self, other: "PolicySums") -> "PolicySums":
        """Return the sums of both parts of a log.

        Raises
        ------
        InvalidInputError
            If the parts were summed with different policies, models, thresholds or outcomes.
        """
        mine = (self.channels, self.has_model, self.policies, set(self.outcomes))
        if mine != (other.channels, other.has_model, other.policies, set(other.outcomes)):
            raise InvalidInputError("the parts differ in policies, model, thresholds or outcomes: sum them alike")
        return PolicySums(
            channels=self.channels,
            has_model=self.has_model,
            policies=self.policies,
            outcomes=MappingProxyType({k: v + other.outcomes[k] for k, v in self.outcomes.items()}),
        )


def feedback_counts(log: LoggedFeedback, outcome: str) -> tuple[FloatArray, FloatArray]:
    """Count, per action, the logged cells and those with a known outcome.

    Parameters
    ----------
    log : LoggedFeedback
        The log or a part of it; counts of parts add.
    outcome : str
        Name of the outcome column.

    Returns
    -------
    logged, answered : ndarray, shape (K,)
        Their ratio is the feedback rate that `accumulate` divides by.
    """
    logged = np.bincount(log.action, minlength=log.n_actions).astype(np.float64)
    known = ~np.isnan(log.outcomes[outcome])
    return logged, np.bincount(log.action, weights=known, minlength=log.n_actions).astype(np.float64)


def feedback_rates(log: LoggedFeedback) -> Rates:
    """Return the feedback rate per action of every outcome that has gaps.

    Parameters
    ----------
    log : LoggedFeedback
        The whole log.

    Returns
    -------
    mapping of str to ndarray, shape (K,)
        Empty where every outcome is complete. An action that was never answered has rate 0.

    Notes
    -----
    Missing feedback is taken as missing at random given the action: the weight of an answered
    cell is divided by the rate of its action. Feedback that depends on the outcome itself (angry
    users answer) is not repaired by this, which is why the verdict reports the share.
    """
    rates = {}
    for name, values in log.outcomes.items():
        if np.isnan(values).any():
            logged, answered = feedback_counts(log, name)
            rates[name] = answered / np.maximum(logged, 1.0)
    return MappingProxyType(rates)


def accumulate(
    log: LoggedFeedback,
    policies: Sequence[FloatArray | None],
    q_hat: Tables,
    channels: Channels,
    rates: Rates | None = None,
) -> PolicySums:
    """Sum one part of a log for some policies.

    Parameters
    ----------
    log : LoggedFeedback
        The part.
    policies : sequence of ndarray, shape (n, K), or None
        Action probabilities of each policy on these rows. None is the logging policy itself, as
        it ran, which needs a log with one action per request.
    q_hat : mapping of str to ndarray, shape (n, K)
        Cross-fitted predicted reward per outcome; empty where there is no model.
    channels : Channels
        What to sum; the same for all parts.
    rates : mapping of str to ndarray, shape (K,), optional
        Feedback rates of the WHOLE log, needed for outcomes with unknown values.

    Returns
    -------
    PolicySums
        To be added to those of the other parts.

    Raises
    ------
    InvalidInputError
        If shapes differ, a policy row is not a distribution (the row is named), predictions are
        not finite, or an outcome has gaps and no rates.
    """
    _check(log, policies, q_hat, rates or {})
    tables = [None if p is None else as_table(p, log.n, log.n_actions, "action_probs") for p in policies]
    models = {k: as_table(q, log.n, log.n_actions, f"q_hat of {k}") for k, q in q_hat.items()}
    totals: dict[str, OutcomeSums] = {}
    sessions: dict[str, ClusterSums] = {}
    for batch in _batches(log, tables, models, channels):
        for name in log.outcomes:
            stacked, overlap = batch.outcome(name, channels, rates or {})
            if log.cluster_index is not None and log.cluster_labels is not None:
                held = sessions.setdefault(name, ClusterSums.empty(log.cluster_labels, stacked.shape[0]))
                held.absorb(stacked, log.cluster_index[batch.rows])
            part = OutcomeSums(moments=Moments.of(stacked), clusters=None, overlap=overlap, fit=batch.fit(name))
            totals[name] = totals[name] + part if name in totals else part
    return PolicySums(
        channels=channels,
        has_model=bool(q_hat),
        policies=len(policies),
        outcomes=MappingProxyType({k: replace(v, clusters=sessions.get(k)) for k, v in totals.items()}),
    )


def _check(log: LoggedFeedback, policies: Sequence[FloatArray | None], q_hat: Tables, rates: Rates) -> None:
    if not policies:
        raise InvalidInputError("no policy was given: pass at least one table of action probabilities")
    if None in [p if p is None else 0 for p in policies] and log.cells_per_row != 1:
        raise InvalidInputError(
            "the logging policy as baseline needs one logged action per request: pass its action_probs"
        )
    if q_hat and set(q_hat) != set(log.outcomes):
        raise InvalidInputError(
            f"q_hat has {sorted(q_hat)}, but the log has {sorted(log.outcomes)}: give one per outcome"
        )
    for name, values in log.outcomes.items():
        if name not in rates and np.isnan(values).any():
            raise InvalidInputError(
                f"{name} is unknown for some logged actions: pass rates=feedback_rates(whole log), "
                f"because the rates of a part would not add"
            )


def _batches(
    log: LoggedFeedback, tables: list[FloatArray | None], models: Tables, channels: Channels
) -> Iterator[RowBatch]:
    per_row = max(1, -(-log.action.size // log.n))
    rows = max(64, _BATCH_NUMBERS // (channels.size * per_row * len(tables)))
    uniform = log.cells_per_row
    for start in range(0, log.n, rows):
        yield RowBatch.cut(log, slice(start, min(start + rows, log.n)), tables, models, uniform)
