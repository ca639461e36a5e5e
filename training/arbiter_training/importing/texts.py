"""Values of extra columns as text."""

import json


def as_text(value: object) -> str:
    """Give a value as text that can be written: lists and mappings as JSON."""
    if isinstance(value, list | dict | tuple):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return str(value).encode("utf-8", "replace").decode()
