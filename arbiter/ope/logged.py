"""One record for every kind of log: bandit feedback, full information, and what lies between."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from arbiter.errors import InvalidInputError, PropensityError
from arbiter.ope.arrays import BoolArray, FloatArray, IntArray, LabelArray, require_length

DEFAULT_OUTCOME = "reward"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedFeedback:
    """The scored cells of a (request, action) table, with the chance that each was scored.

    The table of section "rewards (n, K), NaN where unobserved, inclusion (n, K)" is kept by its
    observed cells, row after row: a log with one model per request then costs n cells and not
    n x K. Build it with `from_bandit` or `from_matrix`; `matrix` gives the table back.

    Parameters
    ----------
    n_actions : int
        K, the number of candidates.
    row_start : ndarray of int, shape (n + 1,)
        Cells `row_start[i]` to `row_start[i + 1]` belong to request i.
    action : ndarray of int, shape (m,)
        Column of each cell, in [0, K).
    inclusion : ndarray, shape (m,)
        Probability in (0, 1] with which the cell came to be scored: the propensity of the chosen
        action in a bandit log, 1.0 where the cell is always scored.
    outcomes : mapping of str to ndarray, shape (m,)
        One column per outcome (reward, quality, cost_usd, latency_s), NaN where the action was
        taken but this feedback never came. Cells and probabilities are shared by all outcomes.
    cluster_index : ndarray of int, shape (n,), optional
        Position of the request's session in `cluster_labels`.
    cluster_labels : ndarray, shape (C,), optional
        Sorted session ids; they join sessions across batches of one log.
    support : ndarray of bool, shape (n, K), optional
        False where the logging policy could never have taken the action.
    observational : bool
        Whether `inclusion` was estimated from the log itself. Every verdict then says so.
    """

    n_actions: int
    row_start: IntArray
    action: IntArray
    inclusion: FloatArray
    outcomes: Mapping[str, FloatArray]
    cluster_index: IntArray | None = None
    cluster_labels: LabelArray | None = None
    support: BoolArray | None = None
    observational: bool = False

    def __post_init__(self) -> None:
        """Check the record once, so that no estimator has to."""
        if self.n == 0:
            raise InvalidInputError("the log is empty: at least one request is needed")
        if not self.outcomes:
            raise InvalidInputError("the log has no outcome column: pass at least one, such as reward")
        require_length(self.inclusion, self.action.size, "propensity")
        self._check_actions()
        self._check_inclusion()
        for name, values in self.outcomes.items():
            require_length(values, self.action.size, name)
            infinite = np.isinf(values)
            if infinite.any():
                raise InvalidInputError(f"{name} is infinite in row {self._row_of(infinite)}: use NaN for unknown")

    def _row_of(self, bad: BoolArray) -> int:
        """Return the request of the first cell marked bad."""
        return int(np.searchsorted(self.row_start, int(np.argmax(bad)), side="right")) - 1

    def _check_actions(self) -> None:
        bad = (self.action < 0) | (self.action >= self.n_actions)
        if bad.any():
            raise InvalidInputError(
                f"action is {self.action[np.argmax(bad)]} in row {self._row_of(bad)}: "
                f"expected 0 to {self.n_actions - 1}"
            )

    def _check_inclusion(self) -> None:
        bad = ~((self.inclusion > 0.0) & (self.inclusion <= 1.0))
        if bad.any():
            raise PropensityError(
                f"propensity is {self.inclusion[np.argmax(bad)]} in row {self._row_of(bad)}: expected a "
                f"probability in (0, 1]; drop the row, or estimate the propensity and label it so"
            )

    @classmethod
    def from_bandit(
        cls,
        action: ArrayLike,
        reward: ArrayLike | Mapping[str, ArrayLike],
        propensity: ArrayLike,
        n_actions: int,
        clusters: ArrayLike | None = None,
    ) -> "LoggedFeedback":
        """Build the record from a log with one action per request.

        Parameters
        ----------
        action : array-like of int, shape (n,)
            Chosen action. Where a fallback or a cache answered instead, still the chosen one.
        reward : array-like, shape (n,), or mapping of str to such
            Outcome of the chosen action; NaN where no feedback came. A plain array is named
            "reward".
        propensity : array-like, shape (n,)
            Probability in (0, 1] with which the logging policy chose the action.
        n_actions : int
            K, the number of candidates.
        clusters : array-like, shape (n,), optional
            Session ids.

        Returns
        -------
        LoggedFeedback
            The checked record.

        Raises
        ------
        InvalidInputError
            If lengths differ, an action is out of range, or a propensity is not in (0, 1].
        """
        actions = np.asarray(action)
        if actions.ndim != 1 or actions.dtype.kind not in "iu":
            raise InvalidInputError(
                f"action has shape {actions.shape} and type {actions.dtype}: expected (n,) integers"
            )
        index, labels = _encode_clusters(clusters, actions.size)
        return cls(
            n_actions=n_actions,
            row_start=np.arange(actions.size + 1, dtype=np.int64),
            action=actions.astype(np.int64, copy=False),
            inclusion=np.asarray(propensity, dtype=np.float64),
            outcomes=_named_outcomes(reward),
            cluster_index=index,
            cluster_labels=labels,
        )

    @classmethod
    def from_matrix(
        cls,
        rewards: ArrayLike | Mapping[str, ArrayLike],
        inclusion: ArrayLike = 1.0,
        clusters: ArrayLike | None = None,
    ) -> "LoggedFeedback":
        """Build the record from full or partial information.

        Parameters
        ----------
        rewards : array-like, shape (n, K), or mapping of str to such
            NaN where a cell was not scored. A cell counts as scored if any outcome is known.
        inclusion : float or array-like, shape (n, K)
            Probability with which each cell is scored. Cells that were not scored may carry 0
            (could never have been: this becomes `support`) or NaN (not known).
        clusters : array-like, shape (n,), optional
            Session ids.

        Returns
        -------
        LoggedFeedback
            The checked record.

        Raises
        ------
        InvalidInputError
            If shapes differ or a scored cell has a probability outside (0, 1].
        """
        tables = _named_outcomes(rewards)
        shapes = {table.shape for table in tables.values()}
        if len(shapes) != 1 or len(shape := next(iter(shapes))) != 2:
            raise InvalidInputError(f"rewards have shapes {sorted(shapes)}: expected one shape (n, K) for all outcomes")
        scored = np.logical_or.reduce([~np.isnan(table) for table in tables.values()])
        chance = np.broadcast_to(np.asarray(inclusion, dtype=np.float64), shape)
        index, labels = _encode_clusters(clusters, shape[0])
        return cls(
            n_actions=shape[1],
            row_start=np.concatenate([[0], np.cumsum(scored.sum(axis=1))]).astype(np.int64),
            action=np.nonzero(scored)[1].astype(np.int64),
            inclusion=chance[scored],
            outcomes=MappingProxyType({name: table[scored] for name, table in tables.items()}),
            cluster_index=index,
            cluster_labels=labels,
            support=chance != 0.0 if (chance == 0.0).any() else None,
        )

    @property
    def n(self) -> int:
        """Number of requests."""
        return self.row_start.size - 1

    @property
    def units(self) -> int:
        """Number of independent units: sessions where the log has them, else requests."""
        return self.n if self.cluster_index is None else int(np.unique(self.cluster_index).size)

    @property
    def cells_per_row(self) -> int:
        """Cells per request where that is the same for all (1 in a bandit log), else 0."""
        counts = np.diff(self.row_start)
        return int(counts[0]) if counts[0] > 0 and (counts == counts[0]).all() else 0

    def matrix(self, outcome: str = DEFAULT_OUTCOME) -> FloatArray:
        """Return one outcome as a table, NaN where unobserved.

        Parameters
        ----------
        outcome : str
            Name of the outcome column.

        Returns
        -------
        ndarray, shape (n, K)
            The outcome of every scored cell.
        """
        table = np.full((self.n, self.n_actions), np.nan)
        table[np.repeat(np.arange(self.n), np.diff(self.row_start)), self.action] = self.outcomes[outcome]
        return table

    def with_support(self, support: ArrayLike) -> "LoggedFeedback":
        """Return the log with the set of actions that the logging policy could take.

        Parameters
        ----------
        support : array-like, shape (n, K)
            Logging probabilities, or booleans: zero or False where the action had no chance.

        Returns
        -------
        LoggedFeedback
            A copy that can report exactly how much of a policy lies outside the log.

        Raises
        ------
        InvalidInputError
            If the shape is not (n, K).
        """
        mask = np.asarray(support) > 0
        if mask.shape != (self.n, self.n_actions):
            raise InvalidInputError(f"support has shape {mask.shape}, expected ({self.n}, {self.n_actions})")
        return replace(self, support=mask)

    def select(self, rows: ArrayLike) -> "LoggedFeedback":
        """Return the log of some requests, for segments, batches and resampling.

        Parameters
        ----------
        rows : array-like of int, shape (k,), or of bool, shape (n,)
            Requests to keep, in this order; repeats are allowed.

        Returns
        -------
        LoggedFeedback
            The smaller log.
        """
        index = np.arange(self.n)[np.asarray(rows)]
        counts = np.diff(self.row_start)[index]
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        cells = np.arange(start[-1]) + np.repeat(self.row_start[index] - start[:-1], counts)
        return replace(
            self,
            row_start=start,
            action=self.action[cells],
            inclusion=self.inclusion[cells],
            outcomes=MappingProxyType({name: values[cells] for name, values in self.outcomes.items()}),
            cluster_index=None if self.cluster_index is None else self.cluster_index[index],
            support=None if self.support is None else self.support[index],
        )


def _named_outcomes(reward: ArrayLike | Mapping[str, ArrayLike]) -> Mapping[str, FloatArray]:
    columns = reward if isinstance(reward, Mapping) else {DEFAULT_OUTCOME: reward}
    return MappingProxyType({name: np.asarray(values, dtype=np.float64) for name, values in columns.items()})


def _encode_clusters(clusters: ArrayLike | None, n: int) -> tuple[IntArray | None, LabelArray | None]:
    if clusters is None:
        return None, None
    ids = np.asarray(clusters)
    require_length(ids, n, "clusters")
    labels, index = np.unique(ids, return_inverse=True)
    return index.astype(np.int64), labels
