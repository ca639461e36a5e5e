"""Laws of the bandit's context vector."""

import numpy as np

from arbiter.encoders import HashingEncoder
from arbiter.features import Features
from arbiter.gatekeeper.heads import HEADS, HeadProbabilities
from arbiter.intake import read_request
from arbiter.policies.context import ContextMap
from arbiter.projection import Projection

MAP = ContextMap(projection=Projection(mean=np.zeros(16), components=np.eye(16)[:, :4]))


def heads() -> HeadProbabilities:
    """Two requests: math, expert, harmless, of high stake; and undecided in everything."""
    rows = []
    for sure in (True, False):
        picks = {"domain": "math", "complexity": "expert", "harm": "minimal", "stake": "high"}
        rows.append(
            np.concatenate(
                [
                    np.array([label == picks[h] for label in labels], float)
                    if sure
                    else np.full(len(labels), 1 / len(labels))
                    for h, labels in HEADS.items()
                ]
            )
        )
    return HeadProbabilities(stacked=np.array(rows))


def test_a_context_worked_by_hand() -> None:
    """[1, projection / 2, domains, complexity, P(harm high or more), P(stake high or more), log tokens / 8]."""
    batch = Features(HashingEncoder(16)).transform([read_request("ab" * 50), read_request("cd")])
    z = MAP.contexts(batch, heads())
    assert z.shape == (2, MAP.dim) == (2, 1 + 4 + 13 + 4)
    np.testing.assert_allclose(z[:, 0], 1.0)
    np.testing.assert_allclose(z[:, 1:5], batch.embedding[:, :4] / 2)
    assert z[0, 5:18].tolist() == [float(label == "math") for label in HEADS["domain"]]
    np.testing.assert_allclose(z[0, 18:], [1.0, 0.0, 1.0, np.log1p(25) / 8])
    np.testing.assert_allclose(z[1, 18:], [0.5, 0.4, 0.4, np.log1p(1) / 8])
    assert z[0, ContextMap.complexity_column(MAP.dim)] == 1.0


def test_a_context_map_survives_its_state() -> None:
    """Read back, it gives the same bits."""
    batch = Features(HashingEncoder(16)).transform([read_request("x y z"), read_request("")])
    again = ContextMap.from_state(MAP.to_state())
    np.testing.assert_array_equal(again.contexts(batch, heads()), MAP.contexts(batch, heads()))
