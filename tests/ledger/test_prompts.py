"""What is kept of a request."""

import hashlib

import pytest

from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.ledger import PromptPolicy, PromptStorage

SECRET = "my card is 4111"


def test_full_keeps_the_request() -> None:
    """Text stays text and messages stay messages, so that the log can train a router."""
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": SECRET}]
    assert PromptStorage().kept(read_request(SECRET))["text"] == SECRET
    assert PromptStorage().kept(read_request(messages))["messages"] == messages


def test_hashed_and_none_keep_no_text() -> None:
    """Neither the hash nor the count lets the text be read; the count is always there."""
    for policy in (PromptPolicy.HASHED, PromptPolicy.NONE):
        kept = PromptStorage(policy=policy, salt="s").kept(read_request(SECRET))
        assert SECRET not in str(kept) and "4111" not in str(kept)
        assert kept["input_tokens"] > 0


def test_hashes_find_repeats_and_depend_on_the_salt() -> None:
    """One request has one hash, as text or as message; another salt gives another one; unsalted it is SHA-256."""
    storage = PromptStorage(policy=PromptPolicy.HASHED, salt="s")
    as_text, as_message = read_request(SECRET), read_request([{"role": "user", "content": SECRET}])
    assert storage.kept(as_text)["sha256"] == storage.kept(as_message)["sha256"]
    plain = PromptStorage(policy=PromptPolicy.HASHED)
    assert plain.kept(as_text)["sha256"] == hashlib.sha256(SECRET.encode()).hexdigest()
    assert plain.kept(as_text)["sha256"] != storage.kept(as_text)["sha256"]
    assert plain.kept(read_request("\ud800"))["sha256"]  # a lone surrogate is no reason to fail


def test_what_cannot_be_written_is_not_kept() -> None:
    """Objects in messages, half a character in a text; a hash of either can be written."""
    odd = read_request([{"role": "user", "content": "hello", "extra": object()}])
    assert PromptStorage().written(odd) is None
    assert PromptStorage().written(read_request("\ud800")) is None
    assert PromptStorage(policy=PromptPolicy.HASHED).written(odd)
    assert PromptStorage().written(read_request(SECRET)) == PromptStorage().kept(read_request(SECRET))


def test_an_answer_is_kept_as_the_request_is() -> None:
    """Stored, hashed with the same salt, or left out."""
    assert PromptStorage().written_text(SECRET) == {"text": SECRET}
    assert PromptStorage().written_text("\ud800") is None
    hashed = PromptStorage(policy=PromptPolicy.HASHED, salt="s").written_text(SECRET)
    assert hashed == {"sha256": hashlib.sha256(f"s{SECRET}".encode()).hexdigest()}
    assert PromptStorage(policy=PromptPolicy.NONE).written_text(SECRET) == {}


@pytest.mark.parametrize("policy", list(PromptPolicy))
def test_a_policy_may_be_named_by_a_text(policy: PromptPolicy) -> None:
    """It keeps the same; what names none is refused, rather than read as one of them."""
    query = read_request(SECRET)
    named = PromptStorage(policy=str(policy), salt="s")  # type: ignore[arg-type]
    assert "salt" not in repr(named)
    assert named == PromptStorage(policy=policy, salt="s") and named.kept(query) == PromptStorage(
        policy=policy, salt="s"
    ).kept(query)
    for wrong in ("FULL", "full ", None):
        with pytest.raises(InvalidInputError, match=r"unknown policy .*; there are full, hashed, none"):
            PromptStorage(policy=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="salt must be a text, got NoneType"):
        PromptStorage(policy=policy, salt=None)  # type: ignore[arg-type]
