"""How names of models are compared: providers, gateways and logs write one model in many ways."""

import re

_DECORATION = re.compile(r"(-(instruct|chat|it|latest|turbo|preview|hf|fp8|maas|free))+$")
_VERSION = re.compile(r"(-v\d+)?:\d+$|@[\w-]+$|:(free|beta|nitro|floor|extended)$")
_DATE = re.compile(r"-(20\d{2}-?\d{2}-?\d{2})$")
_VENDOR = re.compile(r"^(us|eu|apac|global|au|jp)?\.?(anthropic|meta|mistral|google|openai|deepseek|amazon)\.")
_ORGANISATION = re.compile(r"^(meta|anthropic|openai|google)-(?=llama|claude|gpt|gemini|gemma)")


def short_name(name: str) -> str:
    """Give the name without provider path and without case: ``openai/GPT-4o`` is ``gpt-4o``."""
    return name.rsplit("/", 1)[-1].lower()


def loose_name(name: str) -> str:
    """Give the name without anything that does not tell models apart.

    Provider path, case, vendor prefix, ``-instruct`` and the like, versions of an API and dates go;
    ``.``, ``_`` and ``-`` are one. ``meta-llama/Meta-Llama-3.1-8B-Instruct`` is ``llama-3-1-8b``.
    """
    text = _VENDOR.sub("", short_name(name))
    text = _DATE.sub("", _VERSION.sub("", text))
    text = _DATE.sub("", _DECORATION.sub("", _ORGANISATION.sub("", text)))
    text = re.sub(r"[._ ]+", "-", text)
    return re.sub(r"^llama-?(?=\d)", "llama-", text)
