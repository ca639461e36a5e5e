"""Laws of the table of failures."""

import inspect
import logging
from pathlib import Path

import openai_server
import provider_world
import pytest
from provider_world import KEY, NAMES

from arbiter.errors import AllCandidatesFailedError
from arbiter.execution.failures import BROKEN, RULES, UNSAFE, kind_of, retry_after_s, rule_of
from arbiter.ledger import SqliteLedger
from arbiter.quiet_litellm import import_litellm
from arbiter.vocabulary import FallbackReason

pytestmark = provider_world.QUIET


def litellm_errors() -> dict[str, type[BaseException]]:
    """Give every exception class that litellm defines."""
    provider_world.require_litellm()
    found = inspect.getmembers(import_litellm().exceptions, inspect.isclass)
    return {name: cls for name, cls in found if issubclass(cls, BaseException)}


def bad_request(text: str) -> BaseException:
    return litellm_errors()["BadRequestError"](text, "a-model", "a-provider")


def test_every_exception_of_litellm_stands_in_the_table() -> None:
    """By its own name, so that a new one is noticed; and the table names none that is gone."""
    known = {*litellm_errors(), "TimeoutError"}
    assert set(RULES) == known


def test_the_nearest_class_decides() -> None:
    """A window that is too small is a bad request and more; a time limit is a lost connection and more."""
    errors = litellm_errors()

    def made(name: str) -> BaseException:
        return errors[name].__new__(errors[name])

    assert rule_of(made("ContextWindowExceededError")).reason is FallbackReason.ERROR
    assert rule_of(made("ContentPolicyViolationError")) is UNSAFE
    assert rule_of(made("Timeout")).reason is FallbackReason.TIMEOUT
    assert rule_of(TimeoutError()).reason is FallbackReason.TIMEOUT
    assert rule_of(ZeroDivisionError()) is BROKEN, "what nobody knows is the deployment's fault"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "error"),
        (401, "primary_unavailable"),
        (404, "primary_unavailable"),
        (408, "timeout"),
        (429, "rate_limited"),
    ],
)
def test_a_plain_bad_request_is_read_by_its_status(status: int, reason: str) -> None:
    """The library gives one where it does not know the provider's text."""
    made = bad_request("something is wrong")
    made.status_code = status  # type: ignore[attr-defined]
    assert rule_of(made).reason == reason


@pytest.mark.parametrize(
    "text",
    ["flagged by our content_filter", "Azure OpenAI's content management policy", "ResponsibleAIPolicyViolation"],
)
def test_a_filter_is_known_by_its_text(text: str) -> None:
    """And ends the request: nobody is carried from one filter to the next."""
    assert rule_of(bad_request(text)) is UNSAFE
    assert not UNSAFE.falls_back


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:27:15 GMT"}, 45.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:30:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),  # long ago
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], wait_s: float | None) -> None:
    """Of litellm's own field: seconds, or a date, counted from the answer's own date."""
    error = ValueError()
    error.litellm_response_headers = headers  # type: ignore[attr-defined]
    assert retry_after_s(error) == wait_s


def test_who_says_nothing_asks_for_no_wait() -> None:
    """An error without headers, and one without a status."""
    assert retry_after_s(ValueError()) is None
    assert kind_of(ValueError()) == "ValueError"


def test_keys_and_prompts_appear_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A provider that quotes both in its error: neither is in log, ledger, exception, attempt or options."""
    caplog.set_level(logging.DEBUG, logger="arbiter")
    secret = "my grandmother's recipe"
    path = tmp_path / "ledger.db"
    with provider_world.running(SqliteLedger(path)) as world:
        said = f"Incorrect API key provided: {KEY}, for the prompt {secret}"
        for server in world.servers.values():
            server.behave = openai_server.fails(401, "invalid_api_key", said)
        with pytest.raises(AllCandidatesFailedError) as failed:
            world.service.complete(f"Tell me {secret}", params={"timeout": 5.0})
        assert all(server.authorizations == [f"Bearer {KEY}"] for server in world.servers.values()), "it was sent"
        error = failed.value
        shown = [str(error), repr(error), repr(error.attempts), *(a.detail for a in error.attempts)]
        shown += [repr(world.service.options), repr(world.service.executor.health.conditions())]
        chain = [error.__cause__, error.__context__]
    assert len(error.attempts) == len(NAMES)
    assert chain == [None, None]
    records = [r.getMessage() for r in caplog.records if r.name.startswith("arbiter")]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert sum("primary_unavailable (" in text for text in records) == len(NAMES), "failures are told in the log"
    assert not any(KEY in text for text in (*shown, *records))
    assert KEY.encode() not in kept
    assert not any(secret in text for text in (*shown[:3], *records))
    assert "***" in error.attempts[0].detail
