"""What a ledger keeps of the request: the text, a hash of it, or nothing."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from arbiter.errors import InvalidInputError
from arbiter.records import Decision, Query

logger = logging.getLogger(__name__)


class PromptPolicy(StrEnum):
    """How much of a request is kept."""

    FULL = "full"
    HASHED = "hashed"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptStorage:
    """Turns a request into what is kept of it.

    Attributes
    ----------
    policy : ``full`` keeps the text (the log can train a router), ``hashed`` a SHA-256 (repeats can be found, texts
        cannot be read), ``none`` the token count alone. Without the text, no word of it is kept elsewhere: a decision's
        ``profile.evidence`` is left out, too.
    salt : goes into the hash before the text. Without a secret salt, whoever guesses a prompt can confirm the guess.

    Raises
    ------
    InvalidInputError
        If there is no such policy, or the salt is no text.
    """

    policy: PromptPolicy = PromptPolicy.FULL
    salt: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.policy not in list(PromptPolicy):
            raise InvalidInputError(f"unknown policy {self.policy!r:.80}; there are {', '.join(PromptPolicy)}")
        if not isinstance(self.salt, str):
            raise InvalidInputError(f"salt must be a text, got {type(self.salt).__name__}")
        object.__setattr__(self, "policy", PromptPolicy(self.policy))  # a bare text may name it

    def kept(self, query: Query) -> Mapping[str, Any]:
        """Give what an event keeps of a request, JSON-ready.

        Parameters
        ----------
        query : the request.

        Returns
        -------
        kept : ``input_tokens`` and ``n_images`` always; with ``full`` also ``messages`` where there are any, else
            ``text``; with ``hashed`` also ``sha256``, in hexadecimal digits.
        """
        kept: dict[str, Any] = {"input_tokens": query.input_tokens, "n_images": query.n_images}
        if self.policy is PromptPolicy.FULL:
            kept |= {"messages": [dict(m) for m in query.messages]} if query.messages else {"text": query.text}
        elif self.policy is PromptPolicy.HASHED:
            kept["sha256"] = self._hash(_canonical(query))
        return kept

    def written(self, query: Query) -> Mapping[str, Any] | None:
        """Give :meth:`kept`; None where it cannot be written down: objects in messages, half a character in a text."""
        return _writable(self.kept(query))

    def decided(self, decision: Decision) -> Decision:
        """Give a decision as it is kept: the words that spoke for its profile go where the request's text does."""
        if self.policy is PromptPolicy.FULL or not decision.profile.evidence:
            return decision
        return replace(decision, profile=replace(decision.profile, evidence=()))

    def written_text(self, text: str) -> Mapping[str, Any] | None:
        """Give what is kept of a text that came back: ``text``, its ``sha256``, or nothing; None as :meth:`written`."""
        if self.policy is PromptPolicy.FULL:
            return _writable({"text": text})
        return {"sha256": self._hash(text)} if self.policy is PromptPolicy.HASHED else {}

    def _hash(self, text: str) -> str:
        return hashlib.sha256((self.salt + text).encode("utf-8", "surrogatepass")).hexdigest()


def _writable(kept: Mapping[str, Any]) -> Mapping[str, Any] | None:
    try:
        json.dumps(kept, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        logger.warning("a text is not kept: %s", type(error).__name__)
        return None
    return kept


def _canonical(query: Query) -> str:
    """Give one text per request: a lone user message is the same request as its bare text."""
    is_bare = not query.messages or [m.get("content") for m in query.messages] == [query.text]
    if is_bare:
        return query.text
    return json.dumps([dict(m) for m in query.messages], sort_keys=True, ensure_ascii=False, default=str)
