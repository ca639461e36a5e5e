"""The job of `arbiter simulate`."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.bundle import load_bundle
from arbiter.catalog import catalog_for_log, read_catalog
from arbiter.errors import InvalidInputError
from arbiter.loading import load_router
from arbiter_training.learn import learn_router
from arbiter_training.recipe import read_recipe
from arbiter_training.report.document import check_target_file, write_page
from arbiter_training.simulator import Player, Scenario, read_scenario
from arbiter_training.simulator.compare import CURVES, PARTS, Contest, Played, Simulation, simulate
from arbiter_training.simulator.page import lines, render
from arbiter_training.simulator.roster import COLD, WARM, require_rivals, rivals_of
from arbiter_training.split import fold_numbers, groups_of
from arbiter_training.tracking import DataNote, Tracker, metric_name
from arbiter_training.tracking_labels import MAIN, command_tags, shown_source
from arbiter_training.traffic import OutcomeMatrix, pivot, read_traffic
from arbiter_training.train import Say

DEFAULT_RIVALS = (COLD, WARM)
"""Those that need nothing more than arbiter does."""

HELD_BACK = 5
"""With a bundle, one request in so many is in no stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateJob:
    """What to simulate on what.

    Attributes
    ----------
    traffic : tables in which every model was judged and priced on every request.
    scenario : TOML file; None plays a stationary stream.
    bundle : the router; None learns one from half of the requests and plays the other half.
    recipe, catalog : for learning; see `arbiter train`.
    seeds : streams.
    rivals : names out of ``RIVALS``.
    cache : folder that keeps the MiniLM's vectors, for ParetoBandit; empty keeps none.
    report : HTML file; None writes none.
    tracking : folder of the MLflow store; None logs nothing.
    """

    traffic: tuple[Path, ...]
    scenario: Path | None = None
    bundle: Path | None = None
    recipe: Path | None = None
    catalog: Path | None = None
    seeds: int = 5
    rivals: tuple[str, ...] = DEFAULT_RIVALS
    cache: str = ""
    report: Path | None = None
    tracking: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateDone:
    """What was found, and where it was written."""

    found: Simulation
    report: Path | None
    run: str | None

    def lines(self) -> list[str]:
        """Say it to people."""
        said = lines(self.found)
        said += [f"report: {self.report}"] if self.report else []
        return said + ([f"MLflow: {self.run}"] if self.run else [])

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        return {**asdict(self.found), "report": str(self.report) if self.report else None, "mlflow": self.run}


def run(job: SimulateJob, say: Say) -> SimulateDone:
    """Read, learn where need be, play, write.

    Raises
    ------
    TrafficError, CatalogError, BundleError, InvalidInputError
        If an input is wrong; nothing has been written then.
    """
    require_rivals(job.rivals)
    if job.seeds < 1:
        raise InvalidInputError(f"seeds must be 1 or more, got {job.seeds}")
    check_target_file(job.report)
    scenario = Scenario() if job.scenario is None else read_scenario(job.scenario)
    say("reading the traffic")
    table = read_traffic(list(job.traffic))
    outcomes = pivot(table)
    if job.bundle is not None:
        router, manifest = load_bundle(job.bundle)
        if manifest["data"].get("fingerprint") == table.fingerprint():
            raise InvalidInputError(
                f"{job.bundle} was trained on this very traffic and would look too good; give other traffic, or leave "
                "--bundle out to learn from one half and play the other"
            )
        scored_from, truth = _held_back(outcomes)
    else:
        router, truth, scored_from = _halves(outcomes, job, say)
    player = Player(router, truth, scored_from)
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(player=player, rivals=rivals_of(job.rivals, player, job.cache, Path(folder)))
        found = simulate(contest, scenario, range(job.seeds), say)
    if job.report is not None:
        write_page(render(found), job.report)
    logged = None if job.tracking is None else _log(job, table.fingerprint(), found)
    return SimulateDone(found=found, report=job.report, run=logged)


def _held_back(outcomes: OutcomeMatrix) -> tuple[OutcomeMatrix, OutcomeMatrix]:
    """Give a fifth of the requests, on which rivals start and newcomers are judged, and the others."""
    fifth = fold_numbers(groups_of(outcomes), HELD_BACK, 0) == 0
    return outcomes.subset(np.flatnonzero(fifth)), outcomes.subset(np.flatnonzero(~fifth))


def _halves(outcomes: OutcomeMatrix, job: SimulateJob, say: Say) -> tuple[Any, OutcomeMatrix, OutcomeMatrix]:
    """Learn a router from one half, split by session or near-duplicates; give it, the other half and the first."""
    options = read_recipe(job.recipe).learn
    known = read_catalog(job.catalog) if job.catalog else None
    half = fold_numbers(groups_of(outcomes), 2, options.seed)
    first, second = (outcomes.subset(np.flatnonzero(half == k)) for k in (0, 1))
    say(f"learning from {first.n} of {outcomes.n} requests")
    learned = learn_router(first, catalog_for_log(outcomes.models, known), load_router(), options)
    return learned.router, second, first


def _log(job: SimulateJob, fingerprint: str, found: Simulation) -> str:
    assert job.tracking is not None
    source = ", ".join(str(path) for path in job.traffic)
    note = DataNote(name=source, fingerprint=fingerprint, source=source)
    with Tracker(job.tracking, MAIN, f"simulate {found.scenario.name}", command_tags("simulate")) as tracker:
        tracker.log_params({"scenario": asdict(found.scenario), "seeds": found.seeds, "requests": found.requests})
        tracker.log_data(note, "simulation")
        registered = None if job.bundle is None else tracker.registry.of(str(job.bundle))
        if registered is not None:
            tracker.used_model(registered.model_id)
        tracker.log_metrics({metric_name(name): value for name, value in found.metrics().items()})
        tracker.log_curves([{metric_name(name): value for name, value in p.items()} for p in found.curves()])
        tracker.log_text(render(found), "simulation.html")
        for played in found.rows:
            _log_policy(tracker, played)
        tracker.describe(_note(found, shown_source(source)))
        return f"run {tracker.run_id}, store {tracker.uri}"


def _log_policy(tracker: Tracker, played: Played) -> None:
    """Write one policy as a run inside, under names that all share: MLflow then draws their curves together."""
    with tracker.nested(played.name, "One policy of the simulation, on the same streams as the others.") as inner:
        inner.log_params({"policy": played.name})
        inner.log_metrics({part: getattr(played, part).value for part in PARTS})
        steps = range(len(played.curve))
        inner.log_curves([{f"along/{part}": getattr(played, part)[step] for part in CURVES} for step in steps])


def _note(found: Simulation, source: str) -> str:
    rows = [
        f"| {row.name} | {row.utility.value:.4f} | {row.gain.value:+.4f} | {row.quality.value:.4f} | "
        f"${1000 * row.cost_usd.value:.3f} |"
        for row in found.rows
    ]
    head = (
        "| policy | utility | gain over the offline policy | quality | USD per 1,000 requests |\n|---|---|---|---|---|"
    )
    return "\n\n".join(
        [
            f"Scenario `{found.scenario.name}` on `{source}`: {found.seeds} streams of {found.requests} requests.",
            "\n".join([head, *rows]),
            "Means over the streams. Utility is quality (0 to 1) less the price of money, at "
            f"{found.quality_per_usd:.4g} quality points a dollar. The runs inside are the policies, "
            "with their curves under `along/`; `simulation.html` is the whole report.",
        ]
    )
