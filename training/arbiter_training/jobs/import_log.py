"""The job of `arbiter import`."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from arbiter.errors import InvalidInputError
from arbiter_training.importing import ImportReport, ImportRequest, Mapped, QualityRules, import_log
from arbiter_training.importing.report_lines import lines
from arbiter_training.importing.report_page import render
from arbiter_training.importing.run import Say
from arbiter_training.report.document import check_target_file, write_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Options of the command line that are pairs.

    Attributes
    ----------
    maps : such as ``model=llm_name``.
    units : such as ``latency_s=0.001``.
    scales : such as ``rating=1:5``.
    quality : names of the feedback that counts; none takes all.
    model : of rows that name none.
    timezone : of times that name none.
    """

    maps: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    scales: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
    model: str | None = None
    timezone: str | None = None

    def mapped(self) -> Mapped:
        """Give which columns are which.

        Raises
        ------
        InvalidInputError
            If an option is not of its form, or names no column or zone.
        """
        units = {name: _number("--unit", f"{name}={text}", text) for name, text in _pairs("--unit", self.units)}
        columns = dict(_pairs("--map", self.maps))
        return Mapped(columns=columns, scales=units, model=self.model, zone=_zone(self.timezone))

    def rules(self) -> QualityRules:
        """Give how feedback is read.

        Raises
        ------
        InvalidInputError
            If an option is not of its form.
        """
        scales: dict[str, tuple[float, float]] = {}
        for name, text in _pairs("--scale", self.scales):
            low, _, high = text.partition(":")
            given = f"{name}={text}"
            scales[name] = (_number("--scale", given, low), _number("--scale", given, high))
        return QualityRules(names=frozenset(self.quality) or None, scales=scales)


def run(request: ImportRequest, report: Path | None, say: Say) -> ImportReport:
    """Import, and write the report's page where one is asked for.

    Raises
    ------
    TrafficError, InvalidInputError, MissingExtraError
        As :func:`~arbiter_training.importing.import_log`.
    """
    check_target_file(report)
    found = import_log(request, say)
    if report is not None:
        write_page(render(found), report)
    return found


def told(found: ImportReport, out: Path) -> list[str]:
    """Say what was found to people."""
    return [f"{os.fspath(out)}: {found.kept:,} rows", *lines(found)]


def _pairs(option: str, given: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name or not value:
            raise InvalidInputError(f"{option} {text!r} must be like NAME=VALUE")
        yield name, value


def _number(option: str, given: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInputError(f"{option} {given}: {text!r} is not a number") from error


def _zone(name: str | None) -> tzinfo:
    try:
        return UTC if name is None or name.upper() == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInputError(f"--timezone {name}: no such zone; write it like Europe/Berlin") from error
