"""Decisions of an experiment: each by its arm's router, with the probability that it had over both arms."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from arbiter import forked
from arbiter.experiments.experiment import Experiment
from arbiter.records import Assignment, Decision, Query
from arbiter.router import Router
from arbiter.vocabulary import Arm


def route_batch(
    experiment: Experiment, control: Router, queries: Sequence[Query], rng: np.random.Generator, workers: int = 1
) -> list[Decision]:
    """Choose a candidate for each of n requests.

    Over the draw of the salt a unit gets the challenger with probability ``share``, whatever its requests are. So a
    candidate was chosen with probability (1 - share) p_control + share p_challenger (the balance heuristic of Veach and
    Guibas, 1995; for logs of several policies Agarwal et al., 2017): that is the decision's propensity, and
    either router, or a third, can be evaluated on all of the experiment's traffic. Requests of one unit share their
    arm, so intervals must take units as clusters; an exported ledger names them as sessions.

    Parameters
    ----------
    experiment : its challenger and share.
    control : the router that serves.
    queries : n requests.
    rng : draws choices, and the arms of requests that no user or session is known of.
    workers : as :func:`arbiter.forked.route_batch`.
    """
    units = [experiment.unit_of(query, rng) for query in queries]
    pairs = zip(
        forked.route_batch(control, queries, rng, workers),
        forked.route_batch(experiment.challenger, queries, rng, workers),
        strict=True,
    )
    decisions: list[Decision] = []
    for (unit, unit_id), (ours, theirs) in zip(units, pairs, strict=True):
        arm = experiment.arm_of(unit_id)
        own, other = (theirs, ours) if arm is Arm.CHALLENGER else (ours, theirs)
        probabilities = _mixed(ours, theirs, experiment.share)
        decisions.append(
            replace(
                own,
                action_probs=probabilities,
                propensity=probabilities[own.model],
                excluded={name: why for name, why in own.excluded.items() if name not in other.action_probs},
                bandit_share=None,  # its gate compares within one router
                assignment=Assignment(
                    experiment=experiment.name,
                    arm=arm,
                    unit=unit,
                    unit_id=unit_id,
                    share=experiment.share,
                    own_propensity=own.propensity,
                ),
            )
        )
    return decisions


def _mixed(ours: Decision, theirs: Decision, share: float) -> dict[str, float]:
    names = dict.fromkeys((*ours.action_probs, *theirs.action_probs))
    return {
        name: (1.0 - share) * ours.action_probs.get(name, 0.0) + share * theirs.action_probs.get(name, 0.0)
        for name in names
    }
