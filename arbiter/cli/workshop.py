"""The border to the training package: it is imported at first use, and its absence names the pip command."""

from importlib import import_module
from types import ModuleType

from arbiter.errors import MissingExtraError

LIBRARIES = ("joblib", "matplotlib", "mlflow", "pyarrow", "pydantic_core", "scipy", "sklearn", "threadpoolctl")


def workshop(name: str) -> ModuleType:
    """Import ``arbiter_training.name``.

    Raises
    ------
    MissingExtraError
        If one of its libraries is not installed.
    """
    try:
        return import_module(f"arbiter_training.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in LIBRARIES:
            raise
        raise MissingExtraError.of(error.name.split(".")[0], "train") from error
