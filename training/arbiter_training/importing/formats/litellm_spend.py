"""LiteLLM's table of spend logs: as CSV, as JSONL, or read from its PostgreSQL database."""

from collections.abc import Iterator

from arbiter_training.importing.fields import mapping, text
from arbiter_training.importing.formats.litellm_payload import call_of
from arbiter_training.importing.items import Item, Reason, Refused
from arbiter_training.importing.reading import Record

BACKGROUND = "_background_"
"""In the ``request_id`` of rows that bill work which no request started."""


class LiteLLMSpend:
    """Reads rows of ``LiteLLM_SpendLogs``.

    The table has no trace: the session joins attempts, as long as they have the same messages and all but the last
    failed. Its costs are rounded by the database, no more. Times carry no zone and are UTC.
    """

    name = "litellm-spend"
    judges = False

    def recognises(self, record: Record) -> bool:
        """By the hashed key and the spend."""
        return {"api_key", "spend", "startTime"} <= record.keys() and "hidden_params" not in record

    def read(self, record: Record) -> Iterator[Item]:
        """Give the one call."""
        if BACKGROUND in str(record.get("request_id")):
            yield Refused(reason=Reason.INTERNAL, detail="background billing")
            return
        metadata = mapping(record.get("metadata"))
        yield from call_of(record, metadata, text(record.get("session_id")))
