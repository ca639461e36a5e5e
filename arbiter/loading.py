"""Where bundles are found: the shipped default, a folder, or an MLflow registry."""

from pathlib import Path

from arbiter.bundle import load_bundle
from arbiter.errors import BundleError
from arbiter.manifest import MANIFEST
from arbiter.router import Router

PACKAGE = Path(__file__).parent

DEFAULT_PLACES = (PACKAGE / "bundles" / "default", PACKAGE.parent / "models" / "default")
"""In a wheel the default bundle lies inside the package; in a checkout beside it, where an editable install looks."""


def default_bundle() -> Path:
    """Give the folder of the shipped default bundle.

    Raises
    ------
    BundleError
        If the installation lacks it.
    """
    for place in DEFAULT_PLACES:
        if (place / MANIFEST).is_file():
            return place
    raise BundleError(f"this installation lacks the default bundle (looked in {DEFAULT_PLACES[0]}); install it again")


def load_router(source: str | Path | None = None) -> Router:
    """Load a router.

    Parameters
    ----------
    source : a bundle's folder, ``models:/name@alias`` of an MLflow registry, or None for the shipped default.

    Raises
    ------
    BundleError
        If there is no bundle, or it is damaged.
    """
    if source is None:
        return load_bundle(default_bundle())[0]
    if str(source).startswith("models:/"):
        from arbiter.integrations.mlflow_models import download_bundle

        return load_bundle(download_bundle(str(source)))[0]
    return load_bundle(Path(source))[0]
