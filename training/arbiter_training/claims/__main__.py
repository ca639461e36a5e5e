"""``python -m arbiter_training.claims --data FOLDER``: what is claimed of learning online, measured."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from arbiter.errors import ArbiterError, InvalidInputError
from arbiter.loading import load_router
from arbiter_training.claims.figures import Finding
from arbiter_training.claims.grounds import TRAFFICS, Paths, grounds
from arbiter_training.claims.run import CLAIMS, findings
from arbiter_training.claims.table import line, markdown, metrics, to_dict
from arbiter_training.tracking import Tracker, metric_name
from arbiter_training.tracking_labels import CLAIMS as CLAIMS_RUNS
from arbiter_training.tracking_labels import command_tags


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when done, 2 on bad input with a one-line reason."""
    parser = argparse.ArgumentParser(prog="python -m arbiter_training.claims", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the traffic files")
    parser.add_argument("--base", help="bundle that gives features and gatekeeper; the shipped one by default")
    parser.add_argument("--cache", default="vectors", help="folder of the MiniLM's vectors")
    parser.add_argument("--seeds", type=int, default=20, help="streams per scenario")
    parser.add_argument("--only", action="append", choices=CLAIMS, help="may be repeated; all by default")
    parser.add_argument("--traffic", action="append", choices=TRAFFICS, help="may be repeated; all by default")
    parser.add_argument("--track", type=Path, help="folder of the MLflow store; without it nothing is logged")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    given = parser.parse_args(arguments)
    try:
        if given.seeds < 2:
            raise InvalidInputError(f"seeds must be 2 or more, got {given.seeds}")
        found = _measured(given)
        logged = _log(found, given) if given.track else None
    except ArbiterError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(to_dict(found), indent=2) + "\n" if given.json else markdown(found))
    if logged and not given.json:
        sys.stdout.write(f"MLflow: {logged}\n")
    return 0


def _measured(given: argparse.Namespace) -> list[Finding]:
    found: list[Finding] = []
    with threadpool_limits(limits=1), tempfile.TemporaryDirectory() as scratch:
        paths = Paths(data=given.data, cache=given.cache, scratch=Path(scratch))
        for ground in grounds(tuple(given.traffic or TRAFFICS), load_router(given.base), paths, _say):
            for one in findings(ground, given.seeds, tuple(given.only or CLAIMS), _say):
                _say(line(one))
                found.append(one)
    return found


def _log(found: Sequence[Finding], given: argparse.Namespace) -> str:
    with Tracker(given.track, CLAIMS_RUNS, f"claims, {given.seeds} seeds", command_tags("claims")) as tracker:
        tracker.describe(f"Each figure over {given.seeds} streams, with its standard error.\n\n{markdown(found)}")
        tracker.log_params({"seeds": given.seeds, "only": given.only or CLAIMS})
        tracker.log_metrics({metric_name(name): value for name, value in metrics(found).items()})
        tracker.log_text(markdown(found), "claims.md")
        return f"run {tracker.run_id}, store {tracker.uri}"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
