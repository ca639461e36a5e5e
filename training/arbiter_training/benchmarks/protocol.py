"""What a benchmark is: its data, how it is split, who competes, at which budgets."""

from dataclasses import dataclass, replace
from pathlib import Path

from arbiter.errors import InvalidInputError
from arbiter_training.recipe import changed, read_toml

ENCODERS = ("static", "student", "minilm")
"""What the shipped estimates can stand on: the default table, a student of the MiniLM taught on the training rows,
and the MiniLM itself."""

PRICES = ("log", "catalog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The protocol of one benchmark; the fields are the keys of its recipe.

    Attributes
    ----------
    name : the recipe's file name without its suffix.
    train, test : files in the data folder, or of the PyPI package paretobandit. Without ``test`` the file is cut into
        folds by near-duplicate group; with it, training rows that nearly repeat a test row are left out.
    folds : parts of the file, where there is no ``test``.
    seeds : one round per seed and fold; the seed is that of the split and of everything random in training.
    label : column of task names, which the baseline per-task-best may see; empty where there is none.
    prices : ``"log"`` infers prices per token from the training rows' costs, ``"catalog"`` asks catalog and litellm.
    budgets_usd : dollars per request at which quality is reported.
    encoders : of the shipped estimates; see ``ENCODERS``.
    rivals_encoder : embedding that the learned baselines stand on.
    partial_logs : simulated logs with one model per request, per round; 0 leaves that part out.
    exploration : share of those logs' requests that is dealt to all models alike; the others go to the best one.
    dtype : of the MiniLM, ``"float32"`` or ``"bfloat16"``.
    max_requests : more than this are thinned out at random; 0 takes all.
    """

    name: str = ""
    train: str = ""
    test: str = ""
    folds: int = 5
    seeds: tuple[int, ...] = (0,)
    label: str = ""
    prices: str = "log"
    budgets_usd: tuple[float, ...] = ()
    encoders: tuple[str, ...] = ENCODERS
    rivals_encoder: str = "minilm"
    partial_logs: int = 1
    exploration: float = 0.2
    dtype: str = "bfloat16"
    max_requests: int = 0

    def __post_init__(self) -> None:
        if not self.train:
            raise InvalidInputError("a benchmark needs data: give `train`, a file name")
        unknown = {*self.encoders, self.rivals_encoder} - set(ENCODERS)
        if unknown or not self.encoders or self.rivals_encoder == "student":
            raise InvalidInputError(
                f"encoders are {self.encoders} and {self.rivals_encoder!r} for the rivals: choose from "
                f"{', '.join(ENCODERS)}, for the rivals not the student"
            )
        if self.prices not in PRICES:
            raise InvalidInputError(f"prices is {self.prices!r}: give one of {', '.join(PRICES)}")
        if not self.seeds:
            raise InvalidInputError("seeds is empty: give at least one")

    @property
    def needs_minilm(self) -> bool:
        """Whether the MiniLM must be run."""
        return "minilm" in (*self.encoders, self.rivals_encoder) or "student" in self.encoders

    def quick(self) -> "Benchmark":
        """Give a smaller form that needs no MiniLM and takes seconds: for tests, not for figures."""
        return replace(
            self,
            folds=2,
            seeds=self.seeds[:1],
            encoders=("static",),
            rivals_encoder="static",
            partial_logs=min(self.partial_logs, 1),
            max_requests=240,
        )


def read_benchmark(path: Path) -> Benchmark:
    """Read a recipe of a benchmark.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or is not TOML, or a key or value is not one of :class:`Benchmark`.
    """
    values = read_toml(path, "recipe")
    # A tuple's first item tells `changed` what its items are, so where budgets are given they need one to begin with.
    budgets = (1.0,) if "budgets_usd" in values else ()
    start = Benchmark(name=path.stem, train=str(values.get("train", "")), budgets_usd=budgets)
    return changed(start, values, str(path))
