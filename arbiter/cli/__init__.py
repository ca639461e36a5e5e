"""The `arbiter` command."""

import sys

from arbiter.errors import ArbiterError, NotEvaluableError

DONE, REFUSED, BAD_INPUT = 0, 1, 2
"""Exit status: done; a verdict was refused (gate, evaluation); the input was wrong."""


def main() -> None:
    """Run the command line; every error that arbiter raises on purpose becomes one line and an exit status."""
    from arbiter.cli.app import app

    try:
        app()
    except NotEvaluableError as error:
        sys.exit(_say(error, REFUSED))
    except (ArbiterError, OSError) as error:
        sys.exit(_say(error, BAD_INPUT))


def _say(error: Exception, status: int) -> int:
    print(f"arbiter: {' '.join(str(error).split())}", file=sys.stderr)
    return status
