"""TensorZero's inferences and feedback, as its gateway's API gives them or as its tables are exported."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbiter_training.importing.choice import with_choice
from arbiter_training.importing.fields import dollars, first, mapping, number, seconds, text
from arbiter_training.importing.internal import names_the_chat
from arbiter_training.importing.items import Call, Item, Judgement, Messages, Reason, Refused, UnusableError
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages


class TensorZero:
    """Reads inferences and feedback; the candidate is the variant, which is what its experiments choose."""

    name = "tensorzero"
    judges = True

    def recognises(self, record: Record) -> bool:
        """By the variant of an inference or the metric of a feedback."""
        return "variant_name" in record or ("metric_name" in record and "value" in record)

    def read(self, record: Record) -> Iterator[Item]:
        """Give the one inference or feedback."""
        if "metric_name" in record:
            yield _feedback(record)
            return
        variant = text(record.get("variant_name"))
        if variant is None:
            raise UnusableError(Reason.NO_MODEL if "variant_name" in record else Reason.NOT_THE_FORMAT)
        request = _request(record)
        yield Refused(reason=Reason.TITLE) if names_the_chat(request) else _inference(record, variant, request)


def _inference(record: Record, variant: str, request: Messages) -> Call:
    own = text(first(record, "inference_id", "id"))
    episode = text(record.get("episode_id"))
    usage = {**record, **mapping(record.get("usage"))}
    call = Call(
        model=variant,
        request=request,
        request_id=own or "",
        timestamp=seconds(first(record, "timestamp", "created_at")),
        session_id=episode,
        latency_s=number(first(record, "processing_time_ms", "response_time_ms"), "processing_time_ms", scale=1e-3),
        ttft_s=number(record.get("ttft_ms"), "ttft_ms", scale=1e-3),
        input_tokens=number(usage.get("input_tokens"), "input_tokens"),
        output_tokens=number(usage.get("output_tokens"), "output_tokens"),
        cost_usd=dollars(usage.get("cost")),
        ids=tuple(i for i in (own, episode) if i),
        answer=first(record, "output", "content"),
    )
    function = text(record.get("function_name"))
    if function:
        call.extras["function_name"] = function
    return with_choice(call, mapping(record.get("tags")))


def _request(record: Mapping[str, Any]) -> Messages:
    found = first(record, "input", "messages", "request")
    if found is None:
        raise UnusableError(Reason.NO_REQUEST)
    return read_messages(found)


def _feedback(record: Mapping[str, Any]) -> Item:
    if record.get("dryrun") is True:
        return Refused(reason=Reason.INTERNAL, detail="dryrun")
    target = text(first(record, "inference_id", "target_id", "episode_id"))
    name = text(record.get("metric_name"))
    if target is None or name is None:
        return Refused(reason=Reason.NOT_THE_FORMAT, detail="feedback on nothing")
    source = "human" if mapping(record.get("tags")).get("tensorzero::human_feedback") else "unknown"
    at = seconds(record.get("timestamp"))
    return Judgement(target=target, name=name, value=record.get("value"), source=source, at=at)
