"""The exceptions of arbiter.

::

    ArbiterError
    ├── InvalidInputError (ValueError)      an argument or a record is wrong
    │   ├── TrafficError                    a traffic file or table is wrong
    │   ├── CatalogError                    a catalog file or entry is wrong
    │   ├── ManyProblemsError               a file is wrong; every problem is told at once
    │   │   ├── ConfigError                 the configuration is wrong
    │   │   └── PlanError                   a plan's file is wrong, or asks for what nothing fulfils
    │   ├── UnknownModelError               a call names a model that the catalog lacks
    │   └── PropensityError                 a propensity is missing, 0, or above 1
    ├── BundleError                         a bundle is damaged, unknown or of another schema
    ├── MissingExtraError (ImportError)     an optional library is not installed
    ├── LedgerError                         the ledger cannot be read or written
    │   └── UnknownDecisionError (KeyError) feedback names a decision that the ledger does not hold
    ├── NotEvaluableError                   a log cannot answer the question asked of it
    ├── DownloadError                       a public file cannot be fetched, or is not what it must be
    ├── BudgetError                         a budget is used up or cannot be checked
    ├── AuditError                          an audit log cannot be read or written
    │   └── TamperedError                   an audit log was changed after it was written
    ├── WorkflowError                       a workflow's state cannot be used, or is another's
    └── ExecutionError                      a decision was not carried out
        ├── AllCandidatesFailedError        no candidate answered
        └── StreamBrokenError               an answer broke off after its first part had reached the caller
"""

import traceback
from collections.abc import Sequence
from pathlib import PurePath
from typing import Protocol


def wordless(error: BaseException) -> str:
    """Say what went wrong for log and ledger: arbiter's own text, of a foreign error the kind and the place alone.

    What a foreign library says may quote the request, or a key.
    """
    if isinstance(error, ArbiterError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def way_of(error: BaseException | None) -> str:
    """Give the lines of code that an error came through, without its text, which may hold a key; for debugging."""
    return "".join(traceback.format_tb(error.__traceback__)) if error is not None else ""


class ArbiterError(Exception):
    """Base of every error that arbiter raises on purpose."""


class InvalidInputError(ArbiterError, ValueError):
    """An argument or a record is wrong; the message names it, its value and the remedy."""


class TrafficError(InvalidInputError):
    """A traffic file or table is wrong; the message names file, row and remedy."""


class CatalogError(InvalidInputError):
    """A catalog file or one of its entries is wrong."""


class ManyProblemsError(InvalidInputError):
    """A file is wrong; ``problems`` are all that is wrong with it, a text each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class ConfigError(ManyProblemsError):
    """The configuration is wrong: its file, or a variable of the environment."""


class PlanError(ManyProblemsError):
    """A plan's file is wrong, or asks for what no model fulfils."""


class UnknownModelError(InvalidInputError):
    """A call names a model that the catalog lacks."""


class PropensityError(InvalidInputError):
    """A propensity is missing, not a number, not above 0, or above 1."""


class BundleError(ArbiterError):
    """A bundle is damaged, unknown, or was written in another schema version."""


class MissingExtraError(ArbiterError, ImportError):
    """An optional library is not installed; the message gives the pip command."""

    @classmethod
    def of(cls, library: str, extra: str) -> "MissingExtraError":
        """Say which extra brings ``library``."""
        return cls(f"{library} is not installed: pip install 'arbiter-router[{extra}]'")


class LedgerError(ArbiterError):
    """The ledger cannot be read or written."""


class UnknownDecisionError(LedgerError, KeyError):
    """Feedback names a decision that the ledger does not hold."""

    def __str__(self) -> str:
        """Give the message as it was written (``KeyError`` would quote it)."""
        return str(self.args[0]) if self.args else ""


class NotEvaluableError(ArbiterError):
    """A log cannot answer the question asked of it; the message says why and what would."""


class DownloadError(ArbiterError):
    """A public file cannot be fetched, or is not what the manifest says; the message says which, why and what to do."""


class BudgetError(ArbiterError):
    """A budget is used up, or cannot be checked."""


class AuditError(ArbiterError):
    """An audit log cannot be read or written."""


class TamperedError(AuditError):
    """An audit log was changed after it was written; the message names the first entry concerned."""


class WorkflowError(ArbiterError):
    """A workflow's state cannot be read or written, or the run is another one or somebody else's."""


class FailedCall(Protocol):
    """What an error tells of a call; an :class:`arbiter.execution.Attempt` tells more."""

    @property
    def model(self) -> str:
        """Who was called."""
        ...

    @property
    def error(self) -> str:
        """Class and status of what failed."""
        ...

    @property
    def detail(self) -> str:
        """What the provider said."""
        ...


class ExecutionError(ArbiterError):
    """A decision was not carried out.

    Attributes
    ----------
    decision_id : of the decision; the ledger holds it with the outcome of each call.
    attempts : the calls that were made, an :class:`arbiter.execution.Attempt` each.
    """

    def __init__(self, message: str, decision_id: str = "", attempts: Sequence[FailedCall] = ()) -> None:
        super().__init__(message)
        self.decision_id = decision_id
        self.attempts = tuple(attempts)


class AllCandidatesFailedError(ExecutionError):
    """No candidate answered; the message says of each why, without a word of the request or of a key."""


class StreamBrokenError(ExecutionError):
    """An answer broke off after its first part had reached the caller, so that nobody else could begin it anew."""
