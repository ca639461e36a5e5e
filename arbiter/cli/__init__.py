"""The `arbiter` command."""

import os
import sys

from arbiter.errors import ArbiterError, NotEvaluableError, PlanError, TamperedError

DONE, REFUSED, BAD_INPUT = 0, 1, 2
"""Exit status: done; a verdict was refused (gate, evaluation); the input was wrong."""

PLUGINS = "ARBITER_PLUGINS"
"""Environment variable that names files or modules to import first, such as those that register components: as in PATH,
with a colon between them (a semicolon on Windows)."""

INTERRUPTED = 130
"""Exit status of a command that the user stopped, as shells have it."""


def main() -> None:
    """Run the command line; every error that arbiter raises on purpose becomes one line and an exit status."""
    sys.exit(run())


def run() -> int:
    """Run the command line and give the exit status."""
    import typer

    from arbiter.cli.app import app
    from arbiter.own_code import own_module

    # click's UsageError, of whichever click this typer brings
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        for plugin in filter(None, os.environ.get(PLUGINS, "").split(os.pathsep)):
            own_module(plugin)
        status = app(standalone_mode=False)  # else typer writes boxes of many lines
        sys.stdout.flush()
        return status if isinstance(status, int) else DONE
    except usage_error as error:
        return _say(f"{_usage(error)}; see arbiter --help", BAD_INPUT)
    except (NotEvaluableError, TamperedError) as error:
        return _say(str(error), REFUSED)
    except PlanError as error:  # one line per problem, all at once
        return max(_say(problem, BAD_INPUT) for problem in error.problems)
    except ArbiterError as error:
        return _say(str(error), BAD_INPUT)
    except BrokenPipeError:
        return _unread()
    except SystemExit as stop:  # click's answer to a reader that has gone is 1, which here is a refused verdict
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        return _unread()
    except OSError as error:
        return _say(_file_error(error), BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED


def _unread() -> int:
    """End quietly where the reader has seen enough, such as in `arbiter models | head -1`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return DONE


def _usage(error: BaseException) -> str:
    tell = getattr(error, "format_message", None)
    return str(tell()).rstrip(".") if callable(tell) else str(error)


def _file_error(error: OSError) -> str:
    if error.filename is None:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror or error}; check the path and its permissions"


def _say(text: str, status: int) -> int:
    print(f"arbiter: {' '.join(text.split())}", file=sys.stderr)
    return status
