"""Streams of decisions and judgements between two models, that change or stay as they are, for tests of drift."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from small_world import small_learned

from arbiter.drift import DriftFold, DriftKind, DriftOptions
from arbiter.intake import read_request
from arbiter.ledger import Event
from arbiter.records import Decision, Feedback
from arbiter.vocabulary import Domain

DIM = 1 + 2 + len(Domain) + 4
MODELS = ("a", "b")
EXPECTED = 0.7


@functools.cache
def pattern() -> Decision:
    """Give a decision of a router, between the two models."""
    decision = small_learned().router.route(read_request("river"), np.random.default_rng(0))
    estimate = replace(next(iter(decision.estimates.values())), quality=EXPECTED)
    return replace(decision, estimates=dict.fromkeys(MODELS, estimate), context_version="c", context=(1.0,) * DIM)


@dataclass(frozen=True, kw_only=True)
class World:
    """How things are.

    Attributes
    ----------
    share : of the requests that model a answers.
    rate : of the answers that are judged.
    shift : added to the last entry of the context.
    drop : of the quality of model a.
    binary : whether judgements are yes or no.
    per_s : requests a second.
    """

    share: float = 0.5
    rate: float = 0.5
    shift: float = 0.0
    drop: float = 0.0
    binary: bool = False
    per_s: float = 1.0


Delay = Callable[[np.random.Generator], float]


def at_once(rng: np.random.Generator) -> float:
    """Judge without delay."""
    return 0.0


def stream(
    seed: int,
    worlds: list[tuple[int, World]],
    delay: Delay = at_once,
    session: int = 1,
) -> list[Event]:
    """Give events in the order of their times.

    Parameters
    ----------
    seed : of everything.
    worlds : numbers of decisions, and how things are meanwhile.
    delay : seconds from a decision to its judgement.
    session : decisions in a row that are of one topic and judged alike.
    """
    rng, at, first = np.random.default_rng(seed), 0.0, pattern()
    rows: list[tuple[float, Event]] = []
    common = np.zeros(DIM - 1)
    for i, world in enumerate(world for n, world in worlds for _ in range(n)):
        at += 1.0 / world.per_s
        if session > 1 and i % session == 0:
            common, judges = rng.normal(size=DIM - 1), rng.random() < world.rate
        elif session == 1:
            judges = rng.random() < world.rate
        model = MODELS[int(rng.random() >= world.share)]
        context = common + rng.normal(size=DIM - 1)
        context[-1] += world.shift
        name = f"{seed}-{i}"
        decision = replace(
            first,
            id=name,
            model=model,
            context=(1.0, *context.tolist()),
            session_id=f"s{i // session}" if session > 1 else None,
        )
        rows.append((at, Event(record=decision, timestamp=at)))
        if judges:
            judged = at + delay(rng)
            rows.append(
                (
                    judged,
                    Event(record=Feedback(decision_id=name, quality=_quality(rng, model, world)), timestamp=judged),
                )
            )
    return [event for _, event in sorted(rows, key=lambda row: row[0])]


def _quality(rng: np.random.Generator, model: str, world: World) -> float:
    mean = EXPECTED - (world.drop if model == "a" else 0.0)
    if world.binary:
        return float(rng.random() < mean + 0.25)
    return float(np.clip(rng.normal(mean, 0.15), 0.0, 1.0))


def folded(events: list[Event], options: DriftOptions) -> DriftFold:
    """Give the fold over events."""
    fold = DriftFold(options)
    for event in events:
        fold.take(event.record, event.timestamp)
    return fold


def alarms(streams: Iterable[list[Event]], options: DriftOptions) -> dict[DriftKind, int]:
    """Count the streams in which anything of a kind was ever found."""
    counts = dict.fromkeys(DriftKind, 0)
    for events in streams:
        for kind in {drift.kind for drift in folded(events, options).found}:
            counts[kind] += 1
    return counts
