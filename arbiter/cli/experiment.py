"""`arbiter experiment`."""

from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import HeldLedger, Json
from arbiter.cli.output import show, show_json

if TYPE_CHECKING:
    from arbiter.experiments import ExperimentResult


def experiment(
    ledger: HeldLedger,
    name: Annotated[str, typer.Argument(help="Of the experiment; left out, the names that the ledger holds.")] = "",
    quality: Annotated[float, typer.Option(help="Quality points by which the challenger may be worse.")] = 0.0,
    failures: Annotated[float, typer.Option(help="Share of requests by which more may have a failed call.")] = 0.0,
    alpha: Annotated[float, typer.Option(help="Chance of a false alarm over all looks.")] = 0.05,
    as_json: Json = False,
) -> None:
    """Compare the arms of an experiment; the exit status is 1 if the challenger is surely worse."""
    from arbiter.experiments import Guards, experiments_of, result_of
    from arbiter.ledger import open_ledger
    from arbiter.vocabulary import Progress

    with open_ledger(ledger, must_exist=True) as opened:
        if not name:
            names = experiments_of(opened)
            return show_json(names) if as_json else show(names)
        found = result_of(opened, name, Guards(quality=quality, failures=failures, alpha=alpha))
    if as_json:
        show_json(found)
    else:
        show(_lines(found))
    if found.progress is Progress.HARMFUL:
        raise typer.Exit(1)


def _lines(found: "ExperimentResult") -> list[str]:
    from arbiter.vocabulary import Arm

    lines = [f"{'arm':<11} {'decisions':>9}  " + "  ".join(f"{metric:>22}" for metric in found.means)]
    for arm in Arm:
        cells = [
            f"{m[arm].mean:.4g} ({m[arm].requests} of {m[arm].units} units)" if m[arm].requests else "-"
            for m in found.means.values()
        ]
        lines.append(f"{arm:<11} {found.decisions[arm]:>9}  " + "  ".join(f"{cell:>22}" for cell in cells))
    lines += [
        f"worse in {h.metric} than allowed by {h.value:+.4g} [{h.interval[0]:+.4g}, {h.interval[1]:+.4g}]"
        for h in found.harms
        if h.value == h.value  # nothing was measured of what is not a number
    ]
    return [*lines, f"the challenger is {found.progress}" + ("" if found.stop is None else f": {found.stop.text}")]
