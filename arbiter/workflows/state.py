"""The state of workflow runs in an SQLite file: which steps are finished, and with what answer."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arbiter.errors import WorkflowError
from arbiter.processes import has_ended, this_process
from arbiter.sqlite_store import SqliteStore, StoreKind

KIND = StoreKind(
    noun="workflow state",
    application_id=0x41524257,  # "ARBW"
    version=1,
    schema=(
        "CREATE TABLE runs (id TEXT PRIMARY KEY, workflow TEXT NOT NULL, fingerprint TEXT NOT NULL, "
        "input TEXT NOT NULL, holder TEXT NOT NULL, held_until REAL NOT NULL) WITHOUT ROWID",
        "CREATE TABLE steps (run TEXT NOT NULL, step TEXT NOT NULL, payload TEXT NOT NULL, qualities TEXT, "
        "PRIMARY KEY (run, step)) WITHOUT ROWID",
    ),
    error=WorkflowError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """A finished step.

    Attributes
    ----------
    decision_id : of the decision that was carried out.
    model : who answered.
    text : the answer.
    cost_usd : what all its calls did cost, as far as known.
    latency_s : from the request to the answer.
    qualities : what its evaluators said, by name; None where they have not been asked yet.
    """

    decision_id: str
    model: str
    text: str
    cost_usd: float
    latency_s: float
    qualities: Mapping[str, float] | None = field(default=None)


class WorkflowState:
    """Runs and their finished steps, shared between the processes of a host.

    It holds inputs and answers in full, since a run is resumed with them.

    Parameters
    ----------
    path : the file, made where there is none; ``:memory:`` for one that ends with the process.
    clock : gives seconds since 1970.
    lease_s : seconds for which a run belongs to whoever runs it, from its last finished step on, where the system does
        not tell that his process has ended.
    timeout_s : how long to wait for another process that writes.

    Raises
    ------
    WorkflowError
        If the file cannot be opened, is damaged or is no workflow state.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        clock: Callable[[], float] = time.time,
        lease_s: float = 600.0,
        timeout_s: float = 30.0,
    ) -> None:
        self._clock = clock
        self._lease_s = lease_s
        self._holder = this_process()
        self._store = SqliteStore(path, KIND, timeout_s=timeout_s)

    def begin(self, run_id: str, workflow: str, fingerprint: str, text: str) -> None:
        """Take a run, new or not finished.

        Parameters
        ----------
        run_id : of the run.
        workflow, fingerprint : of the workflow.
        text : the run's input.

        Raises
        ------
        WorkflowError
            If it was started as something else, or somebody else runs it just now.
        """
        with self._store.writing() as transaction:
            row = transaction.execute(
                "SELECT workflow, fingerprint, input, holder, held_until FROM runs WHERE id = ?", (run_id,)
            ).fetchone()
            until = self._clock() + self._lease_s
            if row is None:
                new = (run_id, workflow, fingerprint, text, self._holder, until)
                transaction.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", new)
                return
            self._require_free(run_id, row, (workflow, fingerprint, text))
            taken = (self._holder, until, run_id)
            transaction.execute("UPDATE runs SET holder = ?, held_until = ? WHERE id = ?", taken)

    def finish(self, run_id: str, step: str, result: StepResult) -> None:
        """Keep a finished step."""
        values = {name: getattr(result, name) for name in StepResult.__slots__ if name != "qualities"}
        with self._store.writing() as transaction:
            transaction.execute(
                "INSERT INTO steps (run, step, payload) VALUES (?, ?, ?)",
                (run_id, step, json.dumps(values, ensure_ascii=False)),
            )
            until = self._clock() + self._lease_s
            transaction.execute("UPDATE runs SET held_until = ? WHERE id = ?", (until, run_id))

    def judge(self, run_id: str, step: str, qualities: Mapping[str, float]) -> None:
        """Keep what a step's evaluators said."""
        with self._store.writing() as transaction:
            transaction.execute(
                "UPDATE steps SET qualities = ? WHERE run = ? AND step = ?", (json.dumps(qualities), run_id, step)
            )

    def results(self, run_id: str) -> dict[str, StepResult]:
        """Give the finished steps of a run, by name."""
        rows = self._store.rows("SELECT step, payload, qualities FROM steps WHERE run = ?", (run_id,))
        return {step: _result(payload, qualities) for step, payload, qualities in rows}

    def runs(self) -> dict[str, str]:
        """Give the runs that the file holds, with the name of their workflow."""
        return dict(self._store.rows("SELECT id, workflow FROM runs ORDER BY id"))

    def leave(self, run_id: str) -> None:
        """Let go of a run, finished or not."""
        with self._store.writing() as transaction:
            transaction.execute("UPDATE runs SET held_until = 0 WHERE id = ?", (run_id,))

    def forget(self, run_id: str) -> None:
        """Delete a run with its answers."""
        with self._store.writing() as transaction:
            transaction.execute("DELETE FROM steps WHERE run = ?", (run_id,))
            transaction.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    def _require_free(self, run_id: str, row: tuple[Any, ...], asked: tuple[str, str, str]) -> None:
        workflow, _, _, holder, until = row
        if row[:3] != asked:
            what = "input" if row[:2] == asked[:2] else f"workflow ({workflow})"
            raise WorkflowError(f"run {run_id!r} was started with another {what}; take another run_id, or forget() it")
        ended = holder != self._holder and has_ended(holder)
        if until > self._clock() and not ended:
            raise WorkflowError(f"run {run_id!r} is being run by somebody else; wait for it, or take another run_id")


def _result(payload: str, qualities: str | None) -> StepResult:
    try:
        return StepResult(**json.loads(payload), qualities=None if qualities is None else json.loads(qualities))
    except (TypeError, ValueError) as error:
        raise WorkflowError(f"a step of the workflow state cannot be read ({error}); was it changed?") from error
