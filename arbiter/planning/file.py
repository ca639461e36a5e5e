"""Plan files: TOML that people write, read with every problem told at once."""

import datetime
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from arbiter.catalog import Catalog
from arbiter.catalog.entry import nearest
from arbiter.errors import PlanError
from arbiter.planning.table_reader import TableReader
from arbiter.planning.use_case import (
    Assumptions,
    Limits,
    PlanSpec,
    PriceChange,
    Reservation,
    UseCase,
    Volume,
)
from arbiter.planning.workloads import STRATEGY_ROWS
from arbiter.vocabulary import Capability, Risk, Strategy, Workload

Row = TypeVar("Row")

TABLES = ("plan", "use_case", "price_change", "reservation", "assumptions", "fallbacks")
LONGEST_MONTHS = 60

LEAST_PER_DAY = 0.01
"""Three requests a month: below, there is nothing to plan."""


def template() -> str:
    """Give the commented file that `arbiter plan init` writes."""
    return Path(__file__).with_name("template.toml").read_text(encoding="utf-8")


def parse_plan(path: str | Path, catalog: Catalog, today: datetime.date) -> tuple[PlanSpec, list[str], set[str]]:
    """Read a file of use cases and say what is wrong with it, rather than raise, so that other problems can join.

    Parameters
    ----------
    path : TOML file; :func:`template` explains the form.
    catalog : the models that may be named.
    today : where the file names no start, the plan starts on the first of the next month.

    Returns
    -------
    spec : the plan; what is wrong in it is replaced by its default.
    problems : of the whole file; each says what is wrong, the value, and what to do.
    unsound : names of the use cases in whose tables something is wrong.

    Raises
    ------
    PlanError
        If the file cannot be read or is not TOML.
    """
    path = Path(path)
    document = _parse(path)
    problems = [f"{path}: unknown table [{key}]{nearest(key, TABLES)}" for key in document if key not in TABLES]
    at = _Places(path=path, catalog=catalog, problems=problems, today=today)
    return _spec(document, at), problems, at.unsound


class _Places:
    """What every reader of one file shares."""

    def __init__(self, path: Path, catalog: Catalog, problems: list[str], today: datetime.date) -> None:
        self.path, self.catalog, self.problems, self.today = path, catalog, problems, today
        self.unsound: set[str] = set()

    def reader(self, table: object, where: str) -> TableReader:
        found = f"{self.path}: {where}"
        if isinstance(table, dict):
            return TableReader(table, found, self.problems)
        self.problems.append(f"{found} must be a table, got {table!r}")
        return TableReader({}, found, self.problems)

    def tables(self, document: Mapping[str, Any], key: str) -> list[TableReader]:
        listed = document.get(key, [])
        if not isinstance(listed, list):
            self.problems.append(f"{self.path}: {key} must be written as [[{key}]], with two brackets on each side")
            return []
        return [self.reader(table, f"[[{key}]] {i}{_named(table)}") for i, table in enumerate(listed, start=1)]


def _named(table: object) -> str:
    name = table.get("name", table.get("model")) if isinstance(table, dict) else None
    return f" '{name}'" if isinstance(name, str) else ""


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError([f"cannot read the plan {path}: {error.strerror or error}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError([f"{path} is not a TOML file: {error}"]) from error


def _spec(document: Mapping[str, Any], at: _Places) -> PlanSpec:
    top = at.reader(document.get("plan", {}), "[plan]")
    next_month = (at.today.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
    name, start = top.text("name") or at.path.stem, top.date("start", next_month)
    months = top.whole("months", 12, 1, LONGEST_MONTHS)
    top.finish()
    cases = _use_cases(document, at)
    if not document.get("use_case"):
        at.problems.append(f"{at.path}: there is no [[use_case]]; add one, or start from `arbiter plan init`")
    return PlanSpec(
        name=name,
        start=start,
        months=months,
        use_cases=cases,
        price_changes=_sound(document, "price_change", _price_change, at),
        reservations=_sound(document, "reservation", _reservation, at),
        assumptions=_assumptions(at.reader(document.get("assumptions", {}), "[assumptions]")),
        fallbacks=_fallbacks(at.reader(document.get("fallbacks", {}), "[fallbacks]"), document, at),
    )


def _sound(
    document: Mapping[str, Any], key: str, read: Callable[[TableReader, _Places], Row], at: _Places
) -> tuple[Row, ...]:
    """Give the rows of those tables in which nothing is wrong."""
    found = []
    for reader in at.tables(document, key):
        before = len(at.problems)
        row = read(reader, at)
        if len(at.problems) == before:
            found.append(row)
    return tuple(found)


def _use_cases(document: Mapping[str, Any], at: _Places) -> tuple[UseCase, ...]:
    """Give the use cases; where a value is wrong it is the default, and the name is ``unsound``."""
    found: list[UseCase] = []
    for reader in at.tables(document, "use_case"):
        before = len(at.problems)
        case = _use_case(reader, at)
        if case.name in {each.name for each in found}:
            reader.problem(f"the name '{case.name}' is taken by another use case; names must be distinct")
        if len(at.problems) > before:
            at.unsound.add(case.name)
        found.append(case)
    return tuple(found)


def _use_case(reader: TableReader, at: _Places) -> UseCase:
    name = reader.required_text("name")
    if not reader.has("workload"):
        reader.problem(f"key 'workload' is missing; it is one of {', '.join(Workload)}")
    workload = Workload(reader.member("workload", Workload, Workload.INTERACTIVE) or Workload.INTERACTIVE)
    strategy = reader.member("strategy", STRATEGY_ROWS)
    case = UseCase(
        name=name,
        workload=workload,
        volume=_volume(reader),
        limits=_limits(reader, at),
        input_tokens=reader.tokens("input_tokens"),
        output_tokens=reader.tokens("output_tokens"),
        criticality=reader.whole("criticality", 5, 1, 10),
        strategy=None if strategy is None else Strategy(strategy),
        deferrable=reader.known_number("deferrable", 0.0, 0.0, 1.0),
        repeated_prefix=reader.number("repeated_prefix", None, 0.0, 1.0),
        incumbent=_model(reader, "incumbent", at) or None,
        segment=reader.table("segment"),
        usd_per_good_answer=reader.number("usd_per_good_answer", None),
    )
    reader.finish()
    return case


def _volume(reader: TableReader) -> Volume:
    per_day = reader.required_number("requests_per_day")
    if per_day < LEAST_PER_DAY:
        told = "nothing to plan; give the requests of a mean day, or leave the table out"
        reader.problem(f"requests_per_day = {per_day:g}: {told}")
    return Volume(
        per_day=per_day,
        weekly=reader.weights("weekly", 7),
        hourly=reader.weights("hourly", 24),
        growth_per_month=reader.known_number("growth_per_month", 0.0, -0.9, 10.0),
        error=reader.known_number("volume_error", 0.1, 0.0, 2.0),
        growth_error=reader.known_number("growth_error", 0.0, 0.0, 1.0),
        shaped=reader.has("weekly") or reader.has("hourly"),
    )


def _limits(reader: TableReader, at: _Places) -> Limits:
    models = at.catalog.names
    allowed = reader.names("models", models, "model")
    if reader.is_empty("models"):
        reader.problem("models = [] leaves no model; name some, or take the key out for all of them")
    return Limits(
        capabilities=frozenset(map(Capability, reader.names("capabilities", Capability, "capability"))),
        wanted=frozenset(map(Capability, reader.names("wanted", Capability, "capability"))),
        quality_floor=reader.number("quality_floor", None, 0.0, 1.0),
        max_latency_s=reader.number("max_latency_s", None),
        latency_quantile=reader.known_number("latency_quantile", 0.95, 0.01, 0.999),
        max_cost_usd=reader.number("max_cost_usd", None),
        min_availability=reader.number("min_availability", None, 0.0, 1.0),
        local_only=reader.flag("local_only"),
        regions=reader.names("regions"),
        compliance=reader.names("compliance"),
        languages=reader.names("languages"),
        models=allowed or None,
        deny=reader.names("deny", models, "model"),
        risk=Risk(reader.member("risk", Risk, Risk.MINIMAL) or Risk.MINIMAL),
    )


def _model(reader: TableReader, key: str, at: _Places) -> str:
    name = reader.text(key) or ""
    if name and name not in at.catalog:
        reader.problem(f"{key} names the unknown model '{name}'{nearest(name, at.catalog.names)}")
        return ""
    return name


def _price_change(reader: TableReader, at: _Places) -> PriceChange:
    if not reader.has("model"):
        reader.problem("key 'model' is missing")
    if not reader.has("start"):
        reader.problem("key 'start' is missing")
    change = PriceChange(
        model=_model(reader, "model", at),
        start=reader.date("start", at.today),
        usd_per_mtok_in=reader.required_number("usd_per_mtok_in"),
        usd_per_mtok_out=reader.required_number("usd_per_mtok_out"),
    )
    reader.finish()
    return change


def _reservation(reader: TableReader, at: _Places) -> Reservation:
    if not reader.has("model"):
        reader.problem("key 'model' is missing")
    fee, capacity = reader.required_number("usd_per_month"), reader.required_number("mtok_per_month")
    if capacity == 0.0:
        reader.problem("mtok_per_month = 0 buys nothing; give million tokens a month")
    bought = Reservation(model=_model(reader, "model", at), usd_per_month=fee, mtok_per_month=capacity)
    reader.finish()
    return bought


def _assumptions(reader: TableReader) -> Assumptions:
    default = Assumptions()
    found = Assumptions(
        token_error=reader.known_number("token_error", default.token_error, 0.0, 2.0),
        rating_sd=reader.known_number("rating_sd", default.rating_sd, 0.001, 1.0),
        common_cause=reader.known_number("common_cause", default.common_cause, 0.0, 1.0),
        transient=reader.known_number("transient", default.transient, 0.0, 1.0),
        engineer_day_usd=reader.known_number("engineer_day_usd", default.engineer_day_usd),
        outage_hours=reader.known_number("outage_hours", default.outage_hours, 0.1, 168.0),
        commitment_discount=reader.known_number("commitment_discount", default.commitment_discount, 0.0, 0.99),
        revenue_usd_per_month=reader.number("revenue_usd_per_month", None),
    )
    reader.finish()
    return found


def _fallbacks(reader: TableReader, document: Mapping[str, Any], at: _Places) -> dict[str, str]:
    table = document.get("fallbacks", {})
    found: dict[str, str] = {}
    for model in table if isinstance(table, dict) else ():
        follower = _model(reader, model, at)
        if model not in at.catalog:
            reader.problem(f"unknown model '{model}'{nearest(model, at.catalog.names)}")
        elif follower:
            found[model] = follower
    return found
