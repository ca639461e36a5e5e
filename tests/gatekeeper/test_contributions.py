"""What spoke for a verdict."""

import pytest

from arbiter.gatekeeper.contributions import MEANING, contributions
from arbiter.gatekeeper.heads import HEADS, SLICES
from arbiter.gatekeeper.learned import LearnedGatekeeper
from arbiter.intake import read_request
from arbiter.loading import load_router


@pytest.mark.parametrize(
    "text", ["Prove that the square root of 2 is irrational.", "", "écris un poème, puis un poème"]
)
@pytest.mark.parametrize("head", HEADS)
def test_the_parts_sum_to_the_score(text: str, head: str) -> None:
    """With the bias they are the linear stage's score of the label over the mean of the head's labels."""
    router = load_router()
    gatekeeper, query = router.gatekeeper, read_request(text)
    assert isinstance(gatekeeper, LearnedGatekeeper)
    scores = gatekeeper.linear.scores(router.features.transform([query]))[0, SLICES[head]]
    bias = gatekeeper.linear.bias[SLICES[head]]
    for column, label in enumerate(HEADS[head]):
        parts = contributions(gatekeeper, router.features, query, head, label)
        told = sum(part.log_odds for part in parts) + bias[column] - bias.mean()
        assert told == pytest.approx(scores[column] - scores.mean(), abs=1e-4)  # features are of single precision
        assert [abs(part.log_odds) for part in parts] == sorted((abs(p.log_odds) for p in parts), reverse=True)


def test_parts_have_the_names_of_what_people_wrote() -> None:
    """Words, pairs of words, statistics, keywords and the embedding."""
    router = load_router()
    assert isinstance(router.gatekeeper, LearnedGatekeeper)
    parts = contributions(
        router.gatekeeper, router.features, read_request("translate the poem"), "domain", "translation"
    )
    names = {part.name for part in parts}
    assert {MEANING, '"translate"', '"the poem"', "log_words", "keyword:domain:translation"} <= names
