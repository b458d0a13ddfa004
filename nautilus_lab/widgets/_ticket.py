"""Where a person asks for an order."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any

import traitlets as t

from nautilus_lab.client import Quote
from nautilus_lab.widgets._asking import Answer, Asking, Spawn
from nautilus_lab.widgets._form import described
from nautilus_lab.widgets._library import Theme


class OrderTicket(Asking):
    """A form for one order; shows the market of the instrument that is chosen.

    Parameters
    ----------
    ask : callable
        A coroutine function that takes the form as the page sent it and returns an `Answer`. It
        decides whether the one who asks may.
    spawn : callable
        Runs a coroutine on the kernel's loop.
    on_choice : callable, optional
        Called when another instrument is chosen.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".

    Attributes
    ----------
    closed : str
        Why nothing can be sent now; empty when it can.
    notice : str
        What whoever sends should know before.
    """

    title = t.Unicode("Order").tag(sync=True)
    form = t.Dict().tag(sync=True)
    instruments = t.List(t.Unicode()).tag(sync=True)
    closed = t.Unicode().tag(sync=True)
    notice = t.Unicode().tag(sync=True)

    def __init__(
        self,
        *,
        ask: Callable[[dict[str, Any]], Coroutine[Any, Any, Answer]],
        spawn: Spawn,
        on_choice: Callable[[], None] = lambda: None,
        theme: Theme = "auto",
    ) -> None:
        super().__init__(form=described(), closed="connecting", theme=theme)
        self.chosen = ""  # the instrument
        self._ask = ask
        self._spawn = spawn
        self._on_choice = on_choice
        self._market: dict[str, Any] = {}

    def show_market(self, quote: Quote) -> None:
        """Show the market of an instrument."""
        market = {
            "kind": "market",
            "name": quote.instrument,
            "bid": quote.bid if math.isfinite(quote.bid) else None,
            "ask": quote.ask if math.isfinite(quote.ask) else None,
            "bid_size": quote.bid_size,
            "ask_size": quote.ask_size,
        }
        if market != self._market:
            self._market = market
            self.send(market)

    def _send_all(self) -> None:
        if self._market:
            self.send(self._market)

    def _take(self, content: dict[str, Any]) -> None:
        if content.get("kind") == "chosen":
            self.chosen = str(content.get("instrument", ""))
            self._on_choice()
        elif content.get("kind") == "submit":
            self._spawn(self.attempt(self._ask(content)))
