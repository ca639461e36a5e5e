"""Models of the user's own that an MLflow registry knows."""

import json
from typing import Any

from arbiter.errors import CatalogError
from arbiter.governance.protocols import FoundModel
from arbiter.integrations.quiet_mlflow import calm, import_mlflow, missing_store

PREFIX = "arbiter."
"""Of the tags that are read: ``arbiter.base``, ``arbiter.name``, and ``arbiter.`` before the key of a catalog entry."""


class MlflowFoundry:
    """Registered models that carry the tag ``arbiter.base``; see :class:`arbiter.governance.ModelFoundryClient`.

    A model's tags are read first and those of the version under the alias over them. ``arbiter.name`` is the
    candidate's name, the registered model's own by default; numbers and lists are written as JSON, texts as they are:
    ``arbiter.usd_per_mtok_in = 0.3``. Where there is no version under the alias the model is left out.

    Parameters
    ----------
    alias : the version that serves.
    registry_uri : where; None is MLflow's own setting.
    """

    def __init__(self, alias: str = "champion", registry_uri: str | None = None) -> None:
        self.alias = alias
        self.registry_uri = registry_uri

    def models(self) -> tuple[FoundModel, ...]:
        """See :meth:`arbiter.governance.ModelFoundryClient.models`; raises MissingExtraError without mlflow."""
        mlflow = import_mlflow()
        missing = missing_store(mlflow, self.registry_uri)
        if missing is not None:
            raise CatalogError(f"there is no MLflow store {missing}; give the registry_uri that you mean")
        try:
            with calm():
                client = mlflow.MlflowClient(self.registry_uri, self.registry_uri)  # else MLflow makes a store here
                return tuple(self._found(client, model) for model in _all(client) if self.alias in model.aliases)
        except mlflow.exceptions.MlflowException as error:
            raise CatalogError(f"the MLflow registry cannot be read: {str(error.message).splitlines()[0]}") from error

    def _found(self, client: Any, model: Any) -> FoundModel:
        version = client.get_model_version(model.name, model.aliases[self.alias])
        tags = {**model.tags, **version.tags}
        values = {key.removeprefix(PREFIX): _value(text) for key, text in tags.items() if key.startswith(PREFIX)}
        base = str(values.pop("base", "")) or None
        return FoundModel(name=str(values.pop("name", model.name)), base=base, values=values)


def _all(client: Any) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = client.search_registered_models(filter_string="tags.`arbiter.base` != ''", page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
