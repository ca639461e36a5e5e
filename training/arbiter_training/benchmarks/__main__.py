"""``python -m arbiter_training.benchmarks RECIPE --data FOLDER``: one benchmark, one table."""

import argparse
import json
import sys
from pathlib import Path

from arbiter.errors import ArbiterError
from arbiter.loading import load_router
from arbiter_training.benchmarks.protocol import read_benchmark
from arbiter_training.benchmarks.run import run_benchmark
from arbiter_training.benchmarks.tracked import log_benchmark


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when done, 2 on bad input with a one-line reason."""
    parser = argparse.ArgumentParser(prog="python -m arbiter_training.benchmarks", description=__doc__)
    parser.add_argument("recipe", type=Path, help="TOML file, such as training/recipes/gsm8k_pair.toml")
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the traffic files")
    parser.add_argument("--base", help="bundle that gives features and gatekeeper; the shipped one by default")
    parser.add_argument("--cache", type=Path, default=Path("vectors"), help="folder of the MiniLM's vectors")
    parser.add_argument("--track", type=Path, help="folder of the MLflow store; without it nothing is logged")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes, for tests, not for figures")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    given = parser.parse_args(arguments)
    try:
        benchmark = read_benchmark(given.recipe)
        benchmark = benchmark.quick() if given.quick else benchmark
        result = run_benchmark(benchmark, given.data, load_router(given.base), given.cache, _progress)
        logged = log_benchmark(result, given.track) if given.track else None
    except ArbiterError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    text = json.dumps(result.board.to_dict(), indent=2) if given.json else result.board.text()
    sys.stdout.write(text + "\n" + (f"MLflow: {logged}\n" if logged and not given.json else ""))
    return 0


def _progress(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
