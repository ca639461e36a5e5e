"""Training of the gatekeeper: every head that has labels, the others kept from a base."""

from dataclasses import replace

import numpy as np

from arbiter.features import FeatureBatch
from arbiter.gatekeeper.heads import HEADS, N_OUTPUTS, SLICES
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.learned import (
    HeadCalibration,
    LearnedGatekeeper,
    RiskThresholds,
    boosting_features,
    rule_scores,
)
from arbiter.linear import LinearMap
from arbiter.projection import Projection
from arbiter.trees import FlatForest, merge
from arbiter_training.design import design_matrix
from arbiter_training.gatekeeper.calibration import HeadReport, HeadScores, calibrate, risk_thresholds
from arbiter_training.gatekeeper.data import FloatArray, GatekeeperOptions, LabelledQueries
from arbiter_training.gatekeeper.stages import BoostedStage, HeadTrainer, LinearStage
from arbiter_training.principal import principal_components


def fit_gatekeeper(
    data: LabelledQueries, batch: FeatureBatch, options: GatekeeperOptions, base: LearnedGatekeeper | None = None
) -> tuple[LearnedGatekeeper, dict[str, HeadReport]]:
    """Fit every head that has labels.

    Parameters
    ----------
    data : requests, labels, folds.
    batch : their features.
    options : how to fit.
    base : supplies the heads for which there are no labels; needed unless all four have some.

    Returns
    -------
    gatekeeper : ready to serve.
    reports : per fitted head, out of fold.
    """
    trainers = {h: HeadTrainer(h, data, options) for h in HEADS if h in data.labels}
    design = design_matrix(batch)
    linear = {h: trainer.linear(design, batch) for h, trainer in trainers.items()}
    projection = base.projection if base else principal_components(batch.embedding, options.components, options.seed)
    scores = np.zeros((len(batch), N_OUTPUTS))  # trees read their own head's columns only
    for head, stage in linear.items():
        scores[:, SLICES[head]] = stage.out_of_fold
    table = boosting_features(scores, projection, batch)
    boosted = {h: trainer.boosted(table) for h, trainer in trainers.items()}
    rules = base.rules if base else KeywordRules.default()
    spoken = rule_scores(rules, data.queries)
    scored = {h: _scores(trainer, linear[h], boosted[h], spoken) for h, trainer in trainers.items()}
    finished = {h: calibrate(s, options.keyword_shares.get(h, 0.0)) for h, s in scored.items()}
    thresholds = {
        h: risk_thresholds(s.blended(finished[h][0]), s.labels, s.weights, options.false_alarms)
        for h, s in scored.items()
        if h in ("harm", "stake")
    }
    parts = _Parts(projection, base)
    gatekeeper = LearnedGatekeeper(
        linear=parts.linear(linear),
        projection=projection,
        forest=parts.forest(boosted),
        calibration=parts.calibration({h: how for h, (how, _) in finished.items()}),
        thresholds=parts.thresholds(thresholds),
        abstain_below=options.abstain_below,
        rules=rules,
    )
    return gatekeeper, {h: report for h, (_, report) in finished.items()}


def _scores(trainer: HeadTrainer, linear: LinearStage, boosted: BoostedStage, spoken: FloatArray) -> HeadScores:
    known = trainer.known
    return HeadScores(
        linear=linear.out_of_fold[known],
        boosted=boosted.out_of_fold[known],
        spoken=spoken[known][:, SLICES[trainer.head]],
        labels=trainer.labels[known],
        weights=trainer.weights[known],
    )


class _Parts:
    """Puts the heads side by side: new ones where fitted, the base's elsewhere."""

    def __init__(self, projection: Projection, base: LearnedGatekeeper | None) -> None:
        self.projection = projection
        self.base = base

    def _kept(self) -> LearnedGatekeeper:
        assert self.base is not None, "a head without labels needs a base"
        return self.base

    def linear(self, stages: dict[str, LinearStage]) -> LinearMap:
        maps = [stages[h].map if h in stages else _columns(self._kept().linear, SLICES[h]) for h in HEADS]
        return LinearMap(
            embedding=np.concatenate([m.embedding for m in maps], axis=1),
            ngrams=np.concatenate([m.ngrams for m in maps], axis=1),
            dense=np.concatenate([m.dense for m in maps], axis=1),
            bias=np.concatenate([m.bias for m in maps]),
        )

    def forest(self, stages: dict[str, BoostedStage]) -> FlatForest:
        return merge([stages[h].forest if h in stages else _outputs(self._kept().forest, SLICES[h]) for h in HEADS])

    def calibration(self, found: dict[str, HeadCalibration]) -> dict[str, HeadCalibration]:
        return {h: found[h] if h in found else self._kept().calibration[h] for h in HEADS}

    def thresholds(self, found: dict[str, dict[str, float]]) -> RiskThresholds:
        chosen = {h: found[h] if h in found else getattr(self._kept().thresholds, h) for h in ("harm", "stake")}
        return RiskThresholds(**chosen)


def _columns(linear: LinearMap, columns: slice) -> LinearMap:
    return LinearMap(
        embedding=linear.embedding[:, columns],
        ngrams=linear.ngrams[:, columns],
        dense=linear.dense[:, columns],
        bias=linear.bias[columns],
    )


def _outputs(forest: FlatForest, columns: slice) -> FlatForest:
    mine = (forest.outputs >= columns.start) & (forest.outputs < columns.stop)
    return replace(
        forest,
        roots=forest.roots[mine],
        outputs=(forest.outputs[mine] - columns.start).astype(np.int32),
        baseline=forest.baseline[columns],
    )
