"""Laws of the public face: what `import arbiter` offers is a decision, not an accident."""

import arbiter
import arbiter_training

DOCUMENTED = [
    "Arbiter",
    "ArbiterError",
    "AsyncClient",
    "Candidate",
    "Catalog",
    "Client",
    "Decision",
    "Estimate",
    "Feedback",
    "Query",
    "Requirements",
    "Router",
    "ServiceOptions",
    "TaskProfile",
    "__version__",
    "from_config",
    "load",
    "read_catalog",
    "write_catalog",
]


def test_the_public_names_are_the_documented_ones() -> None:
    """A name is added or taken away here and there at once."""
    assert arbiter.__all__ == DOCUMENTED


def test_all_is_sorted_and_complete() -> None:
    """Everything in __all__ exists, in order; everything public that is no module is in __all__."""
    assert list(arbiter.__all__) == sorted(arbiter.__all__)
    module = type(arbiter)
    visible = {name for name, value in vars(arbiter).items() if name[0] != "_" and not isinstance(value, module)}
    assert visible == set(arbiter.__all__) - {"__version__"}


def test_public_things_are_documented() -> None:
    """Each has a docstring of its own."""
    for name in arbiter.__all__:
        if name != "__version__":
            assert (getattr(arbiter, name).__doc__ or "").strip(), name


def test_the_version_is_that_of_the_distribution() -> None:
    """Code and metadata cannot drift apart."""
    from importlib.metadata import version

    assert arbiter.__version__ == version("arbiter-router")
    assert arbiter_training.__doc__
