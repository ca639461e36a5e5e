"""Laws of what candidates have in common."""

from dataclasses import replace

import numpy as np

from arbiter.catalog import Catalog
from arbiter_training.estimates.relatives import describe, families, kinship, traits

NAMES = ["gpt-4o", "gpt-4o-mini", "llama-3.1-8b"]
CATALOG = Catalog.default().subset(NAMES)


def test_kinship_is_a_likeness() -> None:
    """1 with oneself, the same both ways, positive semidefinite, more within a family."""
    kin = kinship(CATALOG)
    np.testing.assert_allclose(np.diag(kin), 1.0)
    np.testing.assert_allclose(kin, kin.T)
    assert np.linalg.eigvalsh(kin).min() > -1e-9
    assert kin[0, 1] > kin[0, 2]


def test_traits_are_standardised_and_a_common_one_is_0() -> None:
    """One candidate has no differences, and gives no NaN."""
    x = traits(CATALOG)
    np.testing.assert_allclose(x.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(traits(CATALOG.subset(NAMES[:1])), 0.0)


def test_size_and_family_are_read_from_names() -> None:
    """A greater size is a greater trait; without a family in the catalog the name's first word is it."""
    small = replace(CATALOG["llama-3.1-8b"], family="", name="qwen2-7b-instruct")
    catalog = Catalog([small, replace(small, name="qwen2-72b-instruct"), replace(small, name="phi-3-mini-4k")])
    sizes = traits(catalog)[:, 3]
    assert sizes[1] > sizes[2] > sizes[0]
    np.testing.assert_array_equal(families(catalog), [[0, 1], [0, 1], [1, 0]])


def test_descriptors_stand_side_by_side() -> None:
    """Identity first."""
    found = describe(CATALOG)
    np.testing.assert_array_equal(found[:, :3], np.eye(3))
    assert found.shape == (3, 3 + 4)
