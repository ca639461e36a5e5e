"""Which language a request is in, roughly: by its script, else by the small words that a language cannot do without."""

import re
from collections import Counter

from arbiter.words import words

UNKNOWN = "unknown"
READ_CHARS = 600

SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af\u1100-\u11ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
)
"""Language that a script stands for here (Cyrillic counts as Russian, Arabic letters as Arabic), most telling first."""

SMALL_WORDS = {
    "en": "the of and to in is that it for was with are this what how you write from which have not",
    "de": "der die das und ist nicht ein eine zu mit den auf für von dem wie ich sie es auch im des",
    "fr": "le la les des et est que une dans pour qui pas sur avec ce il je vous du au ou comment",
    "es": "el los las que de en un una por con para es no del se como más su al lo qué cómo",
    "pt": "o os as que de em um uma por com para não é do da no na se como mais dos uma você",
    "it": "il lo gli che di in un una per con non è del della si come più sono questo al nel",
    "nl": "de het een en van is dat niet in op te zijn voor met die ik er aan hoe wat ook",
}
_OF = {language: frozenset(text.split()) for language, text in SMALL_WORDS.items()}

LEAST_VOTES = 2
"""Small words below which nothing is said: a line of code or a name is no language."""


def language_of(text: str) -> str:
    """Give a two-letter code, or ``"unknown"``."""
    head = text[:READ_CHARS]
    if not head.isascii():
        for language, script in SCRIPTS:
            if len(script.findall(head)) * 4 > len(head.split()):
                return language
    said = words(head)
    votes = {language: sum(word in small for word in said) for language, small in _OF.items()}
    best = max(votes, key=lambda language: votes[language])
    return best if votes[best] >= LEAST_VOTES else UNKNOWN


def language_mix(texts: list[str]) -> Counter[str]:
    """Count languages."""
    return Counter(map(language_of, texts))
