"""A WordPiece tokenizer of a few tokens in BERT's settings, for tests of what stands on one."""

import json
import string

import numpy as np

from arbiter.encoders import StaticEncoder

_PIECES = ("the", "what", "is", "router", "route", "##r", "##s", "cheap", "model", "prompt", "caf", "##e", "cafe", "中")


def tiny_vocabulary() -> list[str]:
    """Give the tokens in the order of their ids."""
    signs = list(string.punctuation)
    letters = list(string.ascii_lowercase + string.digits)
    tails = [f"##{letter}" for letter in letters]
    return list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs, *letters, *tails, *_PIECES]))


def tiny_tokenizer() -> str:
    """Give the text of its ``tokenizer.json``."""
    special = [
        {"id": i, "content": token, "special": True, "normalized": False}
        | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        for i, token in enumerate(tiny_vocabulary()[:5])
    ]
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": special,
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
                "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {token: i for i, token in enumerate(tiny_vocabulary())},
            },
        }
    )


def tiny_static_encoder(dim: int = 16) -> StaticEncoder:
    """Give a static encoder over the tiny tokenizer, its table random but fixed."""
    table = np.random.default_rng(0).integers(-127, 128, size=(len(tiny_vocabulary()), dim)).astype(np.int8)
    table[:5] = 0
    return StaticEncoder(table, np.full(len(table), 0.01, dtype=np.float32), tiny_tokenizer())
