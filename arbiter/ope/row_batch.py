"""A run of requests small enough for the cache, and its channels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.ope.arrays import FloatArray, IntArray
from arbiter.ope.channels import CLIPPED, MODEL, WEIGHT, WEIGHTED, Channels, sum_cells
from arbiter.ope.logged import LoggedFeedback
from arbiter.ope.moments import Moments
from arbiter.ope.overlap import OverlapSums, weight_histogram

# Float32 tables of 1,000 actions sum to one within 1e-6; a wrong table is off by far more.
ROW_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBatch:
    """Requests `rows` of a log with the policy and model tables on them.

    Parameters
    ----------
    log : LoggedFeedback
        The whole part being summed.
    rows, cells : slice
        This batch's requests and scored cells.
    policies : tuple of ndarray, shape (rows, K), or None
        Action probabilities, float64; None for the logging policy.
    models : mapping of str to ndarray, shape (rows, K)
        Predicted rewards, float64.
    flat : ndarray of int, shape (cells,)
        Position of each cell in a flattened (rows, K) table.
    counts : ndarray of int, shape (rows,)
        Cells per request.
    per_row : int
        Their common value or 0.
    """

    log: LoggedFeedback
    rows: slice
    cells: slice
    policies: tuple[FloatArray | None, ...]
    models: Mapping[str, FloatArray]
    flat: IntArray
    counts: IntArray
    per_row: int

    @classmethod
    def cut(
        cls,
        log: LoggedFeedback,
        rows: slice,
        policies: list[FloatArray | None],
        models: Mapping[str, FloatArray],
        per_row: int,
    ) -> "RowBatch":
        """Take a run of requests and check the policies on it."""
        bounds = log.row_start[rows.start : rows.stop + 1]
        counts = np.diff(bounds)
        cells = slice(int(bounds[0]), int(bounds[-1]))
        row = np.repeat(np.arange(counts.size), counts) if per_row != 1 else np.arange(counts.size)
        part = [None if p is None else np.ascontiguousarray(p[rows], dtype=np.float64) for p in policies]
        for table in part:
            if table is not None:
                _check_distribution(table, rows.start)
        return cls(
            log=log,
            rows=rows,
            cells=cells,
            policies=tuple(part),
            models={k: np.ascontiguousarray(q[rows], dtype=np.float64) for k, q in models.items()},
            flat=row * log.n_actions + log.action[cells],
            counts=counts,
            per_row=per_row,
        )

    def outcome(
        self, name: str, channels: Channels, rates: Mapping[str, FloatArray]
    ) -> tuple[FloatArray, tuple[OverlapSums, ...]]:
        """Compute the channels of one outcome for all policies.

        Parameters
        ----------
        name : str
            Outcome column.
        channels : Channels
            What to compute.
        rates : mapping of str to ndarray, shape (K,)
            Feedback rates of outcomes with gaps.

        Returns
        -------
        stacked : ndarray, shape (policies * channels, rows)
            Channels, one policy after the other.
        overlap : tuple of OverlapSums
            One per policy.
        """
        value = self.log.outcomes[name][self.cells]
        inverse = 1.0 / self.log.inclusion[self.cells]
        known = None
        if name in rates:
            known = ~np.isnan(value)
            value = np.where(known, value, 0.0)
            rate = rates[name][self.log.action[self.cells]]
            inverse = np.where(known, inverse / np.where(known, rate, 1.0), 0.0)
        logged = self._logged_counts(known)
        blocks, overlap = [], []
        for policy in self.policies:
            block, mass = self._channels(policy, self.models.get(name), value, inverse, channels)
            blocks.append(block)
            overlap.append(self._overlap(policy, mass, inverse, block[WEIGHT], logged))
        return np.concatenate(blocks) if len(blocks) > 1 else blocks[0], tuple(overlap)

    def fit(self, name: str) -> Moments | None:
        """Return the moments of (outcome, outcome - prediction) over answered cells; None without any or a model."""
        model = self.models.get(name)
        if model is None:
            return None
        value = self.log.outcomes[name][self.cells]
        pair = np.stack([value, value - model.ravel().take(self.flat)])
        known = ~np.isnan(value)
        if not known.all():
            pair = pair[:, known]
        return Moments.of(pair) if pair.shape[1] else None

    def _channels(
        self,
        policy: FloatArray | None,
        model: FloatArray | None,
        value: FloatArray,
        inverse: FloatArray,
        channels: Channels,
    ) -> tuple[FloatArray, FloatArray]:
        """Return the channels (d, rows) of one policy and its probability of each cell (cells,)."""
        if policy is None:
            # The logging policy as it ran: weight one, and the mean reward needs no model.
            mass = self.log.inclusion[self.cells]
            block = channels.fill(mass * inverse, value, np.zeros_like(value))
            block[CLIPPED:] = block[WEIGHTED]  # nothing to clip or shrink at weight one
            return block, mass
        mass = policy.ravel().take(self.flat)
        q_cell = np.zeros_like(value) if model is None else model.ravel().take(self.flat)
        block = sum_cells(channels.fill(mass * inverse, value, q_cell), self.counts, self.per_row)
        if model is not None:
            block[MODEL] = np.einsum("ij,ij->i", policy, model)
            if not np.isfinite(block[MODEL]).all():
                bad = self.rows.start + int(np.argmin(np.isfinite(block[MODEL])))
                raise InvalidInputError(f"q_hat is not finite in row {bad}: every action needs a prediction")
        return block, mass

    def _logged_counts(self, known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None) -> FloatArray:
        """Return per action: logged, answered, sum 1/rho, sum 1/rho^2; shape (4, K)."""
        action, k = self.log.action[self.cells], self.log.n_actions
        inverse = 1.0 / self.log.inclusion[self.cells]
        logged = np.bincount(action, minlength=k).astype(np.float64)
        answered = logged if known is None else np.bincount(action, weights=known, minlength=k).astype(np.float64)
        once = np.bincount(action, weights=inverse, minlength=k)
        return np.stack([logged, answered, once, np.bincount(action, weights=inverse * inverse, minlength=k)])

    def _overlap(
        self,
        policy: FloatArray | None,
        mass: FloatArray,
        inverse: FloatArray,
        row_weight: FloatArray,
        logged: FloatArray,
    ) -> OverlapSums:
        weight, rho = mass * inverse, self.log.inclusion[self.cells]
        support = self.log.support
        outside = np.nan
        if policy is not None and support is not None:
            outside = float(policy[~support[self.rows]].sum())
        counts, totals = weight_histogram(weight)
        shares = np.bincount(self.log.action[self.cells], minlength=self.log.n_actions).astype(np.float64)
        return OverlapSums(
            n=row_weight.size,
            max_weight=float(weight.max(initial=0.0)),
            max_row_weight=float(row_weight.max(initial=0.0)),
            min_inclusion=float(rho.min(initial=np.inf)),
            max_inclusion=float(rho.max(initial=0.0)),
            certain_mass=float(mass[rho == 1.0].sum()),
            outside_mass=outside,
            target_mass=shares if policy is None else np.einsum("ij->j", policy),
            logged=logged[0],
            answered=logged[1],
            inverse=logged[2],
            inverse_squared=logged[3],
            histogram=counts,
            histogram_mass=totals,
            observational=self.log.observational,
        )


def _check_distribution(table: FloatArray, offset: int) -> None:
    """Raise unless every row is a probability distribution; name the first row that is not."""
    total = np.einsum("ij->i", table)
    if not np.abs(total - 1.0).max() <= ROW_SUM_TOLERANCE:
        bad = int(np.argmax(~(np.abs(total - 1.0) <= ROW_SUM_TOLERANCE)))
        raise InvalidInputError(f"action_probs sum to {total[bad]:.6g} in row {offset + bad}: each row must sum to 1")
    if table.min() < 0.0:
        bad = int(np.argmax(table.min(axis=1) < 0.0))
        raise InvalidInputError(f"action_probs has a negative entry in row {offset + bad}")
