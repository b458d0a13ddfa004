"""What a trader may do now, and the buttons that change it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import traitlets as t

from nautilus_lab.widgets._asking import Answer, Asking, Spawn
from nautilus_lab.widgets._library import Theme


class TradingControls(Asking):
    """A trading state that cannot be overlooked; buttons that are confirmed by a second press.

    Parameters
    ----------
    ask : callable
        A coroutine function that takes ``action`` (``cancel_all``, ``reduce_only``, ``halt``,
        ``halt_and_cancel``, ``kill``, ``ask_resume``, ``resume``) and ``reason`` and returns an
        `Answer`. It decides whether the one who asks may.
    spawn : callable
        Runs a coroutine on the kernel's loop.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".

    Attributes
    ----------
    actions : list of str
        Which buttons can be pressed.
    """

    state = t.Dict().tag(sync=True)
    actions = t.List(t.Unicode()).tag(sync=True)

    def __init__(
        self,
        *,
        ask: Callable[[dict[str, Any]], Coroutine[Any, Any, Answer]],
        spawn: Spawn,
        theme: Theme = "auto",
    ) -> None:
        state = {"state": "UNKNOWN", "reason": "", "by": "", "since": 0.0, "working": 0}
        super().__init__(theme=theme, state=state)
        self._ask = ask
        self._spawn = spawn

    def put(self, *, state: str, reason: str, by: str, since_s: float, working: int) -> None:
        """Show a trading state; `since_s` is UNIX seconds, 0 where it is not known.

        `working` is how many orders work: what a question says that it would cancel.
        """
        now = {"state": state, "reason": reason, "by": by, "since": since_s, "working": working}
        if now != self.state:
            # Changed in place: a page that opens reads the trait, open ones get the news.
            self.state.update(now)
            self._send_all()

    def _send_all(self) -> None:
        self.send({"kind": "state", "state": self.state})

    def _take(self, content: dict[str, Any]) -> None:
        if content.get("kind") == "act":
            self._spawn(self.attempt(self._ask(content)))
