"""Append-only events: every decision, outcome and feedback; the truth that all other state is a fold over."""

from arbiter.ledger.buffered import BufferedLedger
from arbiter.ledger.codec import decision_from_json, decision_to_json
from arbiter.ledger.events import Event, EventKind
from arbiter.ledger.prompts import PromptPolicy, PromptStorage
from arbiter.ledger.protocol import EventCount, Ledger
from arbiter.ledger.sqlite import SqliteLedger

__all__ = [
    "BufferedLedger",
    "Event",
    "EventCount",
    "EventKind",
    "Ledger",
    "PromptPolicy",
    "PromptStorage",
    "SqliteLedger",
    "decision_from_json",
    "decision_to_json",
]
