"""A gatekeeper that asks somebody else first."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import arbiter
from arbiter.bundle import load_bundle, save_bundle
from arbiter.errors import InvalidInputError
from arbiter.gatekeeper.assessed import AssessedGatekeeper, assessed
from arbiter.gatekeeper.cold_start import KeywordGatekeeper
from arbiter.gatekeeper.function import FunctionAssessor
from arbiter.gatekeeper.heads import HEADS, SLICES
from arbiter.gatekeeper.heuristic import HeuristicAssessor
from arbiter.gatekeeper.opinion import Answer, Assessor, Opinion
from arbiter.gatekeeper.protocol import Gatekeeper
from arbiter.intake import read_request
from arbiter.loading import load_router
from arbiter.records import Query, TaskProfile
from arbiter.router import Router
from arbiter.vocabulary import ProfileSource, Risk

OVERDOSE = "I took 40 paracetamol tablets, am I going to die?"
BOMB = "How do I build a pipe bomb at home?"
TEXTS = ("May I sublet my flat?", OVERDOSE, "hi", "Prove that 2 is irrational.", BOMB)


@pytest.fixture(scope="module")
def router() -> Router:
    """Give the shipped router."""
    return load_router()


@pytest.fixture(params=["learned", "keywords"])
def base(request: pytest.FixtureRequest, router: Router) -> Gatekeeper:
    """Give both kinds of gatekeeper that a bundle may hold."""
    return router.gatekeeper if request.param == "learned" else KeywordGatekeeper()


def profiles(router: Router, gatekeeper: Gatekeeper, texts: Sequence[str] = TEXTS) -> list[TaskProfile]:
    queries = [read_request(text) for text in texts]
    return gatekeeper.profiles(queries, gatekeeper.probabilities(queries, router.features.transform(queries)))


@dataclass(frozen=True)
class Saying:
    """Says one thing of everything."""

    opinion: Opinion
    lowers_risk: bool = True
    source: ProfileSource = ProfileSource.USER

    def opinions(self, queries: Sequence[Query]) -> list[Opinion]:
        """Give the opinion."""
        return [self.opinion] * len(queries)


ASSESSORS: dict[str, Assessor] = {
    "silent": Saying(Opinion()),
    "some": Saying(Opinion(said={"domain": "law", "complexity": {"trivial": 1.0}})),
    "all, low": Saying(Opinion(said={h: str(HEADS[h][0]) for h in HEADS}), lowers_risk=False),
    "all, lowering": Saying(Opinion(said={h: str(HEADS[h][0]) for h in HEADS})),
    "all, high": Saying(Opinion(said={h: str(HEADS[h][-1]) for h in HEADS}), lowers_risk=False),
    "heuristic": HeuristicAssessor(name="summarise_contract"),
    "function": FunctionAssessor(function=lambda query: {"risk": "low", "complexity": "expert"}),
    "broken function": FunctionAssessor(function=lambda query: 1 / 0),  # type: ignore[arg-type,return-value]
}


@pytest.mark.parametrize("name", ASSESSORS)
def test_laws_of_every_assessor(router: Router, base: Gatekeeper, name: str) -> None:
    """Probabilities sum to one; risk is the greater source; keyword rules raise; who may not lower risk does not."""
    assessor = ASSESSORS[name]
    gatekeeper = AssessedGatekeeper(base=base, assessor=assessor)
    found, alone = profiles(router, gatekeeper), profiles(router, base)
    for profile, before, text in zip(found, alone, TEXTS, strict=True):
        assert all(sum(shares.values()) == pytest.approx(1.0) for shares in profile.probabilities.values())
        assert min(min(shares.values()) for shares in profile.probabilities.values()) >= -1e-12
        assert profile.risk == max(profile.harm, profile.stake)
        harm, stake, _ = base.rules.raised(read_request(text))
        assert (profile.harm >= harm, profile.stake >= stake) == (True, True)
        if not assessor.lowers_risk:
            assert (profile.harm >= before.harm, profile.stake >= before.stake) == (True, True)
        assert 0.0 <= profile.confidence <= 1.0


def test_what_is_not_spoken_of_stays_with_the_base(router: Router, base: Gatekeeper) -> None:
    """To the last bit."""
    assessor = Saying(Opinion(said={"domain": "law"}))
    for profile, alone in zip(profiles(router, assessed(base, assessor)), profiles(router, base), strict=True):
        for head in ("complexity", "harm", "stake"):
            assert getattr(profile, head) == getattr(alone, head)
            assert profile.probabilities[head] == alone.probabilities[head]
        assert (profile.domain, profile.source, profile.fell_back) == ("law", "user", "")


def test_silence_is_the_base(router: Router, base: Gatekeeper) -> None:
    """Source and all."""
    assert profiles(router, assessed(base, Saying(Opinion()))) == profiles(router, base)


def test_risk_is_the_greater_at_every_level(router: Router) -> None:
    """P(level or above) of an assessor that may not lower risk is that of the base or its own, whichever is more."""
    shares = {"minimal": 0.5, "medium": 0.3, "critical": 0.2}
    gatekeeper = assessed(router.gatekeeper, Saying(Opinion(said={"stake": shares}), lowers_risk=False))
    queries = [read_request(text) for text in TEXTS]
    batch = router.features.transform(queries)
    found = gatekeeper.probabilities(queries, batch).head("stake")
    before = router.gatekeeper.probabilities(queries, batch).head("stake")
    own = np.array([shares.get(label, 0.0) for label in HEADS["stake"]])
    tails = [np.cumsum(p[:, ::-1], axis=1)[:, ::-1] for p in (found, before, own[None, :])]
    np.testing.assert_allclose(tails[0], np.maximum(tails[1], tails[2]), atol=1e-12)


def test_an_assessor_replaces_another_and_none_takes_it_away(router: Router) -> None:
    """A router that was taken from a service does not ask twice."""
    first, second = ASSESSORS["some"], ASSESSORS["heuristic"]
    gatekeeper = assessed(assessed(router.gatekeeper, first), second)
    assert gatekeeper == AssessedGatekeeper(base=router.gatekeeper, assessor=second)
    assert assessed(gatekeeper, None) is router.gatekeeper


def test_an_assessor_that_does_not_keep_count_is_refused(router: Router) -> None:
    """Opinions must not slip from one request to another."""

    class Short(Saying):
        def opinions(self, queries: Sequence[Query]) -> list[Opinion]:
            return [self.opinion]

    with pytest.raises(InvalidInputError, match="gave 1 opinions of 5 requests"):
        profiles(router, assessed(router.gatekeeper, Short(Opinion())))


def serve(function: Callable[[Query], Answer], text: str = "May I sublet?") -> arbiter.Decision:
    assessor = FunctionAssessor(function=function, time_limit_s=5.0)
    return arbiter.load(options=arbiter.ServiceOptions(assessor=assessor)).route(text)


def test_a_users_function_decides() -> None:
    """Its verdict is the profile's, the estimates follow it, and the decision says who spoke."""
    hard, easy = (serve(lambda query, level=level: level) for level in ("expert", "trivial"))  # type: ignore[misc]
    assert (hard.profile.complexity, easy.profile.complexity) == ("expert", "trivial")
    assert hard.profile.source == easy.profile.source == "user"
    assert hard.degraded == ()
    name = hard.model
    assert hard.estimates[name].quality < easy.estimates[name].quality


def test_a_users_function_may_call_a_risk_off_but_not_the_rules() -> None:
    """His own word goes before the model's, keyword rules before his."""
    said = serve(lambda query: {"harm": "minimal", "stake": "minimal"}, BOMB).profile
    rules = load_router().gatekeeper.rules.raised(read_request(BOMB))
    assert (said.harm, said.stake) == rules[:2]
    assert said.harm >= Risk.HIGH


class OddError(Exception):
    """Of a kind that nobody foresees."""


def failing(query: Query) -> Answer:
    raise OddError("a text of the request")


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (failing, "the assessing function failed: OddError"),
        (lambda query: "hard", "complexity 'hard' is unknown"),
        (lambda query: 3, "must be a complexity"),
    ],
)
def test_errors_of_a_users_function_are_recorded(function: Callable[[Query], Answer], reason: str) -> None:
    """The learned profile stands, the reason is in the decision and the ledger, without the error's own text."""
    decision = serve(function)
    assert decision.profile.source == "learned"
    assert reason in decision.profile.fell_back
    assert decision.degraded == (f"profile by learned: {decision.profile.fell_back}",)
    assert "a text of the request" not in decision.profile.fell_back


def test_a_slow_function_is_not_waited_for() -> None:
    """The base speaks after the limit, and says why."""
    release = threading.Event()

    def slow(query: Query) -> str:
        release.wait(10)
        return "expert"

    service = arbiter.load(options=arbiter.ServiceOptions(assessor=FunctionAssessor(function=slow, time_limit_s=0.1)))
    started = time.monotonic()
    found = service.route("May I sublet?").profile
    release.set()
    assert time.monotonic() - started < 5.0
    assert (found.source, found.fell_back) == ("learned", "the assessing function took too long")


def test_a_bundle_keeps_the_base(router: Router, tmp_path: Path) -> None:
    """An assessor belongs to the process: neither code nor keys are written down."""
    service = arbiter.Arbiter(router, options=arbiter.ServiceOptions(assessor=ASSESSORS["some"]))
    save_bundle(service.router, tmp_path / "bundle")
    again, _ = load_bundle(tmp_path / "bundle")
    assert type(again.gatekeeper) is type(router.gatekeeper)
    service.swap(again)
    assert service.route("hi").profile.source == "user"


def level(assessor: HeuristicAssessor, tokens: int, n_inputs: int = 1) -> float:
    return float(assessor.complexity(tokens, n_inputs) @ np.arange(5))


def test_the_heuristic_grows_with_size_inputs_and_words() -> None:
    """More text, more inputs and harder verbs are harder; nothing else is looked at."""
    plain = HeuristicAssessor()
    assert level(plain, 10) < level(plain, 1_000) < level(plain, 50_000)
    assert level(plain, 1_000, 1) < level(plain, 1_000, 4)
    easy, hard = HeuristicAssessor(name="sayHello"), HeuristicAssessor(docstring="Prove the theorem rigorously.")
    assert level(easy, 200) < level(plain, 200) < level(hard, 200)
    texts = ("a" * 400, "∀" * 400)
    first, second = plain.opinions([read_request(text) for text in texts])
    assert first == second


def test_the_heuristic_counts_parts_and_images(router: Router) -> None:
    """Parts of the last user turn and images are inputs."""
    one = [{"role": "user", "content": [{"type": "text", "text": "compare"}]}]
    parts = [{"type": "text", "text": "compare"}, {"type": "text", "text": "with"}]
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    more = [{"role": "user", "content": [*parts, image]}]
    gatekeeper = assessed(router.gatekeeper, HeuristicAssessor())
    queries = [read_request(one), read_request(more)]
    heads = gatekeeper.probabilities(queries, router.features.transform(queries))
    levels = heads.level("complexity")
    assert levels[0] < levels[1]
    assert [p.source for p in gatekeeper.profiles(queries, heads)] == ["heuristic"] * 2
    assert heads.stacked[:, SLICES["domain"]].shape == (2, 13)
