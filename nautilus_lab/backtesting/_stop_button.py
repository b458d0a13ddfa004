"""The stop button: an interrupt that ends a computation at its next safe place."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopButton:
    """Within its block the first interrupt sets `pressed`; a second one raises as ever.

    A computation asks `pressed` between its steps, none of which may take longer than a fraction
    of a second, and keeps what it has. Off the main thread interrupts never arrive, and `pressed`
    stays false.

    Examples
    --------
    >>> import os, signal
    >>> with StopButton() as stop:
    ...     os.kill(os.getpid(), signal.SIGINT)
    ...     print(stop.pressed)
    True
    """

    def __init__(self) -> None:
        self.pressed = False
        self._before: Any = None

    def __enter__(self) -> StopButton:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise KeyboardInterrupt
        self.pressed = True
