"""Training on an encoder of the user's own: checked before the work, learned on, served by whoever registered it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_world import small_base, small_truth

from arbiter.components import PARTS
from arbiter.errors import BundleError, InvalidInputError
from arbiter.gatekeeper.own_features import OwnFeatures
from arbiter.loading import load_router
from arbiter_training.encoders import encoder_named, with_encoder
from arbiter_training.jobs.train import TrainJob, run
from arbiter_training.traffic import write_traffic

CODE = """
import numpy as np
from arbiter.components import register
from arbiter.state import State


class Vowels:
    dim, fingerprint = 5, "vowels-1"

    def encode(self, texts):
        counts = np.array([[text.lower().count(v) for v in "aeiou"] for text in texts], dtype=np.float32).reshape(-1, 5)
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        return counts / np.where(lengths > 0, lengths, 1)

    def to_state(self):
        return State(kind="vowels")


class Unregistered(Vowels):
    def to_state(self):
        return State(kind="unregistered")


class Long(Vowels):
    def encode(self, texts):
        return 2 * super().encode(texts)


class Double(Vowels):
    def encode(self, texts):
        return super().encode(texts).astype(float)


class Broken(Vowels):
    def encode(self, texts):
        return texts.vowels


made = Vowels()
register("encoder", "vowels", lambda state: Vowels())
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the path of the user's file, forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "house_encoder", raising=False)
    monkeypatch.delitem(PARTS["encoder"], "vowels", raising=False)
    (tmp_path / "house_encoder.py").write_text(CODE)
    return str(tmp_path / "house_encoder.py")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Unregistered", "unknown encoder 'unregistered'.*arbiter.components.register"),
        ("Long", "vectors of length 2; divide each by its length"),
        ("Double", r"float64 vectors of shape \(3, 5\) for 3 texts; give float32"),
        ("Broken", r"Broken failed: AttributeError: .*house_encoder.py"),
        ("Absent", "has no 'Absent'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_learned(code: str, name: str, message: str) -> None:
    """With what it was."""
    with pytest.raises((InvalidInputError, BundleError), match=message):
        encoder_named(f"{code}:{name}")


def test_only_names_that_are_known() -> None:
    """Of arbiter's own: minilm."""
    with pytest.raises(InvalidInputError, match=r"unknown encoder 'bert'; give minilm, or FILE\.py:NAME"):
        encoder_named("bert")


def test_another_encoder_is_another_base(code: str) -> None:
    """With another fingerprint; a gatekeeper that was fitted keeps its features, keyword rules need none."""
    shipped, encoder = load_router(), encoder_named(f"{code}:made")
    assert shipped.features.fingerprint
    base = with_encoder(shipped, encoder)
    assert base.features.fingerprint != shipped.features.fingerprint and base.features.encoder is encoder
    assert isinstance(base.gatekeeper, OwnFeatures) and base.gatekeeper.features is shipped.features
    np.testing.assert_array_equal(base.features.mean_, shipped.features.mean_)
    assert with_encoder(base, encoder).gatekeeper is base.gatekeeper
    cold = small_base()
    assert with_encoder(cold, encoder).gatekeeper is cold.gatekeeper


def test_a_bundle_of_it_serves_where_it_is_registered(code: str, tmp_path: Path) -> None:
    """In this process, and in one of the command line that is told of the file; elsewhere the error says how."""
    write_traffic(small_truth(80, seed=1).to_table(), tmp_path / "log.jsonl")
    job = TrainJob(traffic=(tmp_path / "log.jsonl",), out=tmp_path / "own", encoder=f"{code}:Vowels")
    run(job, lambda _: None)
    assert load_router(tmp_path / "own").features.encoder.fingerprint == "vowels-1"
    start = "from arbiter.cli import main; main()"
    command = [sys.executable, "-c", start, "route", "Why?", "--bundle", str(tmp_path / "own")]
    bare = {name: value for name, value in os.environ.items() if name != "ARBITER_PLUGINS"}
    refused = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "unknown encoder 'vowels'" in refused.stderr
    told = subprocess.run(command, env=bare | {"ARBITER_PLUGINS": code}, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
