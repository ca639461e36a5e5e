"""How the deployments and the providers do: who rests, whose breaker is open, and how many calls have failed lately.

A fold over outcomes, as the ledger holds them: a process folds its own as they come and those of the others as it reads
them, so that all come to the same picture.
"""

import math
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from arbiter.errors import InvalidInputError
from arbiter.records import Candidate, Outcome
from arbiter.vocabulary import BreakerState, FallbackReason

AT_ONCE_RESTING = frozenset({FallbackReason.RATE_LIMITED, FallbackReason.PRIMARY_UNAVAILABLE})
"""Failures after which a deployment rests whatever its share of failures: it has said so itself."""

MOST_CALLS = 1_000
"""Calls of a window that are remembered; of busier deployments the latest."""

MOST_OWN = 20_000
"""Own calls that are remembered, so as not to be counted again when the ledger is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthOptions:
    """When who is left out.

    Attributes
    ----------
    window_s : how long a call counts.
    failures, failure_share : a deployment's breaker opens when so many calls of the window have failed, and they are
        such a share of all.
    open_s : how long a breaker stays open; then one call at a time probes, and its success closes it.
    spared_share : errors and timeouts rest a deployment only where they are more than this share of the window's calls;
        a busy one has some always. Who is rate limited or unavailable rests at once.
    provider_failures, provider_share : the same for all deployments of a provider together, where two of them fail.
    follow_s : how often the outcomes of other processes are read from the ledger.
    """

    window_s: float = 60.0
    failures: int = 5
    failure_share: float = 0.5
    open_s: float = 120.0
    spared_share: float = 0.1
    provider_failures: int = 10
    provider_share: float = 0.5
    follow_s: float = 2.0

    def __post_init__(self) -> None:
        for name in ("window_s", "open_s", "follow_s"):
            if not getattr(self, name) > 0.0:
                raise InvalidInputError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("failures", "provider_failures"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("failure_share", "spared_share", "provider_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidInputError(f"{name} must lie in [0, 1], got {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a deployment or a provider does.

    Attributes
    ----------
    name : ``model``, ``model/deployment``, or a provider.
    state : of its breaker.
    calls, failures : of the window.
    out_s : seconds for which it is left out; 0 where it may be called.
    reason : why it is, in words; empty where it is not.
    """

    name: str
    state: BreakerState
    calls: int
    failures: int
    out_s: float
    reason: str


@dataclass(slots=True)
class _Line:
    """What is known of one deployment or provider.

    Attributes
    ----------
    calls : when, whether it was answered, and by which deployment.
    rests_until, why : a cooldown.
    opened_at : when the breaker opened; NaN where it is closed.
    probed_at : when the probe that is under way was let through; NaN where none is.
    """

    calls: deque[tuple[float, bool, str]] = field(default_factory=lambda: deque(maxlen=MOST_CALLS))
    rests_until: float = -math.inf
    why: str = ""
    opened_at: float = math.nan
    probed_at: float = math.nan

    def within(self, since: float) -> list[tuple[float, bool, str]]:
        return [call for call in self.calls if call[0] >= since]


class Health:
    """Tells who may be called; safe to share between threads.

    Parameters
    ----------
    options : when who is left out.
    clock : gives seconds since 1970, as the ledger's timestamps.
    """

    def __init__(self, options: HealthOptions, clock: Callable[[], float]) -> None:
        self._options = options
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._own: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Give the clock's time."""
        return self._clock()

    def admits(self, candidate: Candidate | None, model: str, deployment: str) -> bool:
        """Say whether a deployment may be called just now; of a breaker that is half open, the one who is told so."""
        now = self._clock()
        keys = [_key(model, deployment), *([] if candidate is None else [_provider(candidate.provider)])]
        with self._lock:
            lines = [self._lines[key] for key in keys if key in self._lines]
            if any(self._out_s(line, now) > 0.0 for line in lines):
                return False
            for line in lines:
                if not math.isnan(line.opened_at):
                    line.probed_at = now
            return True

    def why(self, candidate: Candidate | None, model: str, deployment: str) -> str:
        """Say why a deployment may not be called just now; empty where it may."""
        now = self._clock()
        with self._lock:
            provider = "" if candidate is None else self._why(_provider(candidate.provider), now)
            return provider or self._why(_key(model, deployment), now)

    def observed(self, outcome: Outcome, candidate: Candidate | None, at: float, *, own: bool = False) -> None:
        """Take in what came of a call.

        Parameters
        ----------
        outcome : of the call; one of a call that was left out, or given up by the caller, only ends a probe.
        candidate : who was called; None for a model that the catalog lacks, whose provider is not known.
        at : seconds since 1970.
        own : whether this process made the call, and will read it again from the ledger.
        """
        call = (outcome.decision_id, outcome.attempt)
        with self._lock:
            if not own and call in self._own:
                return
            if own:
                self._own[call] = None
                while len(self._own) > MOST_OWN:
                    self._own.popitem(last=False)
            key = _key(outcome.model, outcome.deployment)
            o = self._options
            self._take(key, outcome, at, (o.failures, o.failure_share, 1))
            self._rest(self._lines[key], outcome, at)
            if candidate is not None:
                self._take(_provider(candidate.provider), outcome, at, (o.provider_failures, o.provider_share, 2))

    def out(self, candidates: Iterable[Candidate], deployments: Mapping[str, Iterable[str]]) -> dict[str, str]:
        """Give the candidates none of whose deployments may be called, with the reason.

        Parameters
        ----------
        candidates : of the catalog.
        deployments : candidate to the names of its deployments; one that is not named has one.
        """
        if not self._lines:
            return {}
        now, found = self._clock(), {}
        with self._lock:
            for candidate in candidates:
                provider = self._why(_provider(candidate.provider), now)
                own = [self._why(_key(candidate.name, name), now) for name in deployments.get(candidate.name, ("",))]
                if provider or all(own):
                    found[candidate.name] = f"provider {candidate.provider}: {provider}" if provider else own[0]
        return found

    def conditions(self) -> tuple[Condition, ...]:
        """Give how everybody does of whom anything is known, by name; providers are called ``provider NAME``."""
        now = self._clock()
        with self._lock:
            return tuple(self._condition(name, self._lines[name], now) for name in sorted(self._lines))

    def _condition(self, name: str, line: _Line, now: float) -> Condition:
        calls = line.within(now - self._options.window_s)
        return Condition(
            name=name,
            state=self._state(line, now),
            calls=len(calls),
            failures=sum(not answered for _, answered, _ in calls),
            out_s=self._out_s(line, now),
            reason=self._why(name, now),
        )

    def _take(self, key: str, outcome: Outcome, at: float, opens: tuple[int, float, int]) -> None:
        """Count a call; open the breaker at so many failures, such a share, of so many deployments, or close it."""
        line = self._lines.setdefault(key, _Line())
        half_open = self._state(line, at) is BreakerState.HALF_OPEN
        line.probed_at = math.nan
        failed = outcome.cooldown_s is not None
        if not failed and not outcome.answered:
            return
        line.calls.append((at, not failed, _key(outcome.model, outcome.deployment)))
        if not failed:
            if not math.isnan(line.opened_at):
                line.opened_at = math.nan
                line.calls.clear()
            return
        calls = line.within(at - self._options.window_s)
        failures = [by for _, answered, by in calls if not answered]
        least, share, deployments = opens
        many = len(failures) >= least and len(failures) >= share * len(calls) and len(set(failures)) >= deployments
        if half_open or (math.isnan(line.opened_at) and many):
            line.opened_at = at

    def _rest(self, line: _Line, outcome: Outcome, at: float) -> None:
        if outcome.cooldown_s is None:
            return
        calls = line.within(at - self._options.window_s)
        failed = sum(not answered for _, answered, _ in calls)
        if outcome.fallback_reason in AT_ONCE_RESTING or failed > self._options.spared_share * len(calls):
            until = at + outcome.cooldown_s
            if until > line.rests_until:
                line.rests_until, line.why = until, str(outcome.fallback_reason)

    def _state(self, line: _Line, now: float) -> BreakerState:
        if math.isnan(line.opened_at):
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < line.opened_at + self._options.open_s else BreakerState.HALF_OPEN

    def _out_s(self, line: _Line, now: float) -> float:
        """Give for how long nobody may call it; a probe that tells nothing for as long as a breaker is open is lost."""
        rests = line.rests_until - now
        open_s = self._options.open_s
        closed = 0.0 if math.isnan(line.opened_at) else line.opened_at + open_s - now
        probed = 0.0 if math.isnan(line.probed_at) else line.probed_at + open_s - now
        return max(rests, closed, probed, 0.0)

    def _why(self, key: str, now: float) -> str:
        line = self._lines.get(key)
        out_s = 0.0 if line is None else self._out_s(line, now)
        if line is None or out_s <= 0.0:
            return ""
        state = self._state(line, now)
        if state is BreakerState.HALF_OPEN and line.rests_until <= now:
            return "breaker half open, one call probes"
        return f"breaker open for {out_s:.0f} s" if state is BreakerState.OPEN else f"{line.why}, rests {out_s:.0f} s"


def _key(model: str, deployment: str) -> str:
    return f"{model}/{deployment}" if deployment else model


def _provider(name: str) -> str:
    return f"provider {name}"
