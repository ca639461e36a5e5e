"""`arbiter profile`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arbiter.cli.options import Bundle, Json, request_of
from arbiter.cli.output import BarStyle, bar_style, show, show_json

if TYPE_CHECKING:
    from arbiter.gatekeeper.contributions import Contribution
    from arbiter.gatekeeper.protocol import Gatekeeper
    from arbiter.records import Query, TaskProfile
    from arbiter.router import Router

BY_HELP = "Who judges: bundle (its gatekeeper), keywords, heuristic, or a model as litellm takes it, e.g. gpt-4o-mini."
FILE_HELP = "Read the request from a file: text, or OpenAI messages where it ends in .json."
BAR_WIDTH = 24
TOP_DOMAINS = 4
TOP_PARTS = 6
LLM_WAIT_S = 30.0
"""A person at a terminal waits longer for an LLM than a service may; the first call also imports litellm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A profile and what spoke for it.

    Attributes
    ----------
    profile : the verdicts.
    parts : head to the greatest parts of the linear stage's score for its verdict; empty where nothing was learned.
    """

    profile: "TaskProfile"
    parts: "Mapping[str, list[Contribution]]"


def profile(
    prompt: Annotated[str, typer.Argument(help="The request; - reads it from standard input.")] = "",
    file: Annotated[Path | None, typer.Option(help=FILE_HELP)] = None,
    bundle: Bundle = None,
    by: Annotated[str, typer.Option(help=BY_HELP)] = "bundle",
    as_json: Json = False,
) -> None:
    """Say what a request is: domain, complexity, harm and stake, with probabilities and what spoke for them."""
    from arbiter.loading import load_router

    query = request_of(prompt, file)
    seen = _seen(load_router(bundle), query, by)
    if as_json:
        show_json(seen)
    else:
        show(lines(seen, bar_style()))


def _seen(router: "Router", query: "Query", by: str) -> Seen:
    from arbiter.gatekeeper.contributions import contributions
    from arbiter.gatekeeper.heads import HEADS
    from arbiter.gatekeeper.learned import LearnedGatekeeper
    from arbiter.gatekeeper.own_features import OwnFeatures
    from arbiter.vocabulary import ProfileSource

    gatekeeper = _judge(router, by)
    heads = gatekeeper.probabilities([query], router.features.transform([query]))
    found = gatekeeper.profiles([query], heads)[0]
    parts: dict[str, list[Contribution]] = {}
    own = router.gatekeeper
    learned, features = (own.base, own.features) if isinstance(own, OwnFeatures) else (own, router.features)
    if found.source is ProfileSource.LEARNED and isinstance(learned, LearnedGatekeeper):
        for head in HEADS:
            split = contributions(learned, features, query, head, str(getattr(found, head)))
            parts[head] = split[:TOP_PARTS]
    return Seen(profile=found, parts=parts)


def _judge(router: "Router", by: str) -> "Gatekeeper":
    from arbiter.gatekeeper.assessed import assessed
    from arbiter.gatekeeper.cold_start import KeywordGatekeeper
    from arbiter.gatekeeper.heuristic import HeuristicAssessor
    from arbiter.gatekeeper.llm import LlmAssessor, LlmOptions

    if by == "bundle":
        return router.gatekeeper
    if by == "keywords":
        return KeywordGatekeeper(rules=router.gatekeeper.rules)
    if by == "heuristic":
        return assessed(router.gatekeeper, HeuristicAssessor())
    return assessed(router.gatekeeper, LlmAssessor(LlmOptions(model=by, time_limit_s=LLM_WAIT_S)))


def lines(seen: Seen, style: BarStyle) -> list[str]:
    """Write a profile for people: a block of bars per head, then the evidence.

    Parameters
    ----------
    seen : the profile.
    style : how bars are drawn.
    """
    found = seen.profile
    out = [
        f"{found.domain}, {found.complexity}, risk {found.risk}; task {found.task_type}; by {found.source}, "
        f"confidence {found.confidence:.2f}"
    ]
    out += [f"fell back: {found.fell_back}"] if found.fell_back else []
    for head, shares in found.probabilities.items():
        out += ["", f"{head}: {getattr(found, head)}", *_bars(head, shares, str(getattr(found, head)), style)]
        if parts := seen.parts.get(head):
            out.append(f"  spoke: {', '.join(f'{_named(part.name)} {part.log_odds:+.2f}' for part in parts)}")
    out += ["", f"keywords: {', '.join(found.evidence)}"] if found.evidence else ["", "keywords: none"]
    return out


def _bars(head: str, shares: Mapping[str, float], verdict: str, style: BarStyle) -> list[str]:
    shown = list(shares)
    if head == "domain":
        ranked = sorted(shares, key=lambda label: -shares[label])
        shown = [label for label in ranked if label in ranked[:TOP_DOMAINS] or label == verdict]
    width = max(map(len, shares))
    return [
        f"  {label:<{width}} {shares[label]:5.3f}  {style.bar(shares[label], BAR_WIDTH, label == verdict)}".rstrip()
        for label in shown
    ]


def _named(part: str) -> str:
    """Name a feature for people: ``log_list_markers`` is "list markers", ``keyword:domain:law`` "law keywords"."""
    if part.startswith("keyword:"):
        head, label = part.split(":")[1:]
        return f"{label} keywords" if head == "domain" else f"{head} {label} keywords"
    return part if part.startswith('"') else part.removeprefix("log_").replace("_", " ")
