"""Traffic files as the history of a plan's use cases."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from arbiter.catalog import Catalog, candidate_from_log, litellm_entry
from arbiter.planning import CaseHistory, History, ModelHistory, PlanSpec, RoutingTrial, UseCase
from arbiter.planning.eligibility import hard_limits, weights_of
from arbiter.records import Query
from arbiter.router import Router
from arbiter_training.planning.repetition import repetition
from arbiter_training.planning.trial import load_policy, routing_trial
from arbiter_training.traffic import OutcomeMatrix, TrafficTable, lacks_texts, pivot, read_traffic
from arbiter_training.traffic.columns import STATUS_OK, BoolArray, FloatArray


class HistorySource:
    """Where the history of a plan comes from; the files are read once.

    Parameters
    ----------
    traffic : tables.
    policy : a router to try on them; None tries none.

    Raises
    ------
    TrafficError
        If a file is wrong.
    """

    def __init__(self, traffic: Sequence[Path], policy: str | None = None) -> None:
        self.traffic, self.policy = tuple(traffic), policy
        self._table = in_order(read_traffic(list(traffic)))

    def extended(self, catalog: Catalog) -> tuple[Catalog, list[str]]:
        """Give the catalog with those models of the traffic that it lacks and litellm's table knows.

        Returns
        -------
        catalog : as given, with more entries at its end.
        notes : a text per model that was added.
        """
        notes = []
        for model in self._table.models:
            if catalog.resolve(model) is not None or litellm_entry(model) is None:
                continue
            catalog = catalog.with_candidate(candidate_from_log(model))
            notes.append(f"{model} is not in the catalog: prices and window by litellm's table, the rest by its price")
        return catalog, notes

    def read(self, spec: PlanSpec, catalog: Catalog) -> History:
        """Cut the traffic into the use cases.

        Raises
        ------
        BundleError
            If the policy is no bundle, or it is damaged.
        """
        table = self._table
        router, problem = None, ""
        if self.policy is not None:
            router, problem = load_policy(self.policy, table.fingerprint())
        names, notes = _known(table, catalog)
        reader = _Reader(table=table, names=names, router=router, policy=self.policy or "")
        cases: dict[str, CaseHistory] = {}
        problems = [problem] if problem else []
        for case in spec.use_cases:
            found = reader.case(case)
            if isinstance(found, str):
                problems.append(f"use case '{case.name}': {found}")
            else:
                cases[case.name] = found
        return History(
            cases=cases,
            source=", ".join(str(path) for path in self.traffic),
            fingerprint=table.fingerprint(),
            notes=tuple(dict.fromkeys([*notes, *reader.notes])),
            problems=tuple(problems),
        )


def in_order(table: TrafficTable) -> TrafficTable:
    """Give the rows by time, where every row has one; else as they are in the files."""
    return table if np.isnat(table.timestamp).any() else table.select(np.argsort(table.timestamp, kind="stable"))


def _known(table: TrafficTable, catalog: Catalog) -> tuple[dict[str, str], list[str]]:
    """Give each model of the log its name in the catalog; what has none, or shares one, is told and keeps its own.

    It is then not recommended, for its price is not known, but its bill is projected and its lengths count.
    """
    names: dict[str, str] = {}
    notes = []
    for model in table.models:
        entry = catalog.resolve(model)
        if entry is None:
            notes.append(f"{model} of the traffic is not in the catalog, so it is not recommended: add its price there")
            names[model] = model
        elif entry.name in names.values():
            notes.append(f"{model} of the traffic is {entry.name}, as another of its names is: it is not recommended")
            names[model] = model
        else:
            names[model] = entry.name
    return names, notes


class _Reader:
    """Cuts use cases out of one table."""

    def __init__(self, table: TrafficTable, names: dict[str, str], router: Router | None, policy: str) -> None:
        self._table, self._names, self._router, self._policy = table, names, router, policy
        self._texts = not lacks_texts(table)
        self.notes: list[str] = []

    def case(self, case: UseCase) -> CaseHistory | str:
        """Give what the traffic says of a use case; a text that says what in its segment is wrong."""
        rows = self._rows(case)
        if isinstance(rows, str):
            return rows
        table = self._table.select(rows)
        outcomes = pivot(table)
        comparable = bool(outcomes.observed.all())
        weighed = not comparable and not np.isnan(table.propensity).any()
        weights = 1.0 / table.propensity if weighed else np.empty(0)
        models = {self._names[m]: _model(table, table.model == m, weights) for m in table.models}
        return CaseHistory(
            requests=outcomes.n,
            models=models,
            input_tokens=self._input_tokens(outcomes),
            comparable=comparable,
            weighed=weighed,
            repetition=repetition(outcomes.queries) if self._texts else None,
            routing=self._trial(case, outcomes),
        )

    def _rows(self, case: UseCase) -> BoolArray | str:
        rows = np.ones(self._table.n_rows, dtype=np.bool_)
        for column, value in case.segment.items():
            try:
                values = self._table.column(column)
            except KeyError:
                known = ", ".join(sorted({*self._table.labels, *self._table.extras}))
                return f"segment names the column '{column}', which the traffic has not; it has {known or 'no labels'}"
            rows &= np.array([str(each) == value for each in values], dtype=np.bool_)
        if not rows.any():
            return f"segment {dict(case.segment)} matches no request of the traffic"
        return rows

    def _input_tokens(self, outcomes: OutcomeMatrix) -> FloatArray:
        counted = outcomes.input_tokens[~np.isnan(outcomes.input_tokens)]
        if counted.size or not self._texts:
            return counted
        self.notes.append("input tokens are not logged: they are estimated from the texts")
        return np.array([float(query.input_tokens) for query in outcomes.queries])

    def _trial(self, case: UseCase, outcomes: OutcomeMatrix) -> RoutingTrial | None:
        if self._router is None:
            return None
        asked = replace(outcomes, queries=tuple(self._asked(query, case) for query in outcomes.queries))
        found = routing_trial(self._policy, self._router, asked, self._names, weights_of(case).quality_per_usd)
        if isinstance(found, str):
            self.notes.append(f"{case.name}: {found}")
            return None
        return found

    def _asked(self, query: Query, case: UseCase) -> Query:
        """Give a request with what the use case never gives up, and its strategy where it names one."""
        limits = hard_limits(case)
        for key in ("allow", "deny"):
            if limits[key] is not None:
                limits[key] |= {logged for logged, name in self._names.items() if name in limits[key]}
        return replace(query, requirements=replace(query.requirements, **limits), strategy=case.strategy)


def _model(table: TrafficTable, rows: BoolArray, weights: FloatArray) -> ModelHistory:
    answered = rows & np.equal(table.status, STATUS_OK).astype(np.bool_)

    def known(values: FloatArray, where: BoolArray) -> FloatArray:
        return values[where & ~np.isnan(values)]

    def weight(values: FloatArray) -> FloatArray:
        return weights[rows & ~np.isnan(values)] if weights.size else weights

    return ModelHistory(
        cost_weight=weight(table.cost_usd),
        quality_weight=weight(table.quality),
        cost_usd=known(table.cost_usd, rows),
        quality=known(table.quality, rows),
        latency_s=known(table.latency_s, answered),
        ttft_s=known(table.ttft_s, answered),
        output_tokens=known(table.output_tokens, answered),
    )
