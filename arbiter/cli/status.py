"""`arbiter status`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import Bundle, Json, LookedAtLedger
from arbiter.cli.output import show, show_json
from arbiter.cli.workshop import workshop
from arbiter.errors import InvalidInputError
from arbiter.vocabulary import Tier

if TYPE_CHECKING:
    from arbiter.drift import DriftReport
    from arbiter.execution import Condition
    from arbiter.metrics import ModelMetrics
    from arbiter.records import Candidate

NO_LONGER_HOLDS = "evaluations on the first decisions no longer speak for today's; evaluate on recent ones"


def status(
    bundle: Bundle = None,
    ledger: LookedAtLedger = None,
    track: Annotated[Path | None, typer.Option(help="Folder of the MLflow store to log the ledger's drift to.")] = None,
    drift_block: Annotated[int | None, typer.Option(help="Decisions of a block that drift compares; 500.")] = None,
    judged_within_s: Annotated[
        float | None, typer.Option(help="Seconds within which judgements count for drift; 3600.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List a bundle's candidates by tier with their status, what was learned of each, and who is left out just now."""
    import time

    from arbiter.drift import DriftOptions, DriftReport, drift_of
    from arbiter.execution import Health, HealthOptions, fold
    from arbiter.ledger import open_ledger
    from arbiter.loading import load_router
    from arbiter.metrics import measure

    if track is not None and ledger is None:
        raise InvalidInputError("drift is that of a ledger; give --ledger with --track")
    limits = {"block": drift_block, "judged_within_s": judged_within_s}
    options = DriftOptions(**{name: value for name, value in limits.items() if value is not None})  # type: ignore[arg-type]
    router, run = load_router(bundle), None
    known: dict[str, ModelMetrics] = {}
    health = Health(HealthOptions(), time.time)
    drift = DriftReport()
    if ledger is not None:
        with open_ledger(ledger, must_exist=True) as opened:
            known = {row.model: row for row in measure(opened).models}
            fold(opened, health, router.catalog)
            drift = drift_of((event for _, event in opened.events()), options)
            run = None if track is None else workshop("jobs.drift").log_drift(drift, opened.identity, track)
    conditions = [c for c in health.conditions() if c.calls or c.reason]
    tiers = {tier: [c for c in router.catalog if c.tier is tier] for tier in Tier}
    if as_json:
        models = [_row(c, known.get(c.name)) for tier in Tier for c in tiers[tier]]
        head = {"policy": router.policy.version, "strategy": router.settings.strategy}
        show_json({**head, "models": models, "drift": _drift_row(drift), "health": conditions, "mlflow": run})
        return
    show([f"policy {router.policy.version}, strategy {router.settings.strategy}"])
    width = max(len(name) for name in router.catalog.names)
    for tier, candidates in tiers.items():
        if candidates:
            show(["", str(tier), *(_line(c, known.get(c.name), width) for c in candidates)])
    if conditions:
        show(["", "health in the last minute", *(_health(c) for c in conditions)])
    if drift.blocks > 1:
        show(["", *(f"drift: {line}" for line in _drift_lines(drift))])
    if run is not None:
        show([f"MLflow: {run}"])


def _drift_lines(drift: "DriftReport") -> list[str]:
    looked = f"in {drift.blocks} blocks, {drift.judged_blocks} of them judged"
    lines = [d.text for d in drift.latest] or [f"none that chance does not explain, {looked}"]
    if not drift.evaluation_holds:
        lines.append(NO_LONGER_HOLDS)
    if drift.uncounted > drift.counted:
        judgements = drift.counted + drift.uncounted
        lines.append(
            f"{drift.uncounted} of {judgements} judgements do not count, as those that come later than "
            "--judged-within-s"
        )
    return lines


def _drift_row(drift: "DriftReport") -> dict[str, object]:
    return {**asdict(drift), "evaluation_holds": drift.evaluation_holds}


def _health(condition: "Condition") -> str:
    line = f"  {condition.name}  breaker {condition.state}, {condition.failures} of {condition.calls} calls failed"
    return f"{line}; left out: {condition.reason}" if condition.reason else line


def _row(candidate: "Candidate", found: "ModelMetrics | None") -> dict[str, object]:
    return {
        "model": candidate.name,
        "tier": candidate.tier,
        "status": candidate.status,
        "decisions": found.decisions if found else 0,
        "learned": found.judged if found else 0,
        "errors": found.errors if found else 0,
    }


def _line(candidate: "Candidate", found: "ModelMetrics | None", width: int) -> str:
    state = f"  {candidate.name:<{width}}  {candidate.status:<12}"
    if found is None:
        return state.rstrip()
    return f"{state}  {found.decisions} decisions, {found.judged} judged answers learned, {found.errors} errors"
