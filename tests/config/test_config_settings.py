"""Laws of what is set: precedence in all combinations, and everything wrong told at once."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pytest

from arbiter.config import DEFAULTS, Mark, Settings, read_settings, variable
from arbiter.config.option import known_option
from arbiter.errors import ConfigError

SEED, LEDGER = known_option(int | None), known_option(Annotated[str | None, Mark.SHARED, Mark.PLACE])
TABLES = {
    DEFAULTS: {"ledger": LEDGER},
    "route": {"ledger": LEDGER, "seed": SEED, "max_cost_usd": known_option(float | None)},
    "calibrate": {"ledger": known_option(str | None)},
    "plan.strategy": {"ledger": LEDGER, "report": known_option(Path | None)},
    "compare-costs": {"input": known_option(int)},
}


def read(folder: Path, text: str | bytes, **environment: str) -> Settings:
    """Read a file of that content."""
    path = folder / "arbiter.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_settings(TABLES, environment, path)


def problems(folder: Path, text: str | bytes, **environment: str) -> list[str]:
    """Give what is wrong, without the folder."""
    with pytest.raises(ConfigError) as refused:
        read(folder, text, **environment)
    return [problem.replace(f"{folder}/", "") for problem in refused.value.problems]


PLACES = {
    "ARBITER_ROUTE_LEDGER": ("environment", "route"),
    "ARBITER_LEDGER": ("environment", DEFAULTS),
    "arbiter.toml [route]": ("file", "route"),
    "arbiter.toml [defaults]": ("file", DEFAULTS),
}
"""What can set a shared option, the strongest first."""


@pytest.mark.parametrize("present", list(itertools.product((False, True), repeat=len(PLACES))))
def test_precedence(tmp_path: Path, present: tuple[bool, ...]) -> None:
    """In each of the 16 combinations the first that is present holds, and is named; else the default."""
    told = [name for name, is_present in zip(PLACES, present, strict=True) if is_present]
    environment = {name: f"/{name}" for name in told if PLACES[name][0] == "environment"}
    text = "".join(f"[{PLACES[n][1]}]\nledger = '/{n}'\n" for n in told if PLACES[n][0] == "file")
    found = {setting.key: setting for setting in read(tmp_path, text, **environment).of("route")}["ledger"]
    assert found.source.replace(f"{tmp_path}/", "") == (told[0] if told else "default")
    assert found.value == (f"/{told[0]}" if told else None)
    assert bool(found.place) == bool(told)


def test_only_shared_options_take_the_shared_value(tmp_path: Path) -> None:
    """An option of that name which means another thing stays as it is."""
    found = read(tmp_path, "[defaults]\nledger = 'l.db'\n")
    assert found.given("plan.strategy") == {"ledger": str(tmp_path / "l.db")}
    assert found.given("calibrate") == {}


def test_dashes_and_underscores_are_one(tmp_path: Path) -> None:
    """In keys and in names of tables."""
    found = read(tmp_path, "[route]\nmax-cost-usd = 1\n[compare_costs]\ninput = 5\n")
    assert found.given("route") == {"max_cost_usd": 1.0}
    assert found.given("compare-costs") == {"input": 5}


def test_tables_in_tables_may_be_written_as_toml_lets_them(tmp_path: Path) -> None:
    """With a header of their own, dotted, or inline."""
    for text in ("[plan.strategy]\nreport='r'", "[plan]\nstrategy.report='r'", "plan = {strategy = {report = 'r'}}"):
        assert read(tmp_path, text).given("plan.strategy") == {"report": tmp_path / "r"}


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    """Compose files set such."""
    assert read(tmp_path, "", ARBITER_LEDGER="", ARBITER_ROUTE_SEED="").given("route") == {}


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """One text each: file, line, key, value, what would be right."""
    text = """ledger = "x"
[defaults]
ledgr = "l.db"
max_cost_usd = 0.1
[route]
seed = "x"  # a text
max_cots_usd = 1
max-cost-usd = 1
max_cost_usd = 2
[roue]
[plan]
strategy = 3
report = "r"
"""
    assert problems(tmp_path, text, ARBITER_ROUTE_SEED="abc", ARBITER_ROUTE_MAX_COST_USD="cheap") == [
        "arbiter.toml:1: 'ledger' stands above every table; write it below [defaults] or a command's",
        "arbiter.toml:3: unknown key 'ledgr' in [defaults]; did you mean 'ledger'?",
        "arbiter.toml:4: unknown key 'max_cost_usd' in [defaults]; it belongs to [route]",
        "arbiter.toml:6: [route] seed = 'x' must be a whole number",
        "arbiter.toml:7: unknown key 'max_cots_usd' in [route]; did you mean 'max_cost_usd'?",
        "arbiter.toml:9: [route] sets max_cost_usd twice, with and without a dash",
        "arbiter.toml:10: unknown table [roue]; did you mean 'route'?",
        "arbiter.toml:12: strategy of [plan] must be a table, [plan.strategy], got 3",
        "arbiter.toml:13: unknown key 'report' in [plan]; it belongs to [plan.strategy]",
        "ARBITER_ROUTE_SEED = 'abc' must be a whole number",
        "ARBITER_ROUTE_MAX_COST_USD = 'cheap' must be a number",
    ]


def test_a_line_that_is_not_sure_is_not_told(tmp_path: Path) -> None:
    """A text of several lines may look like a table."""
    text = '[route]\nledger = """\n[route]\nseed = 1\n"""\nseed = "x"\n'
    assert problems(tmp_path, text) == ["arbiter.toml: [route] seed = 'x' must be a whole number"]


def test_other_shapes_than_tables_are_refused(tmp_path: Path) -> None:
    """A list of tables, a value, a key that resembles nothing."""
    assert problems(tmp_path, "[[route]]\nseed = 1\n") == [
        "arbiter.toml: route must be a table, [route], got [{'seed': 1}]"
    ]
    assert problems(tmp_path, "route = 1\n") == ["arbiter.toml:1: route must be a table, [route], got 1"]
    assert problems(tmp_path, "[route]\nzzz = 1\n") == [
        "arbiter.toml:2: unknown key 'zzz' in [route]; `arbiter config show route` lists what there is"
    ]


FILES: Mapping[str, tuple[bytes, str]] = {
    "not toml": (b"[route]\nseed == 1\n", "arbiter.toml is not TOML: Invalid value (at line 2, column 7)"),
    "twice": (b"[route]\nseed = 1\nseed = 2\n", "is not TOML: Cannot overwrite a value (at line 3, column 9)"),
    "not utf-8": (b"[route]\nledger = '\xe9'\n", "is not UTF-8 text (invalid continuation byte at byte 18)"),
    "utf-16": ("[route]\n".encode("utf-16"), "is not UTF-8 text"),
    "cut short": (b"[route]\nledger = 'x", "is not TOML"),
    "binary": (bytes(range(32)), "is not TOML"),
    "thousands of digits": (b"[route]\nseed = " + b"9" * 5000 + b"\n", "is not TOML"),
    "nested beyond reason": (b"a = " + b"[" * 100_000, "is not TOML"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_toml_is_one_problem(tmp_path: Path, name: str) -> None:
    """With its place."""
    content, text = FILES[name]
    (problem,) = problems(tmp_path, content)
    assert text in problem


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf[route]\r\nseed = 1\r\n", b"# nothing\n", b"[route]"])
def test_empty_files_and_those_of_other_editors_are_read(tmp_path: Path, content: bytes) -> None:
    """A byte order mark and the line ends of Windows are no fault."""
    assert read(tmp_path, content).given("route") == ({"seed": 1} if b"seed" in content else {})


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is named, or is a folder; where nobody names it, there need be none."""
    for path in (tmp_path / "absent.toml", tmp_path):
        for environment, named in (({"ARBITER_CONFIG": str(path)}, None), ({}, path)):
            with pytest.raises(ConfigError) as refused:
                read_settings(TABLES, environment, named)
            assert str(path) in str(refused.value) and "check the path" in str(refused.value)
    monkeypatch.chdir(tmp_path)
    assert read_settings(TABLES, {}).file.path is None
    Path("arbiter.toml").mkdir()
    with pytest.raises(ConfigError, match=r"arbiter\.toml: Is a directory"):
        read_settings(TABLES, {})


def test_the_named_file_goes_before_the_variables_and_that_before_the_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no folder above is looked into."""
    for number, name in enumerate(("arbiter.toml", "variable.toml", "named.toml")):
        (tmp_path / name).write_text(f"[route]\nseed = {number}\n")
    monkeypatch.chdir(tmp_path)
    environment = {"ARBITER_CONFIG": "variable.toml"}
    assert read_settings(TABLES, environment, Path("named.toml")).given("route") == {"seed": 2}
    assert read_settings(TABLES, environment).given("route") == {"seed": 1}
    assert read_settings(TABLES, {}).given("route") == {"seed": 0}
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert read_settings(TABLES, {}).given("route") == {}


def test_strays_are_told_and_break_nothing() -> None:
    """A misspelled variable is likened to its name; what Kubernetes sets for a service called arbiter is left alone."""
    environment = {
        "ARBITER_LEDGR": "x",
        "ARBITER_ROUTE_SEDE": "1",
        "ARBITER_SERVICE_HOST": "10.0.0.1",
        "ARBITER_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "ARBITER_CONFIG": "",
        "ARBITER_AUDIT_KEY": "k",
        "ARBITER_LEDGER": "l.db",
        "OTHER_LEDGR": "x",
    }
    assert read_settings(TABLES, environment).strays == {
        "ARBITER_LEDGR": "ARBITER_LEDGER",
        "ARBITER_PORT_8080_TCP": "",
        "ARBITER_ROUTE_SEDE": "ARBITER_ROUTE_SEED",
        "ARBITER_SERVICE_HOST": "",
    }


def test_tables_of_others_are_left_to_them(tmp_path: Path) -> None:
    """Neither their keys nor their variables are looked at; their names are known."""
    path = tmp_path / "arbiter.toml"
    path.write_text("[train]\nwhatever = 1\n")
    found = read_settings(TABLES, {"ARBITER_TRAIN_REPRT": "x"}, path, elsewhere=frozenset({"train"}))
    assert found.strays == {}
    path.write_text("[trian]\n")
    with pytest.raises(ConfigError, match="did you mean 'train'"):
        read_settings(TABLES, {}, path, elsewhere=frozenset({"train"}))


def test_no_problem_shows_a_password(tmp_path: Path) -> None:
    """Of a value that is wrong for another reason."""
    for text in ("[route]\nledger = ['{}']\n", "route = '{}'\n", "[plan]\nstrategy = '{}'\n"):
        (problem,) = problems(tmp_path, text.format("postgresql://ada:s3cret@host/db"))
        assert "s3cret" not in problem and "host" in problem


def test_variables_are_named_for_table_and_key() -> None:
    """Shared ones for the key alone."""
    assert variable("plan.strategy", "max_cost") == "ARBITER_PLAN_STRATEGY_MAX_COST"
    assert variable("compare-costs", "input") == "ARBITER_COMPARE_COSTS_INPUT"
    assert variable(DEFAULTS, "ledger") == "ARBITER_LEDGER"
