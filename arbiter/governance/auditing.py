"""What a service tells its audit: a decision, what came of a call, a refusal."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from arbiter.errors import AuditError, BudgetError
from arbiter.governance.governance import Governance
from arbiter.governance.protocols import AuditEntry, AuditKind
from arbiter.records import Decision, Outcome, Query

logger = logging.getLogger(__name__)


def audited(
    governance: Governance, queries: Sequence[Query], decisions: Sequence[Decision], now: float
) -> list[Decision]:
    """Tell the audit of n decisions.

    Parameters
    ----------
    governance : whose audit; without one nothing is done.
    queries : the requests; what is kept of them is for ``audit_content`` to say.
    decisions : made for them.
    now : seconds since 1970.

    Returns
    -------
    decisions : with ``degraded`` where the audit did not take one.

    Raises
    ------
    AuditError
        If one cannot be written, and ``audit_required``.
    """
    if governance.audit is None:
        return list(decisions)
    told: list[Decision] = []
    for query, decision in zip(queries, decisions, strict=True):
        why = _tell(governance, _decided(governance, query, decision, now))
        told.append(decision if why is None else replace(decision, degraded=(*decision.degraded, why)))
    return told


@contextlib.contextmanager
def refusals_told(governance: Governance, queries: Sequence[Query], clock: Callable[[], float]) -> Iterator[None]:
    """Tell the audit of requests that a budget refuses inside; the refusal goes on to the caller."""
    try:
        yield
    except BudgetError as error:
        for query in queries if governance.audit is not None else ():
            entry = AuditEntry(
                kind=AuditKind.REFUSAL,
                timestamp=clock(),
                owner=governance.owner(query),
                request=governance.audit_content.written(query),
                detail={"reason": str(error)},
            )
            _tell(governance, entry)
        raise


def tell_outcome(governance: Governance, query: Query, outcome: Outcome, answer: str, now: float) -> None:
    """Tell the audit what came of one call. Never raises: an answer that is there and paid for reaches the caller.

    Parameters
    ----------
    governance : whose audit; without one nothing is done.
    query : the request.
    outcome : of the call.
    answer : the text that came back; empty for none.
    now : seconds since 1970.
    """
    if governance.audit is None:
        return
    entry = AuditEntry(
        kind=AuditKind.COMPLETION if outcome.ok else AuditKind.FAILURE,
        timestamp=now,
        owner=governance.owner(query),
        decision_id=outcome.decision_id,
        model=outcome.model,
        cost_usd=outcome.cost_usd,
        answer=governance.audit_content.written_text(answer) if answer else None,
        detail={} if outcome.fallback_reason is None else {"reason": str(outcome.fallback_reason)},
    )
    try:
        _tell(governance, entry)
    except AuditError as error:
        logger.error("the answer to decision %s is not audited: %s", outcome.decision_id, error)


def _decided(governance: Governance, query: Query, decision: Decision, now: float) -> AuditEntry:
    economy = decision.economy
    return AuditEntry(
        kind=AuditKind.DECISION,
        timestamp=now,
        owner=governance.owner(query),
        decision_id=decision.id,
        model=decision.model,
        request=governance.audit_content.written(query),
        detail={
            "propensity": decision.propensity,
            "strategy": str(decision.strategy),
            "risk": str(decision.profile.risk),
            "needs_human_review": decision.needs_human_review,
            "policy_version": decision.policy_version,
            "degraded": list(decision.degraded),
            **({} if economy is None else {"economy": economy.account}),
        },
    )


def _tell(governance: Governance, entry: AuditEntry) -> str | None:
    assert governance.audit is not None
    try:
        governance.audit.record(entry)
    except AuditError as error:
        if governance.audit_required:
            raise
        logger.error("the audit did not take a %s: %s", entry.kind, error)
        return f"audit: {error}"
    return None
