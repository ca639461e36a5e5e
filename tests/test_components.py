"""Components of the user's own in bundles: registered they come back, else the error says what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from small_world import small_base

from arbiter.bundle import load_bundle, save_bundle
from arbiter.components import PARTS, register
from arbiter.encoders import HashingEncoder
from arbiter.errors import BundleError, InvalidInputError
from arbiter.estimates.expectation import Expectation
from arbiter.features import FeatureBatch, Features
from arbiter.gatekeeper.heads import HeadProbabilities
from arbiter.gatekeeper.own_features import OwnFeatures
from arbiter.intake import read_request
from arbiter.loading import load_router
from arbiter.policies.protocol import BoolArray, FloatArray
from arbiter.router import Router
from arbiter.service import Arbiter, ServiceOptions
from arbiter.state import State

TEXTS = ("Prove that 2 is irrational", "hi", "Thank you for the contract")


class Lengths:
    """Two numbers of a text, as a unit vector."""

    dim, fingerprint = 2, "lengths-1"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See the protocol."""
        angles = np.array([len(text) / 100 for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="lengths")


class ByDomain:
    """The same quality for all candidates, by domain."""

    def __init__(self, by_domain: FloatArray) -> None:
        self.by_domain = by_domain

    def predict(self, batch: FeatureBatch, heads: HeadProbabilities) -> tuple[FloatArray, FloatArray]:
        """See the protocol."""
        mean = heads.head("domain") @ self.by_domain
        return mean, np.full_like(mean, 0.1)

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="by_domain", arrays={"by_domain": self.by_domain})


class Even:
    """All alike."""

    version, share = "even-1", None

    def action_probabilities(self, context: FloatArray, eligible: BoolArray, expectation: Expectation) -> FloatArray:
        """See the protocol."""
        return np.asarray(eligible / eligible.sum(axis=-1, keepdims=True))

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="even")


@pytest.fixture
def registered() -> Iterator[None]:
    """Register all three, and forget them afterwards."""
    register("encoder", "lengths", lambda state: Lengths())
    register("quality", "by_domain", lambda state: ByDomain(state.array("by_domain", np.float64)))
    register("policy", "even", lambda state: Even())
    yield
    for part, kind in (("encoder", "lengths"), ("quality", "by_domain"), ("policy", "even")):
        PARTS[part].pop(kind, None)


def with_own() -> Router:
    """Give a router with all three: the gatekeeper keeps the hashing features."""
    base = small_base()
    k = len(base.catalog)
    quality = ByDomain(np.random.default_rng(0).random((13, k)))
    projection = replace(base.context_map.projection, mean=np.zeros(2), components=np.eye(2))
    return replace(
        base,
        features=Features(Lengths()),
        gatekeeper=OwnFeatures(base=base.gatekeeper, features=Features(HashingEncoder())),
        context_map=replace(base.context_map, projection=projection),
        estimator=replace(base.estimator, quality=quality, length=_short(base.estimator.length, 2)),
        policy=Even(),
    )


def _short(length: object, components: int) -> object:
    """Give the length model for a context of fewer components."""
    weights = length.weights  # type: ignore[attr-defined]
    return replace(length, weights=np.concatenate([weights[:1], weights[1 : 1 + components], weights[-17:]]))  # type: ignore[type-var]


def test_a_bundle_brings_them_back(registered: None, tmp_path: Path) -> None:
    """The loaded router decides the same, bit for bit."""
    router = with_own()
    save_bundle(router, tmp_path / "own")
    loaded = load_bundle(tmp_path / "own")[0]
    queries = [read_request(text) for text in TEXTS]
    found = [r.route_batch(queries, np.random.default_rng(1)) for r in (router, loaded)]
    assert found[0] == found[1] and found[0][0].policy_version == "even-1"


@pytest.mark.parametrize(("part", "kind"), [("encoder", "lengths"), ("quality", "by_domain"), ("policy", "even")])
def test_what_nobody_registered_is_named(registered: None, tmp_path: Path, part: str, kind: str) -> None:
    """At saving, so that no bundle is written that cannot be loaded, and at loading, where another process lacks it."""
    save_bundle(with_own(), tmp_path / "own")
    del PARTS[part][kind]
    for attempt in (lambda: load_router(tmp_path / "own"), lambda: save_bundle(with_own(), tmp_path / "other")):
        with pytest.raises(BundleError, match=f"unknown {part} '{kind}'.*arbiter.components.register.*ARBITER_PLUGINS"):
            attempt()
    assert not (tmp_path / "other").exists()


def test_the_gatekeeper_with_features_says_what_it_said(registered: None) -> None:
    """Whatever the router's own encoder is."""
    base, own = small_base(), with_own()
    queries = [read_request(text) for text in TEXTS]
    assert own.outlook(queries).profiles == base.outlook(queries).profiles


def test_names_of_arbiters_own_are_taken() -> None:
    """And there are four parts."""
    with pytest.raises(InvalidInputError, match="'greedy_policy' is a kind of arbiter's own"):
        register("policy", "greedy_policy", lambda state: Even())
    with pytest.raises(InvalidInputError, match=r"'policies' is no part.*encoder, gatekeeper, quality, policy"):
        register("policies", "even", lambda state: Even())


class WithTexts(Even):
    """A policy with more than settings and arrays."""

    def to_state(self) -> State:
        """Give what a bundle keeps."""
        return State(kind="even", texts={"note": "a text"})


def test_a_policy_with_texts_serves_and_takes_no_snapshots(registered: None) -> None:
    """What was learned is then folded from the ledger's beginning."""
    router = replace(small_base(), policy=WithTexts())
    with Arbiter(router, options=ServiceOptions(seed=0)) as service:
        decision = service.route("hi")
        service.feedback(decision.id, quality=0.5)
        assert decision.policy_version == "even-1" and not service.snapshot()
