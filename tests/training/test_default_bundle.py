"""The shipped bundle's training tells what it learned from."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from arbiter.gatekeeper.heads import HEADS
from arbiter.loading import default_bundle
from arbiter.manifest import MANIFEST
from arbiter_training.default_bundle import main
from arbiter_training.public_sets.content import digest_of_columns, write_columns

WORDS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "jetty", "knoll", "ledge")


@pytest.mark.slow
def test_the_manifest_names_the_public_sets_with_their_digests(tmp_path: Path) -> None:
    """Name and content digest of each set that was at hand; without a folder there is none."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, size=12)) for _ in range(160)]
    (tmp_path / "seeds").mkdir()
    for number, part in enumerate((texts[:60], texts[60:120])):
        rows = [{"prompt": text, **{h: str(rng.choice(HEADS[h])) for h in HEADS}} for text in part]
        text = "\n".join(json.dumps(row) for row in rows)
        (tmp_path / "seeds" / f"kind_{number:02d}.jsonl").write_text(text, encoding="utf-8")
    columns = {"prompt": texts[120:]}
    write_columns(columns, tmp_path / "public" / "labels" / "cyber_benign_borderline.parquet")
    out = tmp_path / "bundle"
    shutil.copytree(default_bundle(), out)  # whose encoder stays
    for public, told in (
        (("--public", str(tmp_path / "public")), {"cyber_benign_borderline": digest_of_columns(columns)}),
        ((), {}),
    ):
        main(["-o", str(out), "--seeds", str(tmp_path / "seeds"), *public])
        data = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["data"]
        assert data["public_sets"] == told
        assert data["prompts"] == 120 + (40 if told else 0)
