"""Rows of one request to what the table holds of it: halves joined, attempts folded, repetitions left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from arbiter_training.importing.columnar import HALF, STAND_IN
from arbiter_training.importing.items import Half, Reason
from arbiter_training.importing.quality import combined
from arbiter_training.traffic.columns import SOURCE, STATUS_OK

Row = dict[str, Any]
Judged = tuple[float, str, str, float]

PROMPT = ("prompt", "messages")
MEASURES = ("cost_usd", "latency_s", "ttft_s", "input_tokens", "output_tokens")
SERVED = ("served_by", "served_quality", "served_cost_usd")


@dataclass(slots=True, kw_only=True)
class Folded:
    """What became of the rows of one group.

    Attributes
    ----------
    rows : that are kept.
    dropped : reason and request id of the others.
    """

    rows: list[Row] = field(default_factory=list)
    dropped: list[tuple[Reason, str]] = field(default_factory=list)

    def drop(self, reason: Reason, row: Row) -> None:
        """Leave a row out."""
        self.dropped.append((reason, str(row["request_id"])))


def judge(row: Row, verdicts: Sequence[Judged]) -> None:
    """Write what judgements come to into a row; where another model answered, they are of that one."""
    if not verdicts:
        return
    if row.get("served_by"):
        row["served_quality"] = combined(verdicts)[0]
    else:
        row["quality"], row[SOURCE] = combined(verdicts)


def fold(members: Sequence[tuple[Row, Sequence[Judged]]]) -> Folded:
    """Bring the rows of one request together.

    Rows with the same request id are several models scored on it, or repetitions. Rows with ids of their own are
    attempts at it: each ends with the first that succeeds, and what comes after is another request, unless the same
    decision of arbiter's made both. The row of a folded request is about the model that was asked first, or that
    arbiter chose. Where another one answered in its place, ``served_by`` names it and the row has no quality, as in
    ``arbiter export``: the other one was not chosen with any known probability.

    Parameters
    ----------
    members : rows with their judgements, in the order of the log.
    """
    out = Folded()
    whole = list(_joined_halves(members, out))
    ids = {row["request_id"] for row, _ in whole}
    if len(ids) == 1:
        _several_models(whole, out)
        return out
    for attempts in _chains(_without_repetitions(whole, out)):
        out.rows.append(_request(attempts))
        for row, _ in attempts[1:]:
            out.drop(Reason.FOLDED, row)
    return out


def _joined_halves(members: Sequence[tuple[Row, Sequence[Judged]]], out: Folded) -> Iterator[tuple[Row, list[Judged]]]:
    """Put an answer's numbers into its request's row; a half that stays alone is left out."""
    requests = [(row, list(v)) for row, v in members if row.get(HALF) == Half.REQUEST]
    answers = [(row, list(v)) for row, v in members if row.get(HALF) == Half.ANSWER]
    yield from ((row, list(v)) for row, v in members if row.get(HALF) is None)
    for (request, verdicts), (answer, more) in zip(requests, answers, strict=False):
        known = {name: value for name, value in answer.items() if value is not None and name not in PROMPT}
        row = {**request, **known, "propensity": request["propensity"], HALF: None}
        if row["model"] is None:
            out.drop(Reason.NO_MODEL, row)
        else:
            yield row, verdicts + more
        out.drop(Reason.OTHER_HALF, answer)
    for row, _ in requests[len(answers) :]:
        out.drop(Reason.NO_ANSWER, row)
    for row, _ in answers[len(requests) :]:
        out.drop(Reason.NO_REQUEST, row)


def _several_models(whole: list[tuple[Row, list[Judged]]], out: Folded) -> None:
    first = whole[0][0]
    held: dict[str, Row] = {}
    for row, verdicts in whole:
        judge(row, verdicts)
        earlier = held.get(row["model"])
        if earlier is not None:
            out.drop(Reason.REPEATED if _same(row, earlier) else Reason.CONTRADICTS, row)
        elif any(row[name] != first[name] for name in (*PROMPT, "session_id")):
            out.drop(Reason.CONTRADICTS, row)
        else:
            held[row["model"]] = row
    out.rows += held.values()


def _same(row: Row, other: Row) -> bool:
    return all(row.get(name) == other.get(name) for name in {**row, **other})


def _without_repetitions(whole: list[tuple[Row, list[Judged]]], out: Folded) -> list[tuple[Row, list[Judged]]]:
    """Leave out calls that were logged twice: same id, same model."""
    held: dict[str, Row] = {}
    kept = []
    for row, verdicts in whole:
        earlier = held.setdefault(row["request_id"], row)
        if earlier is row:
            kept.append((row, verdicts))
        else:
            out.drop(Reason.REPEATED if _same(row, earlier) else Reason.CONTRADICTS, row)
    return kept


def _chains(attempts: list[tuple[Row, list[Judged]]]) -> Iterator[list[tuple[Row, list[Judged]]]]:
    """Give attempts in order of time, cut after each success; a log may not be in that order."""
    known = [pair for pair in attempts if pair[0]["timestamp"] is not None]
    ordered = sorted(attempts, key=lambda pair: pair[0]["timestamp"]) if len(known) == len(attempts) else attempts
    chain: list[tuple[Row, list[Judged]]] = []
    for pair in ordered:
        if chain and _answered(chain[-1][0]) and not _one_decision(chain[-1][0], pair[0]):
            yield chain
            chain = []
        chain.append(pair)
    if chain:
        yield chain


def _answered(row: Row) -> bool:
    return bool(row["status"] == STATUS_OK or row.get("served_by"))


def _one_decision(row: Row, other: Row) -> bool:
    return row.get("decision_id") is not None and row["decision_id"] == other.get("decision_id")


def _request(attempts: list[tuple[Row, list[Judged]]]) -> Row:
    """Give the one row of a request from its attempts, the last of which may have succeeded."""
    verdicts = [verdict for _, found in attempts for verdict in found]
    rows = [row for row, _ in attempts]
    asked = [row for row in rows if not row.get(STAND_IN)] or rows[:1]
    chosen, final = asked[0], rows[-1]
    if len(rows) == 1:
        judge(chosen, verdicts)
        return chosen
    own = [row for row in asked if row["model"] == chosen["model"]]
    measured = {name: own[-1][name] for name in ("status", *MEASURES, "answer") if name in own[-1]}
    row: Row = {**chosen, **measured, "attempts": float(len(rows))}
    costs = [attempt["cost_usd"] for attempt in own if attempt["cost_usd"] is not None]
    row["cost_usd"] = sum(costs) if costs else None
    row["latency_s"] = _waited(chosen, own[-1])
    if final.get("served_by"):
        row |= {"quality": None, **{name: final.get(name) for name in SERVED}}
    elif final["model"] != chosen["model"] and final["status"] == STATUS_OK:
        row |= {"quality": None, "served_by": final["model"], "served_quality": final["quality"]}
        row["served_cost_usd"] = final["cost_usd"]
    judge(row, verdicts)
    return row


def _waited(first: Row, last: Row) -> float | None:
    """Give the seconds from the first attempt's start to the last one's end."""
    if first["timestamp"] is None or last["timestamp"] is None or last["latency_s"] is None:
        return last["latency_s"]  # type: ignore[no-any-return]  # a cell of the table
    between: timedelta = last["timestamp"] - first["timestamp"]
    return round(between.total_seconds() + float(last["latency_s"]), 6)
