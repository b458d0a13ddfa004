"""A log line that cannot flood."""

import logging
import time


class LimitedLog:
    """Warn about one recurring trouble, at most once every so often.

    Parameters
    ----------
    logger : logging.Logger
        Where the warnings go.
    every_s : float, default=10.0
        Seconds between two warnings; what happens in between is counted and told with the next.

    Examples
    --------
    >>> log = LimitedLog(logging.getLogger("example"), every_s=3600)
    >>> log.warning("frame refused: %s", "too short")
    >>> log.warning("frame refused: %s", "too long")
    >>> log.total
    2
    """

    def __init__(self, logger: logging.Logger, *, every_s: float = 10.0) -> None:
        self.total = 0
        self._logger = logger
        self._every_s = every_s
        self._silent_until = float("-inf")
        self._untold = 0

    def warning(self, message: str, *values: object) -> None:
        """Count the trouble, and log it unless one was logged a moment ago."""
        self.total += 1
        now = time.monotonic()
        if now < self._silent_until:
            self._untold += 1
            return
        more = f" ({self._untold} more since the last such line)" if self._untold else ""
        self._untold, self._silent_until = 0, now + self._every_s
        self._logger.warning(message + more, *values)
