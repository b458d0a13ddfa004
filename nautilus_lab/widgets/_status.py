"""What tells a reader whether to believe the page: node, age, simulation, and the page's pulse."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import traitlets as t

from nautilus_lab.widgets._library import LabWidget, Theme

_log = logging.getLogger(__name__)

Level: TypeAlias = Literal["ok", "warn", "down"]


class StatusBar(LabWidget):
    """Title, trader, the node's state, who looks, and the time by the browser's clock."""

    title = t.Unicode().tag(sync=True)
    state = t.Dict().tag(sync=True)

    def __init__(self, *, title: str, theme: Theme = "auto") -> None:
        state = {
            "trader": "",
            "node": "unknown",
            "epoch": 0,
            "level": "warn",
            "detail": "",
            "who": "",
        }
        super().__init__(title=title, state=state, theme=theme)

    def put(
        self,
        *,
        trader: str,
        node: str,
        epoch: int,
        level: Level,
        detail: str = "",
        who: str = "",
    ) -> None:
        """Show a state: `level` chooses the colour, `detail` is a line for a person."""
        state = {
            "trader": trader,
            "node": node,
            "epoch": epoch,
            "level": level,
            "detail": detail,
            "who": who,
        }
        if state != self.state:
            self.state.update(state)
            self._send_all()

    def _send_all(self) -> None:
        self.send({"kind": "state", "state": self.state})


class AgeBadge(LabWidget):
    """How old the data is, and a veil over the page when it is too old.

    The age grows by the browser's clock: node, gateway, kernel or network may die, the page does
    not go on looking alive. The veil covers the dashboard the badge stands in.

    Parameters
    ----------
    stale_after_s : float, default=5
        Seconds after which the page must not be believed.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".
    """

    stale_after_s = t.Float(5.0).tag(sync=True)
    state = t.Dict().tag(sync=True)

    def __init__(self, *, stale_after_s: float = 5.0, theme: Theme = "auto") -> None:
        state = {"age_s": None, "quote_age_s": None, "headline": "", "detail": ""}
        super().__init__(stale_after_s=stale_after_s, state=state, theme=theme)
        self._put_at = time.monotonic()

    def put(
        self, *, age_s: float, quote_age_s: float, headline: str = "", detail: str = ""
    ) -> None:
        """Tell the age of the data now, seconds; infinite for none yet.

        `headline` and `detail` say what the reader is waiting for while there is none.
        """
        self.state.update(
            age_s=age_s if math.isfinite(age_s) else None,
            quote_age_s=quote_age_s if math.isfinite(quote_age_s) else None,
            headline=headline,
            detail=detail,
        )
        self._put_at = time.monotonic()
        self.send({"kind": "state", "state": self.state})

    def _send_all(self) -> None:
        past_s = time.monotonic() - self._put_at
        aged: dict[str, Any] = dict(self.state)
        for key in ("age_s", "quote_age_s"):
            if aged[key] is not None:
                aged[key] += past_s
        self.send({"kind": "state", "state": aged})


class SimulatedBanner(LabWidget):
    """Says that what is shown comes from a simulator; invisible when it does not.

    Parameters
    ----------
    simulated : bool, default=False
        Whether it does; may be set later.
    text : str, default="paper venue, replayed prices"
        What is simulated.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".
    """

    simulated = t.Bool(False).tag(sync=True)
    text = t.Unicode().tag(sync=True)

    def __init__(
        self,
        *,
        simulated: bool = False,
        text: str = "paper venue, replayed prices",
        theme: Theme = "auto",
    ) -> None:
        super().__init__(simulated=simulated, text=text, theme=theme)


class Pulse(LabWidget):
    """Knows whether a browser is there: pings the page, which answers.

    Shows nothing. `silent_s` is how long the page has not answered.

    Parameters
    ----------
    on_pong : callable, optional
        Called at each answer.
    """

    def __init__(self, *, on_pong: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._on_pong = on_pong
        self._seen_at = time.monotonic()
        self._number = 0
        self.seen = False  # whether a page ever answered

    @property
    def silent_s(self) -> float:
        """Seconds since the last answer, or since the start when there was none."""
        return time.monotonic() - self._seen_at

    def ping(self) -> None:
        """Ask the page for a sign of life."""
        self._number += 1
        self.send({"kind": "ping", "id": self._number})

    def _send_all(self) -> None:
        self._note()

    def _take(self, content: dict[str, Any]) -> None:
        if content.get("kind") == "pong":
            self._note()

    def _note(self) -> None:
        self._seen_at, self.seen = time.monotonic(), True
        if self._on_pong is not None:
            self._on_pong()


def under_voila() -> bool:
    """Whether this kernel belongs to a page that Voilà serves, and to nobody else."""
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")
