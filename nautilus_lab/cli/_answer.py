"""Where a command writes its answer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO


class NotWritten(Exception):
    """The answer could not be written: the disk is full, say."""


class AnswerStream:
    """A stream whose failures to write are told from those of what the command does.

    Examples
    --------
    >>> import io
    >>> stream = AnswerStream(io.StringIO())
    >>> print("PAPER-001 is HALTED", end="", file=stream)
    >>> stream.getvalue()
    'PAPER-001 is HALTED'
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write `text`.

        Raises
        ------
        NotWritten
            When it cannot be.
        BrokenPipeError
            When nobody reads any more.
        """
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _not_written(error) from error

    def flush(self) -> None:
        """Write what was held back; raises as `write` does."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _not_written(error) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _not_written(error: OSError) -> NotWritten:
    return NotWritten(f"the answer could not be written: {error.strerror or error}")
