"""A plan as JSON: what is kept of it, and what of that is read again."""

import dataclasses
import datetime
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from arbiter.errors import InvalidInputError
from arbiter.planning.decisions import decisions
from arbiter.planning.money import Money
from arbiter.planning.plan import Plan
from arbiter.planning.projection import Cell, Projection
from arbiter.planning.segments import Segments

SCHEMA = 2
"""Version of the form. Raise it when a field that :func:`read_saved` reads changes its name or meaning."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """What a review needs of a plan.

    Attributes
    ----------
    name, made, start : of the plan.
    projection : its cells.
    segments : of its use cases.
    weekly : name of the use case to the weights of the days of a week, Monday first; even where it is not there.
    """

    name: str
    made: datetime.date
    start: datetime.date
    projection: Projection
    segments: Segments = dataclasses.field(default_factory=Segments)
    weekly: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)


def plan_to_dict(plan: Plan) -> dict[str, Any]:
    """Give a plan as JSON-ready values, sums of the projection with their bands among them."""
    named = {"name": plan.name, "start": plan.start.isoformat(), "months": plan.months}
    values: dict[str, Any] = {"schema": SCHEMA, **named, **_plain(plan)}
    whole = plan.projection
    values["totals"] = {
        "all": _band(whole.total()),
        **{
            name: {key: _band(money) for key, money in sums.items()}
            for name, sums in (
                ("use_case", whole.by_use_case()),
                ("model", whole.by_model()),
                ("vendor", whole.by_vendor()),
                ("month", whole.by_month()),
            )
        },
    }
    for name in ("effective_vendors", "wanted_vendors", "used_vendors"):
        values["vendors"][name] = getattr(plan.vendors, name)
    values["roadmap"], values["decisions"] = _plain(plan.roadmap), decisions(plan)
    return values


def plan_to_json(plan: Plan) -> str:
    """Give the text that `arbiter plan strategy -o` writes."""
    return json.dumps(plan_to_dict(plan), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _band(money: Money) -> dict[str, float]:
    return {"usd": money.mean, "low": money.low, "high": money.high}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, np.ndarray | tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, datetime.date) else value


def read_saved(path: str | Path) -> SavedPlan:
    """Read what `arbiter plan strategy -o` wrote.

    Raises
    ------
    InvalidInputError
        If it is no such file, or of another version.
    """
    try:
        return saved_from_json(Path(path).read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise InvalidInputError(f"cannot read the plan {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not UTF-8 text: {error}") from error


def saved_from_json(text: str, where: str) -> SavedPlan:
    """Read the text of a saved plan; ``where`` is how messages call it.

    Raises
    ------
    InvalidInputError
        If it is no such text, or of another version.
    """
    try:
        values = json.loads(text)
        if values["schema"] != SCHEMA:
            raise InvalidInputError(f"{where} has schema {values['schema']}, this version reads {SCHEMA}: plan again")
        cases = values["spec"]["use_cases"]
        return SavedPlan(
            name=str(values["name"]),
            made=datetime.date.fromisoformat(values["made"]),
            start=datetime.date.fromisoformat(values["start"]),
            projection=Projection(cells=tuple(_cell(each) for each in values["projection"]["cells"])),
            segments=Segments(cases={each["name"]: each["segment"] for each in cases}),
            weekly={each["name"]: tuple(map(float, each["volume"]["weekly"])) for each in cases},
        )
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"{where} is not a plan that `arbiter plan strategy -o` wrote ({error!r})") from error


def _cell(values: Mapping[str, Any]) -> Cell:
    money = {name: float(values["money"][name]) for name in ("mean", "own_var", "common_sd")}
    named = {name: str(values[name]) for name in ("use_case", "model", "vendor", "month")}
    return Cell(requests=float(values["requests"]), money=Money(**money), **named)
