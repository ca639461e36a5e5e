"""Personal data and languages in requests."""

import json
from pathlib import Path

import pyarrow
import pytest
from import_runs import imported, write_lines

from arbiter_training.importing.languages import language_of
from arbiter_training.importing.personal import iban_holds, luhn, redacted, scan_column


def test_checksums_on_known_numbers() -> None:
    """The classic example of each, with its last digit right and wrong."""
    assert luhn("4111111111111111") and not luhn("4111111111111112") and not luhn("0000000000000000")
    assert iban_holds("GB82 WEST 1234 5698 7654 32") and not iban_holds("GB82 WEST 1234 5698 7654 33")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Write to ann.lee@example.co.uk today", "Write to <email address> today"),
        ("card 4111 1111 1111 1111, please", "card <payment card>, please"),
        ("pay to DE89 3704 0044 0532 0130 00.", "pay to <IBAN>."),
        ("my number is 219-09-9999", "my number is <US social security number>"),
        ("call +44 20 7946 0958 or (415) 555-0132", "call <phone number> or <phone number>"),
        ("host 192.168.10.4 is down", "host <IP address> is down"),
        ("key sk-abcdefghijklmnopqrstuvwx", "key <secret key>"),
        ("order 4111111111111112 of 2026-01-31 at 10:30", None),
        ("pi is 3.14159265358979, version 1.2.3.4000", None),
        ("a@b and 127.0.0.1 and 1234567890123", None),
        ("SELECT * FROM t WHERE id = 20260131123456", None),
    ],
)
def test_personal_data(text: str, clean: str | None) -> None:
    """Found and replaced; numbers of the same shape without a valid checksum are not."""
    found, counts = redacted(text)
    assert found == (text if clean is None else clean)
    assert (sum(counts.values()) > 0) is (clean is not None)
    column = pyarrow.array([None, text, "nothing here"])
    scanned, same = scan_column(column, redact=True)
    assert scanned.to_pylist() == [None, found, "nothing here"] and same == counts


def test_redaction_leaves_messages_json(tmp_path: Path) -> None:
    """Only texts are changed, and nothing of it is in the table or in what the import leaves behind."""
    tool = {"role": "assistant", "tool_calls": [{"id": "1", "function": {"arguments": '{"to": "bob@example.com"}'}}]}
    messages = [{"role": "user", "content": "mail bob@example.com"}, tool, {"role": "user", "content": "say “hi”"}]
    records = [{"request_id": "a", "model": "m", "messages": messages}]
    plain = imported(tmp_path, write_lines(tmp_path / "log.jsonl", records))
    assert plain.report.personal == {"email address": 2} and "bob@" in plain.rows[0]["messages"]
    found = imported(tmp_path, tmp_path / "log.jsonl", redact=True)
    read = json.loads(found.rows[0]["messages"])
    assert read[0]["content"] == "mail <email address>" and read[2]["content"] == "say “hi”"
    assert json.loads(read[1]["tool_calls"][0]["function"]["arguments"]) == {"to": "<email address>"}
    assert b"bob@" not in found.path.read_bytes()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the capital of the country?", "en"), ("Wie schreibe ich das auf dem Papier?", "de"),
        ("Comment est-ce que je vous dois pour le livre ?", "fr"), ("¿Cómo se dice esto en una carta?", "es"),
        ("日本の首都はどこですか", "ja"), ("中国的首都是哪里", "zh"), ("Где находится столица", "ru"),
        ("한국의 수도는", "ko"),
        ("x = [i**2]", "unknown"),
    ],
)  # fmt: skip
def test_languages(text: str, language: str) -> None:
    """By script, else by small words."""
    assert language_of(text) == language
