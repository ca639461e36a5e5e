"""Every option of every command is set by file and environment, and a flag goes before both."""

import functools
import itertools
import json
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from command_runs import run_here
from typer.main import get_command

from arbiter.catalog import Catalog
from arbiter.cli.app import app
from arbiter.cli.configuring import commands_of, defaults_of, settings_of, take_file
from arbiter.config import COMMANDS, SHARED, Mark, Option, Settings, variable
from arbiter.errors import InvalidInputError

COMMAND = get_command(app)
TABLES = settings_of(COMMAND, ["--help"], None).tables
OF_COMMANDS = dict(commands_of(COMMAND))


def sample(option: Option) -> object:
    """Give a value of an option, as TOML has it, that is not the default."""
    number = option.least if option.least is not None else 3
    values: dict[type, object] = {
        bool: not option.default,
        int: int(number) + 1,
        float: number + 0.5,
        str: "x",
        Path: "x",
    }
    one = [*option.kind][-1].value if issubclass(option.kind, StrEnum) else values[option.kind]
    if option.most is not None and isinstance(one, float):
        one = option.most
    return [one, one] if option.many else {"a": one} if option.named else one


def in_toml(value: object) -> str:
    """Write a value down; JSON is TOML, but for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {in_toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def in_environment(value: object) -> str:
    """Write a value for a variable."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


@functools.cache
def filled(folder: Path) -> Path:
    """Write a file that sets every key of every table."""
    tables = [
        f"[{table}]\n" + "".join(f"{key} = {in_toml(sample(option))}\n" for key, option in options.items())
        for table, options in TABLES.items()
    ]
    path = folder / "arbiter.toml"
    path.write_text("\n".join(tables))
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("filled"))


def told(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["table"], row["key"]): row for row in json.loads(text)["settings"]}


def shown(option: Option, value: object, folder: Path | None) -> object:
    return option.shown(option.read(value, folder))


def test_every_option_is_set_by_the_file_and_shown(file: Path, tmp_path: Path) -> None:
    """All at once, from another folder; paths are relative to the file, secrets hidden."""
    done = run_here(tmp_path, "config", "show", "--config", file)
    found = told(done.out)
    assert (done.status, done.err) == (0, "")
    assert set(found) == {(table, key) for table, options in TABLES.items() for key in options}
    for (table, key), row in found.items():
        option = TABLES[table][key]
        assert row["value"] == shown(option, sample(option), file.parent), (table, key)
        assert row["source"] == f"{file} [{table}]"


def test_every_option_is_set_by_the_environment_and_shown(tmp_path: Path) -> None:
    """Each by its own variable; no variable means two things."""
    names = {(t, k): variable(t, k) for t, options in TABLES.items() for k in options}
    assert len(set(names.values())) == len(names)
    assert not {"ARBITER_CONFIG", "ARBITER_AUDIT_KEY"} & set(names.values())
    environment = {name: in_environment(sample(TABLES[t][k])) for (t, k), name in names.items()}
    done = run_here(tmp_path, "config", "show", "--json", **environment)
    assert (done.status, done.err) == (0, "")
    found = told(done.out)
    assert {place: row["source"] for place, row in found.items()} == names
    for (table, key), row in found.items():
        assert row["value"] == shown(TABLES[table][key], sample(TABLES[table][key]), None)


def test_what_is_shown_can_be_written_down_again(file: Path, tmp_path: Path) -> None:
    """And then says the same, wherever that file lies: but for secrets, which are not shown."""
    before = told(run_here(tmp_path, "config", "show", "--config", file).out)
    lines = [
        "".join(f"{key} = {in_toml(before[table, key]['value'])}\n" for key in options)
        for table, options in TABLES.items()
    ]
    text = "".join(f"[{table}]\n{body}" for table, body in zip(TABLES, lines, strict=True))
    (tmp_path / "arbiter.toml").write_text(text)
    after = told(run_here(tmp_path, "config", "show", "--json").out)
    assert {place: row["value"] for place, row in after.items()} == {p: row["value"] for p, row in before.items()}


SOURCES = {
    "flag": ("flag", "route"),
    "ARBITER_ROUTE_LEDGER": ("variable", "route"),
    "ARBITER_LEDGER": ("variable", "defaults"),
    "arbiter.toml [route]": ("file", "route"),
    "arbiter.toml [defaults]": ("file", "defaults"),
}


@pytest.mark.parametrize("present", list(itertools.product((False, True), repeat=len(SOURCES))))
def test_precedence(tmp_path: Path, present: tuple[bool, ...]) -> None:
    """In all 32 combinations the first of the five that is present holds, and is named."""
    names = [name for name, is_present in zip(SOURCES, present, strict=True) if is_present]
    tables = [f"[{SOURCES[name][1]}]\nledger = '/{name}'\n" for name in names if SOURCES[name][0] == "file"]
    (tmp_path / "arbiter.toml").write_text("".join(tables))
    variables = {name: f"/{name}" for name in names if SOURCES[name][0] == "variable"}
    flags = ["--ledger", "/flag"] if "flag" in names else []
    done = run_here(tmp_path, "config", "show", "--json", "route", *flags, **variables)
    row = told(done.out)["route", "ledger"]
    assert (row["value"], row["source"]) == ((f"/{names[0]}", names[0]) if names else (None, "default"))


@pytest.mark.parametrize("table", OF_COMMANDS)
def test_what_is_set_reaches_the_command(file: Path, table: str) -> None:
    """As the value of the option's parameter, as if it had been a flag."""
    settings = settings_of(COMMAND, [], file)
    defaults: Any = defaults_of(COMMAND, settings)
    for name in table.split("."):
        defaults = defaults[name]
    one = OF_COMMANDS[table]
    context = one.make_context(table, [], default_map=defaults, resilient_parsing=True)
    options = [each for each in one.params if each.param_type_name == "option"]
    assert options and set(defaults) == {each.name for each in options}
    for each in options:
        key = max(each.opts, key=len).removeprefix("--").replace("-", "_")
        wanted, found = settings.given(table)[key], context.params[each.name]
        several = isinstance(wanted, list)  # older versions of typer make paths of texts later than here
        assert list(map(str, found if several else [found])) == list(map(str, wanted if several else [wanted])), key


def test_every_flag_can_be_taken_back() -> None:
    """What file or environment turn on, the command line turns off."""
    for name, one in OF_COMMANDS.items():
        flags = [each for each in one.params if getattr(each, "is_flag", False)]
        assert all(each.secondary_opts for each in flags), name


def test_the_service_knows_the_commands_tables_and_what_they_share() -> None:
    """By names alone, since the library cannot import the command line; a shared option is of one kind everywhere."""
    assert {name.partition(".")[0] for name in OF_COMMANDS} == COMMANDS
    met = set()
    for table, options in TABLES.items():
        for key, option in options.items():
            if Mark.SHARED in option.marks:
                met.add(key)
                assert (option.kind, option.many, option.marks) == (SHARED[key].kind, False, SHARED[key].marks), table
    assert met == set(SHARED)


@pytest.mark.parametrize("present", list(itertools.product((False, True), repeat=3)))
def test_a_flag_goes_before_a_variable_and_that_before_the_file(tmp_path: Path, present: tuple[bool, ...]) -> None:
    """In all eight combinations, by the price of so many tokens; set nowhere, the option is missing."""
    flag, environment, in_file = present
    (tmp_path / "arbiter.toml").write_text("[compare-costs]\noutput = 0\n" + "input = 1000000\n" * in_file)
    variables = {"ARBITER_COMPARE_COSTS_INPUT": "2000000"} if environment else {}
    done = run_here(tmp_path, "compare-costs", "--json", *(["--input", 4_000_000] if flag else []), **variables)
    if not any(present):
        assert done.status == 2 and "Missing option '--input'" in done.err
        return
    (price,) = [row["list_usd"] for row in json.loads(done.out) if row["model"] == "gpt-4o"]
    base = Catalog.default()["gpt-4o"].usd_per_mtok_in
    assert price == pytest.approx(base * (4 if flag else 2 if environment else 1))


def test_a_flag_replaces_a_list_and_turns_off(tmp_path: Path) -> None:
    """Lists are not joined."""
    (tmp_path / "arbiter.toml").write_text("[defaults]\njson = true\n[route]\ndeny = ['gpt-4o']\n")
    denied = json.loads(run_here(tmp_path, "route", "hi").out)["excluded"]
    assert denied["gpt-4o"] == "on the deny list"
    denied = json.loads(run_here(tmp_path, "route", "hi", "--deny", "gpt-5").out)["excluded"]
    assert denied["gpt-5"] == "on the deny list" and denied.get("gpt-4o") != "on the deny list"
    assert run_here(tmp_path, "route", "hi", "--no-json").out[0] != "{"


def test_the_file_is_named_before_or_after_the_command() -> None:
    """But not behind the two dashes, where everything is text."""
    for words in (["--config", "f", "route", "x"], ["route", "--config=f", "x"], ["route", "x", "--config", "f"]):
        assert take_file(words) == (["route", "x"], Path("f"))
    assert take_file(["route", "--", "--config", "f"]) == (["route", "--", "--config", "f"], None)
    assert take_file(["route", "--config", "f", "--config", "g"]) == (["route"], Path("g"))
    for words in (["route", "--config"], ["--config=", "route"]):
        with pytest.raises(InvalidInputError, match="--config needs a file"):
            take_file(words)


def test_help_and_version_need_no_sound_configuration(tmp_path: Path) -> None:
    """And show nothing of it."""
    (tmp_path / "arbiter.toml").write_text("[defaults]\nledger = 'postgresql://ada:s3cret@host/db'\n")
    assert "s3cret" not in run_here(tmp_path, "route", "--help").out
    (tmp_path / "arbiter.toml").write_text("[roue]\n")
    assert run_here(tmp_path, "--version").status == 0
    assert run_here(tmp_path, "route", "--help").status == 0
    assert run_here(tmp_path, "models").status == 2


def test_settings_for_help_are_empty() -> None:
    """Whatever lies in the folder."""
    assert settings_of(COMMAND, ["route", "--help"], Path("absent.toml")) == Settings(tables=TABLES)
