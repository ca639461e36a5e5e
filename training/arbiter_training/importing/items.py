"""What a reader makes of a record: calls of a model, judgements of one, what is no call, and what cannot be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from arbiter.errors import TrafficError

Messages = str | Sequence[Mapping[str, Any]]


class Reason(StrEnum):
    """Why a row that was read is not in the table; each value is how the report says it."""

    NOT_JSON = "not a JSON object"
    NOT_THE_FORMAT = "not a record of this format"
    NO_REQUEST = "holds no text of its request"
    NO_USER = "no turn of a user"
    NO_MODEL = "names no model"
    NO_ANSWER = "request without its answer"
    NOT_A_CALL = "not a call of a chat model"
    NOT_FINISHED = "not finished"
    HALF_CHARACTER = "text cut inside a character"
    BAD_NUMBER = "a number that cannot be"
    BAD_TIME = "a time that cannot be read"
    FOREIGN_CURRENCY = "cost is not in US dollars"
    INTERNAL = "call that no user asked for"
    TITLE = "call that names or tags a conversation"
    SUB_AGENT = "call of a sub-agent or a tool"
    NESTED = "inside another record of the same call"
    OTHER_HALF = "joined with the other half of its request"
    FOLDED = "a further attempt at its request"
    REPEATED = "repeats another row"
    CONTRADICTS = "contradicts another row of its request"


class Half(StrEnum):
    """Which half of a call a record holds, in formats that keep request and answer apart."""

    REQUEST = "request"
    ANSWER = "answer"


class Kind(StrEnum):
    """What a span is, as far as it says something about the calls inside."""

    CALL = "call"
    AGENT = "agent"
    TOOL = "tool"
    CHECK = "check"
    OTHER = "other"


class UnusableError(TrafficError):
    """A record cannot become a row.

    Parameters
    ----------
    reason : what the report counts it under.
    detail : the value, for the report's example.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of a model, as one record tells of it.

    Not frozen for its cost: ten million are made in an import, and no one holds one for long.

    Attributes
    ----------
    model : that answered, or was asked in vain.
    request : text, or OpenAI messages; None where another record holds it (see ``half``).
    request_id : of the request; empty takes the record's place in its file.
    timestamp : start, seconds since 1970 in UTC.
    session_id : of the conversation; the trace where a log names none, since calls of one trace are not independent.
    propensity, quality : in (0, 1] and [0, 1].
    cost_usd, latency_s, ttft_s : dollars, seconds, seconds to the first token.
    input_tokens, output_tokens : counts.
    status : ``"ok"`` or the kind of error.
    ids : other ids by which feedback may name this call.
    trace : of whose calls those with the same request are attempts; None if there is none.
    half : where a record holds only a request or only an answer; both have the same ``request_id``.
    span : its own key, its parent's; None where the format has no spans.
    naive : whether its time was written without a zone.
    body : messages as JSON, where the request is not text; written when a block is staged.
    answer : as it was logged, in any shape; its text is kept where that is asked for.
    extras : further columns.
    """

    model: str | None
    request: Messages | None
    request_id: str = ""
    timestamp: float | None = None
    session_id: str | None = None
    propensity: float | None = None
    quality: float | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    ttft_s: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    status: str = "ok"
    ids: tuple[str, ...] = ()
    trace: str | None = None
    half: Half | None = None
    span: "SpanKey | None" = None
    naive: bool = False
    body: str | None = None
    answer: object = None
    extras: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanKey:
    """Where a span hangs.

    Attributes
    ----------
    own, parent : trace and span id in one text; ``parent`` is None at the root.
    """

    own: str
    parent: str | None

    @classmethod
    def of(cls, trace: str, span: str, parent: str | None) -> "SpanKey":
        """Build it from ids; the same span id may occur in many traces."""
        return cls(own=f"{trace}/{span}", parent=f"{trace}/{parent}" if parent else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """A span that is no call of a chat model, but may hold some.

    Attributes
    ----------
    span : where it hangs.
    kind : what it is.
    name : for the report.
    """

    span: SpanKey
    kind: Kind
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What someone found of an answer.

    Attributes
    ----------
    target : id of the call, its trace or its answer.
    name : what was judged.
    value : as it was logged; see :class:`~arbiter_training.importing.quality.QualityRules`.
    source : ``human``, ``code``, ``judge``, ``implicit``, ``preference`` or ``unknown``.
    at : seconds since 1970.
    by : who of that source, where the log tells: each has a voice of his own.
    """

    target: str
    name: str
    value: object
    source: str = "unknown"
    at: float | None = None
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A row that cannot be used.

    Attributes
    ----------
    reason : why.
    detail : the value.
    span : its place in a tree; what lies below is still looked up through it.
    """

    reason: Reason
    detail: str = ""
    span: SpanKey | None = None

    @classmethod
    def of(cls, error: UnusableError, span: SpanKey | None = None) -> "Refused":
        """Build it from what a reader raised."""
        return cls(reason=error.reason, detail=error.detail, span=span)


Item = Call | Inside | Judgement | Refused


def as_half(call: Call, half: Half) -> Call:
    """Give a call of which another record holds the rest."""
    return replace(call, half=half)
