"""Blocks read by several processes, given back in their order."""

from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Any

from arbiter.errors import MissingExtraError
from arbiter_training.importing.blocks import Block
from arbiter_training.importing.staging import Staged, StagingOptions, stage

ALONE = 16
"""Blocks that are read in this process before others are started, which takes them a second or two of work."""

AHEAD = 4
"""Blocks in hand for each process: enough that none waits for another, few enough to hold."""


class Pool:
    """Stages blocks.

    Parameters
    ----------
    jobs : processes; 1 reads in this one, and so does 0 until a log turns out to be long: processes take a second to
        start.
    options : how blocks are read.
    """

    def __init__(self, jobs: int, options: StagingOptions) -> None:
        self._jobs, self._options = jobs, options
        self._parallel: Any = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *found: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._parallel is not None:
            self._parallel.__exit__(*found)

    def staged(self, blocks: Iterator[Block]) -> Iterator[tuple[Block, Staged]]:
        """Give blocks with what they came to, in their order."""
        if self._jobs < 2:
            for number, block in enumerate(blocks, start=1):
                yield block, stage(block, self._options)
                columns = not isinstance(block.payload, bytes | list)  # which are read faster than handed over
                if not self._jobs and number >= ALONE and not columns:
                    break
        jobs = max(self._jobs, 2)
        while window := list(islice(blocks, AHEAD * jobs)):
            yield from zip(window, self._fan_out(window, jobs), strict=True)

    def _fan_out(self, window: list[Block], jobs: int) -> Iterator[Staged]:
        try:
            import joblib
        except ImportError as error:
            raise MissingExtraError.of("joblib", "train") from error
        if self._parallel is None:
            self._parallel = joblib.Parallel(n_jobs=jobs, return_as="generator", batch_size=1).__enter__()
        found: Iterator[Staged] = self._parallel(joblib.delayed(stage)(block, self._options) for block in window)
        return found
