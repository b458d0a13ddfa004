"""Measures what the limits of every running trader need, again and again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import LabError, StoreError
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import Home, ProcessRecord, RunDirectory
from nautilus_lab.trading._measurement import Measurement
from nautilus_lab.trading._measures_file import read_measures
from nautilus_lab.trading._needs import needs_of
from nautilus_lab.trading.commands import NodeStatus
from nautilus_lab.trading.measures._history import PriceHistory
from nautilus_lab.trading.measures._measure import measure
from nautilus_lab.trading.measures._seen import Seen
from nautilus_lab.trading.measures._trouble import Trouble

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_ASK_S = 5.0
# A node tells its positions four times a second: those after a fill are there by then.
_AFTER_FILL_S = 0.6
# Measuring takes at most this share of the time.
_SHARE = 0.25
_UNANSWERED = 5  # looks in a row, before somebody is told


class MeasureKeeper:
    """Asks each trader's node what it holds, measures it, and leaves the measures with the trader.

    A trader is measured each `trading.measures.every_s`, soon after its fills, and again until two
    measurements in a row found the same positions. Those whose limits need no measures are left
    alone.

    Parameters
    ----------
    home : Home
        Whose traders.
    now_s : callable, optional
        Seconds that only go up.
    """

    def __init__(self, home: Home, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self.home = home
        self._now_s = now_s
        self._traders: dict[str, _Measured] = {}
        self._histories: dict[Path, PriceHistory] = {}

    async def run(self, stopping: asyncio.Event) -> None:
        """Measure until it is told to stop.

        Raises
        ------
        NodeAlreadyRunning
            When this home has such a process already.
        """
        files = self.home.measurer_files
        looking: dict[str, asyncio.Task[None]] = {}
        with files.lock:
            ProcessRecord.of_this_process("measurer").write(files.record)
            try:
                while not stopping.is_set():
                    for trader in self.home.trader_ids:
                        # Each by itself: a node that hangs must not keep the others waiting.
                        if trader not in looking or looking[trader].done():
                            looking[trader] = asyncio.create_task(self._look_at(trader))
                    await _wait(stopping, _LOOK_EVERY_S)
            finally:
                for task in looking.values():
                    task.cancel()
                await asyncio.gather(*looking.values(), return_exceptions=True)
                files.record.unlink(missing_ok=True)

    async def look(self) -> None:
        """Look at every trader once, and measure those whose time it is."""
        await asyncio.gather(*map(self._look_at, self.home.trader_ids))

    async def _look_at(self, trader: str) -> None:
        try:
            one = self._traders.get(trader)
            if one is None:
                rundir = self.home.trader(trader)
                one = self._traders[trader] = _Measured(self.home, rundir, self._now_s)
            await one.look(self._history_of)
        except Exception:
            # A look that ends here would measure nothing ever again.
            log.exception("trader %s could not be measured", trader)
            if (known := self._traders.get(trader)) is not None:
                known.failed("measuring it failed; see logs/measurer.log")

    def _history_of(self, directory: Path) -> PriceHistory:
        if directory not in self._histories:
            self._histories[directory] = PriceHistory(directory)
        return self._histories[directory]


class _Measured:
    """One trader: its settings, and when it is measured next."""

    def __init__(self, home: Home, rundir: RunDirectory, now_s: Callable[[], float]) -> None:
        self._rundir = rundir
        self._now_s = now_s
        self._commands = CommandClient(rundir.commands)
        self._settings: Settings | None = None
        self._needs: frozenset[str] = frozenset()
        self._read_at = (0, 0)
        self._due_s = now_s()
        self._not_before_s = now_s()
        self._fills: tuple[int | None, int | None] | None = None  # epoch, how many
        self._held: dict[str, float] | None = None
        self._unanswered = 0
        self._reach = Trouble(
            home,
            rundir.trader_id,
            "what a trader holds must be measured for its limits",
            remedy="see logs/measurer.log; until then what needs measures increases nothing",
        )
        self._lacking = Trouble(
            home,
            rundir.trader_id,
            "what limits need must be measurable",
            remedy="nautilus-lab measures; declare what is missing in trading.measures",
        )

    def failed(self, why: str) -> None:
        """Tell that it was not measured."""
        self._reach.is_(why)

    async def look(self, history_of: Callable[[Path], PriceHistory]) -> None:
        """Measure it when it is time to."""
        record = ProcessRecord.read_or_set_aside(self._rundir.node)
        if record is None or not record.alive:
            self._fills = self._held = None  # the supervisor's matter
            return
        if not self._read_settings() or self._settings is None:
            return
        try:
            status = await self._commands.call("node.status", timeout_s=_ASK_S, answer=NodeStatus)
            if status.state not in ("running", "degraded"):
                return
            self._unanswered = 0
            fills = (status.epoch, status.fills)
            if fills != self._fills:
                self._fills = fills
                self._due_s = min(self._due_s, self._now_s() + _AFTER_FILL_S)
            if self._now_s() < max(self._due_s, self._not_before_s):
                return
            seen = await Seen.ask(self._commands, status)
        except LabError as error:
            self._unanswered += 1
            if self._unanswered >= _UNANSWERED:
                self.failed(f"its node does not answer: {error.rule}")
            return
        self._measure(seen, self._settings, history_of)

    def _read_settings(self) -> bool:
        """Read what the node runs with; whether its limits need anything."""
        path = self._rundir.settings
        try:
            found = path.stat()
            at = (found.st_mtime_ns, found.st_size)
            if at != self._read_at:
                self._settings = Settings.model_validate_json(path.read_bytes())
                self._needs = needs_of(self._settings.trading)
                self._read_at, self._due_s = at, self._now_s()
        except (OSError, ValueError) as error:
            self.failed(f"its settings must be readable: {type(error).__name__}")
            return False
        return bool(self._needs)

    def _measure(
        self, seen: Seen, settings: Settings, history_of: Callable[[Path], PriceHistory]
    ) -> None:
        began, rules = self._now_s(), settings.trading.measures
        # Until two in a row found the same: a position is told a moment after its fill.
        settled = seen.held == self._held
        self._held = seen.held
        self._due_s = began + (rules.every_s if settled else _LOOK_EVERY_S)
        made = measure(seen, self._needs, history_of(settings.data_path), rules)
        took = self._now_s() - began
        self._not_before_s = began + took / _SHARE
        try:
            made.write(self._rundir.measured)
        except StoreError as error:
            self.failed(str(error))
            return
        self._reach.is_("")
        lacking = self._lacks(made, seen)
        # The share of what is uncovered moves with every price.
        about = sorted({name for names in lacking.values() for name in names} | {*made.uncovered})
        told = "; ".join(f"{', '.join(names)}: {why}" for why, names in lacking.items())
        self._lacking.is_(told, about=", ".join(about))

    def _lacks(self, made: Measurement, seen: Seen) -> dict[str, list[str]]:
        """Return why what is missing for what is held and nobody else told: reason -> measures."""
        told = self._told()
        held = seen.symbols
        found: dict[str, list[str]] = {}
        for name, why in made.missing.items():
            _, _, symbol = name.partition(":")
            asked = not symbol or symbol in held or name in self._needs
            if name not in told and asked:
                found.setdefault(why, []).append(name)
        return found

    def _told(self) -> frozenset[str]:
        if not self._rundir.measures.exists():
            return frozenset()
        try:
            return frozenset(read_measures(self._rundir.measures).values)
        except StoreError:
            return frozenset()  # the node logs it, and takes none of them


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
