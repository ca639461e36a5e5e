"""The exceptions of arbiter.

::

    ArbiterError
    ├── InvalidInputError (ValueError)      an argument or a record is wrong
    │   ├── TrafficError                    a traffic file or table is wrong
    │   ├── CatalogError                    a catalog file or entry is wrong
    │   └── PropensityError                 a propensity is missing, 0, or above 1
    ├── BundleError                         a bundle is damaged, unknown or of another schema
    ├── MissingExtraError (ImportError)     an optional library is not installed
    ├── LedgerError                         the ledger cannot be read or written
    │   └── UnknownDecisionError (KeyError) feedback names a decision that the ledger does not hold
    ├── NotEvaluableError                   a log cannot answer the question asked of it
    ├── DownloadError                       a public file cannot be fetched, or is not what it must be
    └── BudgetError                         a budget is used up or cannot be checked
"""


class ArbiterError(Exception):
    """Base of every error that arbiter raises on purpose."""


class InvalidInputError(ArbiterError, ValueError):
    """An argument or a record is wrong; the message names it, its value and the remedy."""


class TrafficError(InvalidInputError):
    """A traffic file or table is wrong; the message names file, row and remedy."""


class CatalogError(InvalidInputError):
    """A catalog file or one of its entries is wrong."""


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
