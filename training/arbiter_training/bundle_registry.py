"""Bundles as registered models of MLflow: versions, aliases, downloads."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from arbiter.errors import BundleError
from arbiter.integrations.quiet_mlflow import calm
from arbiter.manifest import MANIFEST
from arbiter_training.mlflow_connection import Connection

CHAMPION, CHALLENGER = "champion", "challenger"
"""The aliases: what serves, and what asks to. (MLflow's stages are gone.)"""

MODEL_NOTE = (
    "A router: give it prompts, and it names for each the model to ask, with the probability of that choice. "
    "`champion` is what serves; `challenger` is what last asked `arbiter promote` to serve in its place and was "
    "refused; `previous` is the champion before, where `arbiter promote --rollback` goes."
)
"""Description of the registered model."""

BUNDLE_TAG = "arbiter.bundle"
"""Tag of a version: the digest of its bundle, by which a folder is known again."""

SOURCE_PREFIX = "models:/"
"""Before the name of a registered model, and before the id of the logged model that a version was made from."""

USER = "mlflow.user"

BUNDLE = "bundle"
"""The registered model's artifact under which the bundle folder lies."""

DISTRIBUTION = "arbiter-router"
MODEL_CODE = Path(__file__).with_name("bundle_model.py")
LEDGER = "ledger"
"""Key of the registered model's ``model_config`` under which a loader names the ledger that keeps its decisions."""

OPTIONS = {"strategy": "string", "max_cost_usd": "double", "max_latency_s": "double", "min_quality": "double"}
"""Options of a call that the registered model takes as MLflow's ``params``, and their types."""

EXAMPLE = {"prompt": ["Prove that the square root of 2 is irrational.", "Thanks!"]}
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""How MLflow says that a model (the first) or an alias (the second) does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A version in the registry.

    Attributes
    ----------
    name, version : of the registered model.
    model_id : of MLflow's logged model behind it, by which metrics and runs are linked to it.
    """

    name: str
    version: int
    model_id: str

    @property
    def link(self) -> str:
        """Markdown that leads to the version on MLflow's pages."""
        return f"[{self.name} version {self.version}](#/models/{self.name}/versions/{self.version})"


class BundleRegistry:
    """The model registry of a connection.

    Parameters
    ----------
    connection : from :func:`arbiter_training.mlflow_connection.connect`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register(self, folder: str | Path, name: str, run_id: str) -> Registered:
        """Register a bundle folder as a new version of a model, linked to the run that made it.

        The model is code and files (nothing is pickled): the folder goes in as it is, and ``mlflow.pyfunc`` routes a
        column ``prompt`` with it, under :data:`OPTIONS`. MLflow tries its example on it once; should that fail, it is
        registered all the same.

        Parameters
        ----------
        folder : the bundle.
        name : the registered model; made where it does not exist.
        run_id : a run of the same store that has not ended.

        Returns
        -------
        registered : the version, and MLflow's id of the model behind it.

        Raises
        ------
        BundleError
            If there is no such folder.
        """
        fingerprint = fingerprint_of(folder)
        mlflow, client = self._connection.mlflow, self._connection.client
        with calm(), self._connection.current(), mlflow.start_run(run_id=run_id, nested=True):
            logged = mlflow.pyfunc.log_model(
                name=BUNDLE,
                python_model=str(MODEL_CODE),
                artifacts={BUNDLE: str(folder)},
                model_config={LEDGER: ""},  # MLflow lets a loader set only what is here
                pip_requirements=_requirements(mlflow),
                signature=_signature(mlflow),
                input_example=_example(),
            )
        client.update_run(run_id, status="RUNNING")  # leaving MLflow's block marked it as finished
        self._unname(str(logged.model_id))
        version = self._new_version(name, run_id, logged)
        self.tag_version(name, version, {BUNDLE_TAG: fingerprint})
        return Registered(name=name, version=version, model_id=str(logged.model_id))

    def _unname(self, model_id: str) -> None:
        """Take off what MLflow notes of who registers where: a user's name, and the path of a program."""
        client = self._connection.client
        with calm():
            client.set_logged_model_tags(model_id, {"mlflow.source.name": "arbiter"})
            if USER in client.get_logged_model(model_id).tags:
                client.delete_logged_model_tag(model_id, USER)

    def find(self, folder: str | Path, name: str | None = None) -> Registered | None:
        """Give the latest version that was registered from a bundle folder of this very content; None without one.

        Parameters
        ----------
        folder : the bundle.
        name : of the registered model; None looks at all.
        """
        query = f"tags.`{BUNDLE_TAG}` = '{fingerprint_of(folder)}'"
        with calm():
            found = map(_registered, self._connection.client.search_model_versions(query))
        own = [each for each in found if name in (None, each.name)]
        return max(own, key=lambda each: each.version, default=None)

    def of(self, bundle: str) -> Registered | None:
        """Give the version that a bundle is: named as for :func:`arbiter.load`, or a folder of its content."""
        return self._named(bundle) if bundle.startswith(SOURCE_PREFIX) else self.find(bundle)

    def _named(self, uri: str) -> Registered | None:
        """Give the version that ``models:/name@alias`` or ``models:/name/version`` names; None without one."""
        name, _, alias = uri.removeprefix(SOURCE_PREFIX).partition("@")
        name, _, number = name.partition("/")
        version = self.version_of(name, alias) if alias else int(number) if number.isdecimal() else None
        if version is None:
            return None
        try:
            with calm():
                return _registered(self._connection.client.get_model_version(name, str(version)))
        except self._connection.mlflow.exceptions.MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise

    def tag_version(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Note something with a version."""
        with calm():
            for key, value in tags.items():
                self._connection.client.set_model_version_tag(name, str(version), key, value)

    def describe_version(self, name: str, version: int, text: str) -> None:
        """Say in Markdown what a version is."""
        with calm():
            self._connection.client.update_model_version(name, str(version), text)

    def remove_alias(self, name: str, alias: str) -> None:
        """Let an alias point at nothing."""
        with calm():
            self._connection.client.delete_registered_model_alias(name, alias)

    def _new_version(self, name: str, run_id: str, logged: Any) -> int:
        """Register by the client: ``log_model`` can do it too, but writes to stderr and does not name the run."""
        client = self._connection.client
        with calm(), self._connection.current():  # SQLite's registry asks the global store for the logged model
            try:
                client.create_registered_model(name, description=MODEL_NOTE)
            except self._connection.mlflow.exceptions.MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            created = client.create_model_version(name, logged.model_uri, run_id=run_id, model_id=logged.model_id)
        return int(created.version)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias, such as :data:`CHAMPION`, at a version; it leaves the version that it pointed at."""
        with calm():
            self._connection.client.set_registered_model_alias(name, alias, str(version))

    def version_of(self, name: str, alias: str) -> int | None:
        """Give the version that an alias points at; None where the model or the alias does not exist."""
        try:
            with calm():
                return int(self._connection.client.get_model_version_by_alias(name, alias).version)
        except self._connection.mlflow.exceptions.MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise

    def note(self, name: str, key: str) -> str | None:
        """Give what was noted with a model; None where the model or the note does not exist."""
        try:
            with calm():
                found = self._connection.client.get_registered_model(name).tags.get(key)
        except self._connection.mlflow.exceptions.MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise
        return None if found is None else str(found)

    def set_note(self, name: str, key: str, text: str) -> None:
        """Note something with a model, over what was there (a tag of MLflow, at most 5,000 characters)."""
        with calm():
            self._connection.client.set_registered_model_tag(name, key, text)

    def download(self, uri: str, folder: str | Path | None = None) -> Path:
        """Bring a registered bundle here.

        Parameters
        ----------
        uri : ``models:/name@alias`` or ``models:/name/version``.
        folder : where to put it; None takes a temporary folder, or the store's own where that is on this machine.

        Returns
        -------
        bundle : the bundle folder.

        Raises
        ------
        BundleError
            If there is no such model, version or alias, or it is not a bundle.
        """
        mlflow, target = self._connection.mlflow, None if folder is None else Path(folder)
        if target is not None:
            target.mkdir(parents=True, exist_ok=True)
        try:
            with calm(), self._connection.current():
                local = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=target and str(target))
        except mlflow.exceptions.MlflowException as error:
            reason = str(error.message).splitlines()[0]
            raise BundleError(f"{uri}: not in {self._connection.uri} ({reason}): check name and alias") from error
        artifacts = mlflow.models.Model.load(local).flavors.get("python_function", {}).get("artifacts", {})
        if BUNDLE not in artifacts:
            raise BundleError(f"{uri}: a model, but not a bundle of arbiter: register one by arbiter train")
        return Path(local) / str(artifacts[BUNDLE]["path"])


def fingerprint_of(folder: str | Path) -> str:
    """Give the sha256 of a bundle's manifest, which lists every file with its own.

    Raises
    ------
    BundleError
        If there is none.
    """
    manifest = Path(folder) / MANIFEST
    if not manifest.is_file():
        raise BundleError(f"{folder}: no such folder, or no {MANIFEST} in it: give the folder that training wrote")
    return hashlib.sha256(manifest.read_bytes()).hexdigest()


def _registered(version: Any) -> Registered:
    return Registered(
        name=str(version.name), version=int(version.version), model_id=str(version.source).removeprefix(SOURCE_PREFIX)
    )


def _requirements(mlflow: Any) -> list[str]:
    """Name what serving needs; MLflow would find out by importing everything."""
    try:
        ours = f"{DISTRIBUTION}=={version(DISTRIBUTION)}"
    except PackageNotFoundError:  # run from a checkout that was not installed
        ours = DISTRIBUTION
    return [ours, f"mlflow=={mlflow.__version__}"]


def _signature(mlflow: Any) -> Any:
    types = mlflow.types
    text, number = types.DataType.string, types.DataType.double
    outputs = {"id": text, "model": text, "propensity": number, "confidence": number}
    return mlflow.models.ModelSignature(
        inputs=types.Schema([types.ColSpec(text, "prompt")]),
        outputs=types.Schema([types.ColSpec(kind, name) for name, kind in outputs.items()]),
        params=types.ParamSchema([types.ParamSpec(name, kind, default=None) for name, kind in OPTIONS.items()]),
    )


def _example() -> Any:
    import pandas as pd  # comes with mlflow

    return pd.DataFrame(EXAMPLE)
