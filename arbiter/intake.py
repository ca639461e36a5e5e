"""The border where a request of any shape becomes a :class:`~arbiter.records.Query`; checked here once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from arbiter.errors import InvalidInputError
from arbiter.records import Query, Requirements

CHARACTERS_PER_TOKEN = 4.0
"""English text averages about four characters per token in current tokenizers; an estimate, not a count."""

TOKENS_PER_IMAGE = 765
"""What a 1024 x 1024 image costs in OpenAI's high-detail mode (170 per 512-pixel tile x 4 + 85)."""

Request = str | Sequence[Mapping[str, Any]] | Query


def read_request(request: Request, requirements: Requirements | None = None) -> Query:
    """Read a request.

    Parameters
    ----------
    request : a prompt, OpenAI messages, or a Query (returned as it is, save for ``requirements``; one made by hand
        without ``input_tokens`` gets the estimate, since the window and the cost hang on it).
    requirements : what the answering candidate must fulfil; None leaves a Query's own.

    Returns
    -------
    query : the request as the router reads it.

    Raises
    ------
    InvalidInputError
        If the request is neither text nor messages with a ``role`` and a ``content``.
    """
    if isinstance(request, Query):
        return _complete(request if requirements is None else replace(request, requirements=requirements))
    required = requirements or Requirements()
    if isinstance(request, str):
        return Query(text=request, input_tokens=_tokens(len(request)), requirements=required)
    if not isinstance(request, Sequence) or isinstance(request, bytes | bytearray):
        raise InvalidInputError(
            f"a request must be a str, a list of OpenAI messages or a Query, not {type(request).__name__}"
        )
    return _read_messages(request, required)


def _complete(query: Query) -> Query:
    if query.input_tokens > 0:
        return query
    characters = len(query.text) + len(query.context) + len(query.system)
    return replace(query, input_tokens=_tokens(characters) + TOKENS_PER_IMAGE * query.n_images)


def _read_messages(messages: Sequence[Any], requirements: Requirements) -> Query:
    turns = [read_turn(position, message) for position, message in enumerate(messages)]
    if not any(role == "user" for role, _, _ in turns):
        raise InvalidInputError("the messages hold no turn with role 'user'; add the user's request as the last one")
    last_user = max(i for i, (role, _, _) in enumerate(turns) if role == "user")
    n_images = sum(images for _, _, images in turns)
    spoken = [text for role, text, _ in turns[:last_user] if role in ("user", "assistant") and text]
    return Query(
        text=turns[last_user][1],
        context="\n".join(spoken),
        system="\n".join(text for role, text, _ in turns if role in ("system", "developer")),
        input_tokens=_tokens(sum(len(text) for _, text, _ in turns)) + TOKENS_PER_IMAGE * n_images,
        n_images=n_images,
        messages=tuple(messages),
        requirements=requirements,
    )


def read_turn(position: int, message: Any) -> tuple[str, str, int]:
    """Give role, text and number of images of one OpenAI message.

    Raises
    ------
    InvalidInputError
        If it has no role, or a content that is neither text nor a list of parts.
    """
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise InvalidInputError(f"message {position} is not a mapping with a 'role'; got {message!r:.80}")
    content = message.get("content")
    if content is None:
        return message["role"], "", 0
    if isinstance(content, str):
        return message["role"], content, 0
    # A sequence and not any iterable: the messages are kept, and reading would use a generator up.
    if isinstance(content, Sequence) and not isinstance(content, bytes | bytearray):
        return (message["role"], *_read_parts(position, content))
    raise InvalidInputError(
        f"the content of message {position} is neither text nor a list of parts; got {content!r:.80}"
    )


def is_storable(value: object) -> bool:
    """Tell whether a value is a text that every file and database takes: no half characters, no zero bytes."""
    return isinstance(value, str) and not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value)


def _read_parts(position: int, parts: Sequence[Any]) -> tuple[str, int]:
    texts: list[str] = []
    images = 0
    for part in parts:
        if not isinstance(part, Mapping):
            raise InvalidInputError(f"message {position} holds a content part that is not a mapping: {part!r:.80}")
        if isinstance(part.get("text"), str):
            texts.append(part["text"])
        images += part.get("type") in ("image_url", "input_image", "image")
    return "\n".join(texts), images


def _tokens(characters: int) -> int:
    return max(1, round(characters / CHARACTERS_PER_TOKEN))
