"""The public names of the package."""

import subprocess
import sys
from types import ModuleType

import arbiter.ope


def test_all_is_what_the_package_imports():
    """Each name in __all__ is there, once, and nothing public is left out."""
    modules = {name for name, value in vars(arbiter.ope).items() if isinstance(value, ModuleType)}
    public = {name for name in vars(arbiter.ope) if not name.startswith("_")} - modules
    # A function named as its module hides it, as `evaluate` and `bootstrap` do.
    assert public == set(arbiter.ope.__all__)
    assert len(public) == len(arbiter.ope.__all__)


def test_importing_loads_numpy_alone():
    """Neither scipy nor pandas nor scikit-learn comes with the estimators."""
    code = "import sys, arbiter.ope; print({'scipy', 'pandas', 'sklearn', 'mlflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
