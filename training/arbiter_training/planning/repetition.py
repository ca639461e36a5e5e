"""What requests say twice: common prefixes, near-duplicates, and what of a prompt is redundant."""

from collections.abc import Sequence

from arbiter.planning import Repetition
from arbiter.records import Query
from arbiter_training.traffic import near_duplicate_groups
from arbiter_training.traffic.prompt_text import query_text

BLOCK_CHARACTERS = 256
"""Prefixes are compared by blocks of this size; caches of providers work in blocks of 128 tokens, twice as coarse."""

LEAST_PREFIX_CHARACTERS = 4096
"""About 1,024 tokens at four characters each: below, the large providers cache nothing."""

MOST_CHARACTERS = 200_000

SAME = 0.9
"""Jaccard similarity of the shingle sets from which one answer may serve two requests."""

LEAST_LINE = 20
"""Shorter lines repeat without being redundant."""


def repetition(queries: Sequence[Query]) -> Repetition:
    """Measure what n requests, in order of time, say twice; see :class:`arbiter.planning.Repetition`.

    System prompts count as prefixes and as what may be redundant; the rest tells whether two requests are the same.
    """
    said = [query_text(query) for query in queries]
    sent = [f"{query.system}\n{text}" if query.system else text for query, text in zip(queries, said, strict=True)]
    characters = sum(len(text) for text in sent) or 1
    return Repetition(
        prefix=sum(_repeated_prefixes(sent)) / characters,
        duplicates=1.0 - len(set(near_duplicate_groups(said, SAME).tolist())) / len(said),
        redundant=sum(_redundant(text) for text in sent) / characters,
    )


def _repeated_prefixes(texts: Sequence[str]) -> list[int]:
    """Give, per text, the characters of its longest prefix that an earlier text had as well, 0 where it is short."""
    seen: set[int] = set()
    found = []
    for text in texts:
        shared, chain, new = 0, 0, []
        for start in range(0, min(len(text), MOST_CHARACTERS) - BLOCK_CHARACTERS + 1, BLOCK_CHARACTERS):
            chain = hash((chain, text[start : start + BLOCK_CHARACTERS]))
            if chain in seen:
                shared = start + BLOCK_CHARACTERS
            else:
                new.append(chain)
        seen.update(new)
        found.append(shared if shared >= LEAST_PREFIX_CHARACTERS else 0)
    return found


def _redundant(text: str) -> int:
    """Give the characters of runs of white space beyond the first, and of lines that repeat an earlier one."""
    lines: set[str] = set()
    kept = 0
    for line in text.splitlines():
        plain = " ".join(line.split())
        if len(plain) >= LEAST_LINE and plain in lines:
            continue
        lines.add(plain)
        kept += len(plain) + 1 if plain else 0
    return max(len(text) - kept, 0)
