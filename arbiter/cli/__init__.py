"""The `arbiter` command."""

import os
import sys
from typing import Any

from arbiter.errors import ArbiterError, ManyProblemsError, NotEvaluableError, TamperedError

DONE, REFUSED, BAD_INPUT = 0, 1, 2
"""Exit status: done; a verdict was refused (gate, evaluation); the input was wrong."""

INTERRUPTED = 130
"""Exit status of a command that the user stopped, as shells have it."""


def main() -> None:
    """Run the command line; every error that arbiter raises on purpose becomes one line and an exit status."""
    sys.exit(run())


def run() -> int:
    """Run the command line and give the exit status."""
    import typer
    from typer.main import get_command

    from arbiter.cli.app import app
    from arbiter.config import PLUGINS
    from arbiter.own_code import own_module

    # click's UsageError, of whichever click this typer brings
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    try:
        for plugin in filter(None, os.environ.get(PLUGINS, "").split(os.pathsep)):
            own_module(plugin)
        status = _started(get_command(app))
        sys.stdout.flush()
        return status if isinstance(status, int) else DONE
    except usage_error as error:
        return _say(f"{_usage(error)}; see arbiter --help", BAD_INPUT)
    except (NotEvaluableError, TamperedError) as error:
        return _say(str(error), REFUSED)
    except ManyProblemsError as error:  # one line per problem, all at once
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


def _started(command: Any) -> object:
    """Start what the command line names, with what is configured as the defaults of its options."""
    from arbiter.cli.configuring import defaults_of, settings_of, take_file, told_strays

    arguments, file = take_file(sys.argv[1:])
    settings = settings_of(command, arguments, file)
    for text in told_strays(settings):
        _say(text, DONE)
    defaults = defaults_of(command, settings)
    # In standalone mode typer would write boxes of many lines.
    return command(arguments, standalone_mode=False, default_map=defaults, obj=settings)


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
