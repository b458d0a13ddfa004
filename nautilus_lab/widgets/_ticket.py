"""Where a person asks for an order, and where trading is stopped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import traitlets as t

from nautilus_lab.exceptions import LabError
from nautilus_lab.widgets._library import LabWidget, Theme

Spawn: TypeAlias = Callable[[Awaitable[None]], object]


class _Asking(LabWidget):
    """A widget whose buttons ask for something that takes a while and may be refused.

    Parameters
    ----------
    ask : callable
        A coroutine function that takes what the page sent and returns the line to show.
    spawn : callable
        Runs a coroutine on the kernel's loop.
    enabled : bool, default=True
        Whether the page may ask.
    """

    enabled = t.Bool(True).tag(sync=True)

    _kind = ""

    def __init__(
        self,
        *,
        ask: Callable[[dict[str, Any]], Awaitable[str]],
        spawn: Spawn,
        enabled: bool = True,
        **traits: Any,
    ) -> None:
        super().__init__(enabled=enabled, **traits)
        self._ask = ask
        self._spawn = spawn

    def answer(self, text: str, *, ok: bool) -> None:
        """Show what became of it."""
        self.send({"kind": "answer", "text": text, "level": "ok" if ok else "down"})

    def _take(self, content: dict[str, Any]) -> None:
        if content.get("kind") == self._kind:
            if self.enabled:
                self._spawn(self._asked(content))
            else:
                self.answer("this page may not trade", ok=False)

    async def _asked(self, content: dict[str, Any]) -> None:
        await self.attempt(self._ask, content)

    async def attempt(
        self, ask: Callable[[dict[str, Any]], Awaitable[str]], content: dict[str, Any] | None = None
    ) -> None:
        """Ask for something and show what became of it."""
        try:
            self.answer(await ask(content or {}), ok=True)
        except LabError as error:
            self.answer(f"{error.rule}: {error.value}" if error.value else error.rule, ok=False)


class OrderTicket(_Asking):
    """A form for one order; shows bid and ask of the instrument that is chosen.

    Parameters
    ----------
    ask, spawn, enabled
        As for every widget that asks: `ask` is given the form's fields as text.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".
    """

    title = t.Unicode("Order").tag(sync=True)
    instruments = t.List(t.Unicode()).tag(sync=True)
    disabled_reason = t.Unicode().tag(sync=True)

    _kind = "submit"

    def __init__(
        self,
        *,
        ask: Callable[[dict[str, Any]], Awaitable[str]],
        spawn: Spawn,
        enabled: bool = True,
        theme: Theme = "auto",
    ) -> None:
        super().__init__(ask=ask, spawn=spawn, enabled=enabled, theme=theme)
        self.chosen = ""
        self._quote: dict[str, Any] = {}

    def quote(self, name: str, bid: float, ask: float) -> None:
        """Show the market of the chosen instrument."""
        self._quote = {"kind": "quote", "name": name, "bid": bid, "ask": ask}
        self.send(self._quote)

    def _send_all(self) -> None:
        if self._quote:
            self.send(self._quote)

    def _take(self, content: dict[str, Any]) -> None:
        if content.get("kind") == "chosen":
            self.chosen = str(content.get("instrument", ""))
        else:
            super()._take(content)


class TradingControls(_Asking):
    """What a trader may do now, and the buttons that change it, confirmed by a second press.

    Parameters
    ----------
    ask, spawn, enabled
        As for every widget that asks: `ask` is given ``action`` (``cancel_all``, ``reduce_only``,
        ``halt``, ``resume``) and ``reason``.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".
    """

    state = t.Dict().tag(sync=True)

    _kind = "act"

    def __init__(
        self,
        *,
        ask: Callable[[dict[str, Any]], Awaitable[str]],
        spawn: Spawn,
        enabled: bool = True,
        theme: Theme = "auto",
    ) -> None:
        state = {"state": "", "reason": "", "by": ""}
        super().__init__(ask=ask, spawn=spawn, enabled=enabled, theme=theme, state=state)

    def put(self, *, state: str, reason: str, by: str) -> None:
        """Show a trading state."""
        now = {"state": state, "reason": reason, "by": by}
        if now != self.state:
            self.state.update(now)
            self._send_all()

    def _send_all(self) -> None:
        self.send({"kind": "state", "state": self.state})
