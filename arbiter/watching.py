"""A serving process that follows an alias of the model registry, and swaps routers without a pause."""

import logging
import threading
from types import TracebackType
from typing import Self

from arbiter.errors import ArbiterError, InvalidInputError
from arbiter.loading import load_router
from arbiter.service import Arbiter

logger = logging.getLogger(__name__)


class AliasWatcher:
    """Looks at an alias every so often; when it points elsewhere, loads that bundle and swaps it in.

    Requests never wait: the new router is loaded beside the old one and takes over by one assignment. What cannot be
    looked up or loaded is logged, and the last good router goes on serving.

    Parameters
    ----------
    service : is swapped.
    uri : ``models:/name@alias``.
    interval_s : seconds between two looks.

    Raises
    ------
    InvalidInputError
        If the uri names no alias: a version never moves.
    """

    def __init__(self, service: Arbiter, uri: str, interval_s: float = 30.0) -> None:
        if not uri.startswith("models:/") or "@" not in uri:
            raise InvalidInputError(f"{uri!r} names no alias; give models:/name@alias")
        if not interval_s > 0:
            raise InvalidInputError(f"interval_s must be above 0, got {interval_s}")
        self._service = service
        self._uri = uri
        self._interval_s = interval_s
        self._seen: str | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="arbiter-watcher", daemon=True)

    def check(self) -> bool:
        """Look once; say whether the router was swapped.

        The first look takes the version as it is: the service was loaded from it, or is brought to it.

        Raises
        ------
        BundleError
            If the alias or its bundle cannot be had.
        MissingExtraError
            If mlflow is not installed.
        """
        from arbiter.integrations.mlflow_models import registered_version

        version = registered_version(self._uri)
        if version == self._seen:
            return False
        self._service.swap(load_router(self._uri))
        self._seen = version
        return True

    def start(self) -> Self:
        """Look from now on, on a thread of its own."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Look no more; waits for a look under way."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        while True:
            try:
                self.check()
            except ArbiterError as error:
                logger.error("%s cannot be followed, the last good router serves on: %s", self._uri, error)
            if self._stopped.wait(self._interval_s):
                return
