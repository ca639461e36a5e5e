"""What all pages share: one self-contained document, its sections, and how it is written to a file."""

import secrets
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from arbiter.errors import InvalidInputError
from arbiter_training.report.drawing import escape

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Content security policy: the browser itself refuses whatever would leave the page."""


def document(title: str, main: str, footer: str) -> str:
    """Give a complete HTML document.

    Parameters
    ----------
    title : plain text.
    main, footer : markup, escaped already.
    """
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<main>\n{main}</main>\n{footer}</body>\n</html>\n"
    )


def section(title: str, body: str) -> str:
    """Give a section with its heading; ``body`` is markup."""
    name = "".join(letter if letter.isalnum() else "-" for letter in title.lower())
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(title)}</h2>{body}</section>\n'


def note(text: str) -> str:
    """Give a paragraph of explanation; ``text`` is plain."""
    return f'<p class="note">{escape(text)}</p>'


def details(summary: str, body: str) -> str:
    """Give what opens on demand; ``summary`` is plain text, ``body`` markup."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def facts(named: Mapping[str, str]) -> str:
    """Give a list of names and plain texts."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in named.items())
    return f'<dl class="facts">{items}</dl>'


def definitions(named: Mapping[str, str]) -> str:
    """Give the footer that says what the numbers mean."""
    return (
        '<footer><section aria-labelledby="definitions"><h2 id="definitions">What the numbers mean</h2>'
        f"{facts(named)}</section></footer>\n"
    )


def check_target_file(path: Path | None) -> None:
    """Make sure that a file can be written, before the work of making it; None is nothing to write.

    Raises
    ------
    InvalidInputError
        If the folder does not exist, or the path is a folder.
    """
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        what = "is a folder" if path.is_dir() else f"lies in {path.parent}, which does not exist"
        raise InvalidInputError(f"{path} {what}; name a file in an existing folder")


def write_page(page: str, path: str | Path) -> None:
    """Write a page; it appears under its name only when it is complete.

    Raises
    ------
    InvalidInputError
        As :func:`check_target_file`.
    """
    target = Path(path)
    check_target_file(target)
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        unfinished.write_text(page, encoding="utf-8", newline="\n")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
