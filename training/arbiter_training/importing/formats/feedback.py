"""Feedback in a file of its own: one record a judgement, with any id of its call."""

from collections.abc import Iterator

from arbiter_training.importing.fields import first, seconds, text
from arbiter_training.importing.items import Item, Judgement, Reason, UnusableError
from arbiter_training.importing.quality import RANKS
from arbiter_training.importing.reading import Record

IDS = ("request_id", "litellm_call_id", "x-litellm-call-id", "call_id", "response_id", "decision_id", "trace_id",
       "inference_id", "target_id", "replay_id", "id")  # fmt: skip
VALUES = ("quality", "value", "score", "rating", "reward", "feedback", "label", "verdict", "thumbs")
NAMES = ("name", "metric_name", "metric")
TIMES = ("timestamp", "at", "created_at", "time")


class FeedbackRecords:
    """Reads flat records: an id, a value, and if known name, source (human, code, judge, implicit) and time."""

    name = "feedback"
    judges = True

    def recognises(self, record: Record) -> bool:
        """By an id and a value."""
        return any(name in record for name in IDS) and any(name in record for name in VALUES)

    def read(self, record: Record) -> Iterator[Item]:
        """Give the one judgement."""
        target, value = text(first(record, *IDS)), first(record, *VALUES)
        if target is None or value is None:
            raise UnusableError(Reason.NOT_THE_FORMAT, "feedback needs an id and a value")
        source = str(record.get("source") or "").lower()
        yield Judgement(
            target=target,
            name=str(first(record, *NAMES) or "feedback"),
            value=value,
            source=source if source in RANKS else "unknown",
            at=seconds(first(record, *TIMES)),
        )
