"""What a strategy's execution plan is, unless the user says otherwise."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from arbiter.execution.attempts import Execution
from arbiter.execution.chain import Chain
from arbiter.execution.run import Run, Tried
from arbiter.vocabulary import ExecutionPlan


class Plan(Protocol):
    """Carries a decision out."""

    async def carry_out(self, run: Run) -> Execution:
        """Ask through ``run`` and give what :meth:`Run.finish` makes of the answer.

        Raises
        ------
        AllCandidatesFailedError
            If there is no answer.
        """
        ...


@runtime_checkable
class StreamingPlan(Plan, Protocol):
    """A plan that need not know the whole answer."""

    async def begin(self, run: Run) -> Tried:
        """Ask for a stream until somebody's first part has come, which is then in ``run.stream``; raises as above."""
        ...


DEFAULT_PLANS: Mapping[ExecutionPlan, Plan] = MappingProxyType(
    {
        ExecutionPlan.SINGLE: Chain(most=1),
        ExecutionPlan.FALLBACK_CHAIN: Chain(),
    }
)
