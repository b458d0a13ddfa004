"""What every page about a desk has: it follows the desk and says how old it is."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

import ipywidgets

from nautilus_lab.client import Change, ConnectionState, Desk, NodeState, Permission
from nautilus_lab.exceptions import LabError
from nautilus_lab.widgets._library import Theme
from nautilus_lab.widgets._status import (
    AgeBadge,
    Level,
    Pulse,
    SimulatedBanner,
    StatusBar,
    under_voila,
)

_log = logging.getLogger(__name__)

_REFRESH_S = 0.25
_AGE_EVERY = 2  # refreshes
_TRY_AGAIN_S = 2.0
_PING_S = 10.0
_GONE_AFTER_S = 60.0  # a page that has not answered for so long is closed or lost
_NEVER_CAME_S = 180.0  # a page that never answered was not opened

_running: set[asyncio.Task[None]] = set()  # the loop itself holds its tasks weakly


class DeskPage:
    """A page that keeps up with a desk; its children show what changed.

    A child class makes its widgets, puts them into `page`, and overrides `show_all` and
    `show_changed`. Status bar, banner of simulation, age and pulse are made here.
    """

    page: ipywidgets.VBox

    def __init__(
        self, desk: Desk, *, title: str, theme: Theme = "auto", stale_after_s: float = 5.0
    ) -> None:
        self.desk = desk
        self.status = StatusBar(title=title, theme=theme)
        self.banner = SimulatedBanner(theme=theme)
        self.age = AgeBadge(stale_after_s=stale_after_s, theme=theme)
        self.pulse = Pulse()
        self._trouble = ""
        self._dirty: dict[str, set[str]] = defaultdict(set)  # kind of change -> keys
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop_hearing: Callable[[], None] | None = None

    def show_all(self) -> None:
        """Show the whole desk."""
        raise NotImplementedError

    def show_changed(self, dirty: dict[str, set[str]]) -> None:
        """Show what changed: kind of change -> keys."""
        raise NotImplementedError

    def simulated_changed(self, simulated: bool) -> None:
        """Tell the widgets that mark what is simulated."""

    def start(self) -> Self:
        """Begin to follow the desk, connecting it for as long as it takes."""
        self._stop_hearing = self.desk.on_change(self._heard)
        self._heard(Change("snapshot", self.desk.trader))
        for work in (self._connect_always(), self._refresh_always(), self._watch_page()):
            self.spawn(work)
        return self

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run a coroutine as long as the page lives."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        _running.add(task)
        task.add_done_callback(_running.discard)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Stop following; the desk stays as it is."""
        if self._stop_hearing is not None:
            self._stop_hearing()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def refresh(self) -> None:
        """Show what has changed since the last time."""
        dirty, self._dirty = self._dirty, defaultdict(set)
        everything = bool(dirty.pop("snapshot", None))
        if everything:
            self.show_all()
        if everything or dirty.keys() & {"node", "connection"}:
            self._show_status()
        if not everything:
            self.show_changed(dirty)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.page._repr_mimebundle_()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.desk!r})"

    # --- following the desk ------------------------------------------------------------------

    def _heard(self, change: Change) -> None:
        self._dirty[change.kind].add(change.key)

    async def _connect_always(self) -> None:
        while True:
            if self.desk.connection in (ConnectionState.DISCONNECTED, ConnectionState.ERROR):
                try:
                    await self.desk.reconnect(timeout_s=5.0)
                    self._trouble = ""
                except LabError as error:
                    self._trouble = f"{error.rule}; {error.remedy}. This page keeps trying."
            await asyncio.sleep(_TRY_AGAIN_S)

    async def _refresh_always(self) -> None:
        count = 0
        while True:
            try:
                self.refresh()
                if count % _AGE_EVERY == 0:
                    self._show_age()
            except Exception:
                # One bad value must not freeze the page: the rest goes on, the log tells.
                _log.exception("a refresh of the dashboard failed")
            count += 1
            await asyncio.sleep(_REFRESH_S)

    async def _watch_page(self) -> None:
        """End the kernel of a page that is gone: Voilà does not find out by itself."""
        while True:
            self.pulse.ping()
            await asyncio.sleep(_PING_S)
            limit = _GONE_AFTER_S if self.pulse.seen else _NEVER_CAME_S
            if under_voila() and self.pulse.silent_s > limit:
                _log.warning("no page has answered for %.0f s, this kernel ends", limit)
                os._exit(0)

    def _show_status(self) -> None:
        node = self.desk.node
        connected = self.desk.connection is ConnectionState.CONNECTED
        level: Level = "down"
        if connected and node.is_up:
            level = "ok" if node.state is NodeState.RUNNING else "warn"
        elif node.state in (NodeState.STARTING, NodeState.ATTACHING, NodeState.UNKNOWN):
            level = "warn"
        word = node.state.value if connected else f"{node.state.value}, not connected"
        self.status.put(
            trader=self.desk.trader,
            node=word,
            epoch=node.epoch,
            level=level,
            detail=node.detail,
            who=self._who(),
        )
        if self.banner.simulated != self.desk.simulated:
            self.banner.simulated = self.desk.simulated
            self.simulated_changed(self.desk.simulated)

    def _who(self) -> str:
        principal = self.desk.principal
        if principal is None:
            return ""
        if principal.may(Permission.ORDERS_WRITE):
            may = "trades"
        else:
            may = "may halt" if principal.may(Permission.RISK_HALT) else "looks only"
        return f"{principal.name} · {may}"

    def _show_age(self) -> None:
        desk = self.desk
        headline = "" if math.isfinite(desk.age_s) else "No trading node is running"
        if desk.connection is not ConnectionState.CONNECTED:
            detail = self._trouble or "The connection to the stream gateway is lost; reconnecting."
        elif not desk.node.is_up:
            detail = f"The trading node is {desk.node.state.value}. {desk.node.detail}"
        else:
            detail = ""
        self.age.put(
            age_s=desk.age_s, quote_age_s=desk.quote_age_s, headline=headline, detail=detail
        )


def row(name: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    """Put widgets side by side; the style sheet knows rows by name."""
    box = ipywidgets.Box(children)
    box.add_class("nl-row")
    box.add_class(f"nl-row-{name}")
    return box


def column(*children: ipywidgets.Widget, name: str = "") -> ipywidgets.Box:
    """Put widgets below each other; they share what room there is."""
    box = ipywidgets.Box(children)
    box.add_class("nl-column")
    if name:
        box.add_class(f"nl-column-{name}")
    return box


def fixed(widget: ipywidgets.DOMWidget) -> ipywidgets.DOMWidget:
    """Have a widget of a column keep its height."""
    widget.layout.flex = "0 0 auto"
    return widget


def framed(theme: Theme, *children: ipywidgets.Widget) -> ipywidgets.VBox:
    """Put the rows of a page together."""
    page = ipywidgets.VBox(children)
    page.add_class("nl-dashboard")
    page.add_class(f"nl-theme-{theme}")
    return page
