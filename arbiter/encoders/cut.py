"""The one place where a long text is shortened before it is encoded."""

MAX_CHARS = 2_000
"""Length to which a text is cut: about 500 tokens, so that one decision stays below a millisecond however long the
prompt is, and twice what the MiniLM reads of it."""

_WORD_SEARCH = 60
"""How far from the cut a word boundary is looked for; beyond it (Chinese, base64) the cut goes through."""


def cut(text: str) -> str:
    """Keep head and tail of a long text, where the task usually stands, and leave out the middle.

    Parameters
    ----------
    text : of any length.

    Returns
    -------
    short : ``text`` itself when it has at most ``MAX_CHARS`` characters; else its first and last ``MAX_CHARS / 2``
        characters, each shortened to a word boundary and joined by a line break. ``cut(cut(text)) == cut(text)``.
    """
    if len(text) <= MAX_CHARS:
        return text
    half = (MAX_CHARS - 1) // 2
    return f"{_head(text[:half])}\n{_tail(text[-half:])}"


def well_formed(text: str) -> str:
    """Replace halves of surrogate pairs, which a str may hold and UTF-8 and tokenizers may not, by ``?``."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _head(text: str) -> str:
    space = max(text.rfind(" ", len(text) - _WORD_SEARCH), text.rfind("\n", len(text) - _WORD_SEARCH))
    return text if space < 0 else text[:space]


def _tail(text: str) -> str:
    found = [at for at in (text.find(" ", 0, _WORD_SEARCH), text.find("\n", 0, _WORD_SEARCH)) if at >= 0]
    return text[min(found) + 1 :] if found else text
