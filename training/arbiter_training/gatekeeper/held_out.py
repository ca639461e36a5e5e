"""Leave one source out: every source judged by a gatekeeper that never saw it."""

from collections.abc import Mapping

import numpy as np

from arbiter.features import Features
from arbiter_training.gatekeeper.data import GatekeeperOptions, LabelledQueries
from arbiter_training.gatekeeper.evaluation import GatekeeperEvaluation, evaluate_gatekeeper
from arbiter_training.gatekeeper.fit import fit_gatekeeper
from arbiter_training.labelled import LabelledPrompts


def source_of(name: str) -> str:
    """Give the source of a file: ``law_02`` is of the source ``law``; other names are sources themselves."""
    stem, _, number = name.rpartition("_")
    return stem if stem and number.isdigit() else name


def leave_one_source_out(
    data: LabelledQueries,
    prompts: LabelledPrompts,
    features: Features,
    groups: Mapping[str, str],
    options: GatekeeperOptions,
) -> dict[str, GatekeeperEvaluation]:
    """Fit once per group of sources, on everything else, and judge on the group.

    Parameters
    ----------
    data : what is trained on.
    prompts : the same requests, with their sources.
    features : fitted; only mean and scale of the statistics have seen what is left out.
    groups : source to the group that it is left out with; sources that are not named always stay in.
    options : how to fit.

    Returns
    -------
    results : group to its evaluation.
    """
    group_of = np.array([groups.get(source_of(name), "") for name in prompts.sources])
    batch = features.transform(prompts.queries)
    results = {}
    for group in dict.fromkeys(groups.values()):
        kept = np.flatnonzero(group_of != group).astype(np.int64)
        part = LabelledQueries(
            queries=[data.queries[i] for i in kept.tolist()],
            labels={head: y[kept] for head, y in data.labels.items()},
            folds=data.folds[kept],
            weights=data.all_weights[kept],
        )
        gatekeeper, _ = fit_gatekeeper(part, batch.take(kept), options)
        left_out = prompts.take(np.flatnonzero(group_of == group).astype(np.int64))
        results[group] = evaluate_gatekeeper(gatekeeper, features, left_out)
    return results
