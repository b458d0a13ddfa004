"""The stop button: interrupts that end a computation and break nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
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


def out_of_reach[Answer](work: Callable[[], Answer]) -> Answer:
    """Run `work` where no interrupt reaches it, and wait for its answer.

    An interrupt ends the waiting at once and lets the work go on unseen: an import or a
    compilation that was cut in half would leave its library broken for the life of the process.
    """
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            answers.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="out-of-reach", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)  # a wait without end would hold interrupts back on some platforms
    if errors:
        raise errors[0]
    return answers[0]
