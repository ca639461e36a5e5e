"""A challenger and a champion on one log: what the gate decides on."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbiter.bundle import load_bundle
from arbiter.catalog import catalog_for_log, read_catalog
from arbiter.deciding import Outlook
from arbiter.errors import InvalidInputError
from arbiter.manifest import SCHEMA_VERSION
from arbiter.router import Router
from arbiter_training.bundle_registry import BundleRegistry
from arbiter_training.evaluation.evaluate import Evaluator
from arbiter_training.evaluation.records import LogSummary
from arbiter_training.evaluation.routers import aligned, evaluator_of
from arbiter_training.evaluation.segments import segments_of
from arbiter_training.gate_checks import GateEvidence, schema_problems
from arbiter_training.traffic import OutcomeMatrix, pivot, read_traffic
from arbiter_training.train import kind_of

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A challenger and the traffic that it is judged on.

    Attributes
    ----------
    challenger, manifest : the bundle.
    outcomes : the log.
    evaluator : of the log.
    """

    challenger: Router
    manifest: Mapping[str, Any]
    outcomes: OutcomeMatrix
    evaluator: Evaluator

    def against(self, champion: FloatArray) -> GateEvidence:
        """Give the evidence.

        Parameters
        ----------
        champion : (n, K) what the champion would do.
        """
        outlook = self.challenger.outlook(self.outcomes.queries)
        columns, models = self.challenger.catalog.names, self.outcomes.models
        return GateEvidence(
            log=self.evaluator.log,
            models=models,
            challenger=_probabilities(self.challenger, outlook, models),
            champion=champion,
            q_hat=self.evaluator.q_hat,
            predicted_quality=aligned(outlook.expectation.quality, columns, models),
            segments=segments_of(outlook),
            schema_problems=schema_problems(self.manifest, models, SCHEMA_VERSION),
        )

    def version(self, registry: BundleRegistry, name: str, version: int) -> FloatArray:
        """Give (n, K): what a registered version would do.

        Raises
        ------
        InvalidInputError
            If it chooses between models that the log does not have.
        """
        with tempfile.TemporaryDirectory() as scratch:
            router, _ = load_bundle(registry.download(f"models:/{name}/{version}", Path(scratch)))
        models = self.outcomes.models
        unknown = sorted(set(router.catalog.names) - set(models))
        if unknown:
            raise InvalidInputError(f"the champion chooses between models that the log has not: {', '.join(unknown)}")
        return _probabilities(router, router.outlook(self.outcomes.queries), models)

    def constant(self, model: str) -> FloatArray:
        """Give (n, K): one model for all requests.

        Raises
        ------
        InvalidInputError
            If the log does not have it.
        """
        models = self.outcomes.models
        if model not in models:
            raise InvalidInputError(f"the challenger is held against {model}, which the log has not: add its traffic")
        return np.tile(np.eye(len(models))[models.index(model)], (self.outcomes.n, 1))


def read_contest(bundle: Path, traffic: tuple[Path, ...], catalog: Path | None) -> Contest:
    """Read a challenger and its traffic.

    Raises
    ------
    TrafficError, CatalogError, BundleError
        If an input is wrong.
    NotEvaluableError
        If the log cannot answer.
    """
    challenger, manifest = load_bundle(bundle)
    table = read_traffic(list(traffic))
    outcomes = pivot(table)
    known = read_catalog(catalog) if catalog else None
    summary = LogSummary(
        source=", ".join(table.notes.sources),
        fingerprint=table.fingerprint(),
        n_requests=outcomes.n,
        models=outcomes.models,
        kind=kind_of(outcomes),
        protocol="the gate",
    )
    evaluator = evaluator_of(outcomes, challenger.features, catalog_for_log(outcomes.models, known), summary)
    return Contest(challenger=challenger, manifest=manifest, outcomes=outcomes, evaluator=evaluator)


def _probabilities(router: Router, outlook: Outlook, models: tuple[str, ...]) -> FloatArray:
    return aligned(router.action_probabilities(outlook), router.catalog.names, models)
