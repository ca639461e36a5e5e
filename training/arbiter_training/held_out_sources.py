"""Leave one source out: every source of labelled prompts judged by a gatekeeper that never saw it.

::

    python -m arbiter_training.held_out_sources --seeds datasets/seed_prompts --public FOLDER --encoder models/default

Per source: the whole recipe (choice of penalty, blend, temperature and thresholds included, by cross-validation over
the sources that stay) is fitted on everything else and judged on the source. ``--share 0.25 0.5 1`` repeats that with
a part of what stays, for a learning curve. ``--tracking FOLDER`` keeps the figures in MLflow.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from arbiter.bundle import load_bundle
from arbiter.features import FeatureBatch, Features
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.gatekeeper.keywords import KeywordRules
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.records import TaskProfile
from arbiter_training.default_gatekeeper import RecipeOptions, read_recipe, recipe_data, recipe_prompts
from arbiter_training.gatekeeper.data import IntArray
from arbiter_training.gatekeeper.evaluation import GatekeeperEvaluation, evaluate_verdicts
from arbiter_training.gatekeeper.fit import fit_gatekeeper
from arbiter_training.gatekeeper.sources import groups_of_sources
from arbiter_training.labelled import LabelledPrompts, joined
from arbiter_training.tracking import Tracker
from arbiter_training.tracking_labels import GATEKEEPER, command_tags

POOLED = "all left out"
"""Name of the result on all sources together, each judged by the gatekeeper that never saw it."""

COLUMNS = (
    ("domain F1", "domain/macro_f1"),
    ("ECE domain", "domain/ece"),
    ("hard/easy AUC", "complexity/hard_easy_auc"),
    ("ECE complexity", "complexity/ece"),
    ("harm recall", "harm/high_recall"),
    ("harm alarms", "harm/high_false_alarms"),
    ("harm @5 %", "harm/high_recall_at_5"),
    ("look-alikes", "harm/look_alikes_flagged"),
    ("injections", "harm/injections_found"),
    ("ECE harm", "harm/ece"),
    ("stake recall", "stake/high_recall"),
    ("stake alarms", "stake/high_false_alarms"),
    ("stake @5 %", "stake/high_recall_at_5"),
    ("ECE stake", "stake/ece"),
)
"""Heading and metric of the printed table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What a gatekeeper says of a source that it never saw.

    Attributes
    ----------
    prompts : of the source.
    heads : (n, 28) probabilities.
    profiles : n verdicts.
    """

    prompts: LabelledPrompts
    heads: HeadProbabilities
    profiles: Sequence[TaskProfile]

    def evaluation(self) -> GatekeeperEvaluation:
        """Judge it."""
        return evaluate_verdicts(self.heads, self.profiles, self.prompts)


class SourceHoldOut:
    """The recipe, fitted on all sources but one.

    Parameters
    ----------
    prompts : what the recipe trains on.
    features : fitted; only mean and scale of the statistics have seen what is left out.
    options : the recipe.
    """

    def __init__(self, prompts: LabelledPrompts, features: Features, options: RecipeOptions) -> None:
        self.prompts = prompts
        self.options = options
        self.batch: FeatureBatch = features.transform(prompts.queries)
        self.groups = groups_of_sources(prompts.sources, options.hands, options.gatekeeper.seed)

    def left_out(self, groups: Sequence[str], share: float = 1.0) -> dict[str, LeftOut]:
        """Judge groups by what is learned from the others.

        Parameters
        ----------
        groups : left out together; each is a hand, a public set or a half of the one-field files.
        share : of the other prompts that are learned from, drawn file by file: whole files for authored prompts, rows
            for public sets.
        """
        kept = self._thinned(np.flatnonzero(~np.isin(self.groups, groups)), share)
        data = recipe_data(self.prompts.take(kept), self.options)
        gatekeeper, _ = fit_gatekeeper(data, self.batch.take(kept), self.options.gatekeeper)
        return {group: self._judged(gatekeeper, np.flatnonzero(self.groups == group)) for group in groups}

    def _judged(self, gatekeeper: LearnedGatekeeper, rows: IntArray) -> LeftOut:
        prompts = self.prompts.take(rows)
        heads = gatekeeper.probabilities(prompts.queries, self.batch.take(rows))
        return LeftOut(prompts=prompts, heads=heads, profiles=gatekeeper.profiles(prompts.queries, heads))

    def _thinned(self, rows: IntArray, share: float) -> IntArray:
        if share >= 1.0:
            return rows
        rng = np.random.default_rng(self.options.gatekeeper.seed)
        files = np.array(self.prompts.sources)[rows]
        luck = {file: rng.random() for file in sorted(set(files)) if file.rsplit("_", 1)[-1].isdigit()}
        drawn = np.array([luck.get(file, 1.0) for file in files])
        by_row = np.where(drawn < 1.0, drawn, rng.random(len(rows)))
        return rows[by_row < share]


def pooled(parts: Sequence[LeftOut]) -> LeftOut:
    """Put several left-out sources together: recall and false alarms then share one scale of probabilities."""
    return LeftOut(
        prompts=joined([part.prompts for part in parts]),
        heads=HeadProbabilities(stacked=np.concatenate([part.heads.stacked for part in parts])),
        profiles=[profile for part in parts for profile in part.profiles],
    )


def leave_each_out(
    hold_out: SourceHoldOut, groups: Sequence[str], share: float = 1.0
) -> dict[str, GatekeeperEvaluation]:
    """Judge each of the groups by what is learned without it, and all of them together.

    Parameters
    ----------
    hold_out : the recipe and its prompts.
    groups : names; ``a+b`` leaves both out of one fit, which is stricter and cheaper, and judges each.
    share : see :meth:`SourceHoldOut.left_out`.
    """
    parts: dict[str, LeftOut] = {}
    for together in groups:
        parts |= hold_out.left_out(together.split("+"), share)
    found = {group: part.evaluation() for group, part in parts.items()}
    return {**found, POOLED: pooled(list(parts.values())).evaluation()}


def table_of(results: Mapping[str, Mapping[str, float]]) -> str:
    """Lay the main figures out, one source per line; a dash where a source cannot tell."""
    lines = [" | ".join(("source", *(heading for heading, _ in COLUMNS)))]
    for group, metrics in results.items():
        cells = [f"{metrics[key]:.3f}" if key in metrics else "-" for _, key in COLUMNS]
        lines.append(" | ".join((group, *cells)))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Leave each source out in turn and print what the recipe is worth there."""
    given = _parser().parse_args(arguments)
    options = read_recipe(given.recipe) if given.recipe else RecipeOptions()
    prompts = recipe_prompts(given.seeds, given.public, options)
    encoder = load_bundle(given.encoder)[0].features.encoder
    features = Features(encoder, evidence=KeywordRules.default()).fit(prompts.queries)
    hold_out = SourceHoldOut(prompts, features, options)
    groups = given.groups or sorted(set(hold_out.groups.tolist()))
    found: dict[str, dict[str, dict[str, float]]] = {}
    with threadpool_limits(limits=1):
        for share in given.share:
            results = leave_each_out(hold_out, groups, share)
            found[f"{share:g}"] = {group: one.metrics() for group, one in results.items()}
            sys.stdout.write(f"share of the training prompts: {share:g}\n{table_of(found[f'{share:g}'])}\n")
            sys.stdout.flush()
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    if given.tracking:
        _track(given.tracking, options, found)


def _track(folder: Path, options: RecipeOptions, found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    with Tracker(folder, GATEKEEPER, "sources left out", command_tags("held_out_sources")) as tracker:
        tracker.describe(
            "Each source left out of what the gatekeeper is taught on, by share of the rest (the step, in %)."
        )
        tracker.log_params(asdict(options))
        for share, results in found.items():
            flat = {f"{group}/{name}": value for group, metrics in results.items() for name, value in metrics.items()}
            tracker.log_metrics(flat, step=round(100 * float(share)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="arbiter_training.held_out_sources", description=__doc__)
    parser.add_argument("--seeds", type=Path, default=Path("datasets/seed_prompts"), help="folder of authored prompts")
    parser.add_argument("--public", type=Path, help="folder of the public label sets")
    parser.add_argument("--encoder", type=Path, default=Path("models/default"), help="bundle whose encoder is used")
    parser.add_argument("--recipe", type=Path, help="TOML file; the defaults are those of gatekeeper.toml")
    parser.add_argument("--groups", nargs="+", help="sources to leave out, a+b in one fit; default all, one by one")
    parser.add_argument(
        "--share", nargs="+", type=float, default=[1.0], help="shares of the other prompts to learn from"
    )
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--tracking", type=Path, help="folder of an MLflow store")
    return parser


if __name__ == "__main__":
    main()
