"""The cheap candidate first, and a dearer one where its answer will not do."""

from dataclasses import dataclass, field, replace

from arbiter.errors import InvalidInputError
from arbiter.execution.attempts import Execution
from arbiter.execution.bookkeeping import rejected
from arbiter.execution.chain import answered, chain_of, require_allowed
from arbiter.execution.checks import Check, SelfConsistency
from arbiter.execution.run import Run, Tried
from arbiter.records import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Ask the choice; where a check says that its answer will not do, ask a better candidate. All is paid for.

    Where the better ones fail, the best of the answers that would not do is given: it is better than none.

    Attributes
    ----------
    check : scores answers.
    threshold : score from which an answer will do; :func:`arbiter.execution.learn_threshold` finds it from logs.
    steps : candidates at most; the last one's answer is taken as it is.
    """

    check: Check = field(default_factory=SelfConsistency)
    threshold: float = 0.6
    steps: int = 2

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold <= 1.0:
            raise InvalidInputError(f"a cascade's threshold lies in [0, 1], got {self.threshold}")
        if self.steps < 2:
            raise InvalidInputError(f"a cascade has 2 steps or more, got {self.steps}")

    async def carry_out(self, run: Run) -> Execution:
        """See :class:`arbiter.execution.Plan`."""
        climb = steps_of(run.decision, self.steps)
        weak: list[tuple[float, Tried]] = []
        for place, model in enumerate(climb, 1):
            last = place == len(climb)
            tried = await run.ask(model, last=last, more={} if last else self.check.params)
            require_allowed(run)
            if tried.attempt.reason is not None:
                continue
            if last:
                return run.finish(tried)
            score = await self.check.score(run, tried)
            scored = run.amended(tried, replace(tried.attempt, score=score))
            if score >= self.threshold:
                return run.finish(scored)
            why = f"score {score:.2f} < {self.threshold:.2f}"
            weak.append((score, run.amended(scored, rejected(scored.attempt, why, score))))
        if weak:
            return run.finish(max(weak, key=lambda one: one[0])[1])
        others = [model for model in chain_of(run) if model not in climb]
        return run.finish(await answered(run, [*climb, *others], asked=len(climb)))


def steps_of(decision: Decision, most: int) -> tuple[str, ...]:
    """Give who is asked: the choice, then eligible candidates of greater expected quality, evenly up to the best."""
    estimates = decision.estimates
    if decision.model not in estimates:
        return (decision.model,)
    own = estimates[decision.model].quality
    able = [name for name in decision.action_probs if name in estimates and estimates[name].quality > own]
    climb = sorted(able, key=lambda name: estimates[name].quality)
    n = min(most - 1, len(climb))
    return (decision.model, *(climb[(i * len(climb)) // n - 1] for i in range(1, n + 1)))
