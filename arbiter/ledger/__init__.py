"""Append-only events: every decision, outcome and feedback; the truth that all other state is a fold over."""

from arbiter.ledger.buffered import BufferedLedger
from arbiter.ledger.codec import decision_from_json, decision_to_json
from arbiter.ledger.events import Event, EventKind
from arbiter.ledger.opening import open_ledger
from arbiter.ledger.postgres import PostgresLedger
from arbiter.ledger.prompts import PromptPolicy, PromptStorage
from arbiter.ledger.protocol import BUDGET, WATCH, EventCount, Judged, Ledger, Pruned, Snapshot
from arbiter.ledger.sqlite import SqliteLedger

__all__ = [
    "BUDGET",
    "WATCH",
    "BufferedLedger",
    "Event",
    "EventCount",
    "EventKind",
    "Judged",
    "Ledger",
    "PostgresLedger",
    "PromptPolicy",
    "PromptStorage",
    "Pruned",
    "Snapshot",
    "SqliteLedger",
    "decision_from_json",
    "decision_to_json",
    "open_ledger",
]
