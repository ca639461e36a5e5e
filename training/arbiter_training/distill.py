"""Distils a static token table from a sentence-transformers model: the shipped default encoder.

::

    python -m arbiter_training.distill training/recipes/static_encoder.toml -o FOLDER
"""

import argparse
import json
import logging
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.protocol import Encoder
from arbiter.encoders.sentence_transformer import BUNDLED, SentenceTransformerEncoder
from arbiter.encoders.static import TOKENIZER_FILE, StaticEncoder
from arbiter.encoders.wordpiece import WordPieces
from arbiter.errors import InvalidInputError
from arbiter_training.distill_corpus import docstrings, mixes, read_prompts, spans
from arbiter_training.token_table import (
    TableSettings,
    TokenTexts,
    count_tokens,
    fit_table,
    quantise,
    starting_table,
    text_targets,
    token_importance,
)

ARRAYS_FILE = "static_encoder.npz"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillRecipe:
    """How a table is distilled; one key of the TOML file each.

    Attributes
    ----------
    teacher, dtype : see :class:`~arbiter.encoders.sentence_transformer.SentenceTransformerEncoder`.
    prompts : folder of ``*.jsonl``, from the folder of the recipe; empty reads none.
    packages : installed packages whose docstrings are read.
    docstrings_per_package : at most so many of each.
    spans, mixes : how many pieces of texts, and how many handfuls of random words.
    table : how the table is fitted.
    seed : of all samples.
    """

    teacher: str = BUNDLED
    dtype: str = "float32"
    prompts: str = ""
    packages: tuple[str, ...] = ()
    docstrings_per_package: int = 1_500
    spans: int = 0
    mixes: int = 0
    table: TableSettings = field(default_factory=TableSettings)
    seed: int = 0


def read_recipe(path: Path) -> DistillRecipe:
    """Read a recipe.

    Raises
    ------
    InvalidInputError
        If the file is no TOML or has a key that a recipe has not.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        packages, table = tuple(entries.pop("packages", ())), TableSettings(**entries.pop("table", {}))
        recipe = DistillRecipe(**entries, packages=packages, table=table)
    except (OSError, TypeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"{path} is no recipe of a distillation: {error}") from error
    if not recipe.prompts:
        return recipe
    return replace(recipe, prompts=str((path.parent / recipe.prompts).resolve()))


class Teacher(Encoder, Protocol):
    """An encoder that also says what it makes of each token of its vocabulary by itself."""

    def token_vectors(self) -> tuple[NDArray[np.float32], str]:
        """Give the (V, D) vectors of the tokens, in the order of their ids, and the text of ``tokenizer.json``."""
        ...


def distil(teacher: Teacher, recipe: DistillRecipe, texts: Sequence[str] = ()) -> StaticEncoder:
    """Distil a static encoder.

    1. Each token is encoded by itself, centred, weighted by how rare it is, and projected on principal components.
    2. Where the recipe asks for iterations, the table is fitted so that a text's weighted sum points where the
       teacher's vector of the text does, and held to the start where texts say nothing of a token.

    The shipped recipe leaves out step 2: it brings vectors nearer to the teacher's and outcomes no nearer (the
    figures are in the recipe).

    Parameters
    ----------
    teacher : gives the vectors to imitate.
    recipe : sources and settings; its ``teacher`` is not read here.
    texts : further texts of the traffic that the encoder is for.

    Raises
    ------
    MissingExtraError
        If scipy, or what the teacher needs, is not installed.
    InvalidInputError
        If the recipe learns from texts and names none, or names sources that are not there.
    """
    token_vectors, definition = teacher.token_vectors()
    pieces = WordPieces(definition)
    vectors, table_settings = token_vectors.astype(np.float64), recipe.table
    known = np.array([not token.startswith("[") or token == "[" for token in pieces.vocabulary])
    if not table_settings.needs_texts:
        table, _ = starting_table(vectors, token_importance(known, table_settings), table_settings)
        return StaticEncoder(*quantise(table), pieces.definition)
    material = _material(teacher, recipe, [*texts, *_natural_texts(recipe)], pieces)
    counts = np.asarray(material.rows[material.natural].sum(axis=0)).ravel()
    start, axes = starting_table(vectors, token_importance(known, table_settings, counts), table_settings)
    table = fit_table(start, material.rows, text_targets(material, axes), table_settings)
    return StaticEncoder(*quantise(table), pieces.definition)


def _material(teacher: Teacher, recipe: DistillRecipe, corpus: list[str], pieces: WordPieces) -> TokenTexts:
    if not corpus:
        raise InvalidInputError("the recipe names no texts to fit on; give prompts, packages or texts")
    mixed = mixes(pieces.vocabulary, recipe.mixes, np.random.default_rng(recipe.seed))
    _logger.info("%d texts, %d handfuls of words", len(corpus), len(mixed))
    return TokenTexts(
        rows=count_tokens(pieces, [*corpus, *mixed], len(pieces.vocabulary)),
        vectors=teacher.encode([*corpus, *mixed]).astype(np.float64),
        natural=np.arange(len(corpus) + len(mixed)) < len(corpus),
    )


def _natural_texts(recipe: DistillRecipe) -> list[str]:
    rng = np.random.default_rng(recipe.seed)
    texts = read_prompts(Path(recipe.prompts)) if recipe.prompts else []
    whole = [*texts]
    for package in recipe.packages:
        whole += docstrings(package, recipe.docstrings_per_package, rng)
    # Half of the pieces from prompts, half from everything: requests are what the encoder is for.
    return [*whole, *spans(texts, recipe.spans // 2, rng), *spans(whole, recipe.spans - recipe.spans // 2, rng)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Distil by a recipe and write table and tokenizer into a folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = read_recipe(options.recipe)
    teacher = SentenceTransformerEncoder(recipe.teacher, dtype=recipe.dtype)
    write_encoder(distil(teacher, recipe), options.output)


def write_encoder(encoder: StaticEncoder, folder: Path) -> None:
    """Write the arrays and the tokenizer of an encoder into a folder, outside any bundle."""
    state = encoder.to_state()
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / ARRAYS_FILE, table=state.arrays["table"], scale=state.arrays["scale"])
    compact = json.dumps(json.loads(state.texts[TOKENIZER_FILE]), ensure_ascii=False, separators=(",", ":"))
    (folder / TOKENIZER_FILE).write_text(compact, encoding="utf-8")


def read_encoder(folder: Path) -> StaticEncoder:
    """Read what :func:`write_encoder` wrote.

    Raises
    ------
    InvalidInputError
        If the folder does not hold both files.
    """
    arrays, tokenizer = folder / ARRAYS_FILE, folder / TOKENIZER_FILE
    for path in (arrays, tokenizer):
        if not path.is_file():
            raise InvalidInputError(f"{path} is missing; run python -m arbiter_training.distill RECIPE -o {folder}")
    with np.load(arrays, allow_pickle=False) as kept:
        return StaticEncoder(kept["table"], kept["scale"], tokenizer.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
