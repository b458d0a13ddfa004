"""What the trader may do now: the latch, and its state in memory for the order path."""

from __future__ import annotations

import logging
import time

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import STANDINGS, Latch, LatchState, Standing

log = logging.getLogger(__name__)


class TradingSwitch:
    """What the gate asks before it lets anything through.

    Without a latch it begins ACTIVE and ends with the process, as a backtest wants it. With one
    it begins as the latch says, and a move is on the disk before it is in memory; except that a
    disk which refuses keeps nobody from halting.

    Parameters
    ----------
    latch : Latch, optional
        Where moves are kept.

    Examples
    --------
    >>> switch = TradingSwitch()
    >>> switch.tighten("HALTED", reason="prices look wrong", by="ana").state
    'HALTED'
    >>> switch.state
    'HALTED'
    """

    def __init__(self, latch: Latch | None = None) -> None:
        self._latch = latch
        self._settle(
            latch.read()
            if latch is not None
            else LatchState(state="ACTIVE", reason="a new run", by="nobody")
        )
        self.saved = True  # whether the latch has what memory has
        self._seen = latch.mark() if latch is not None else None  # the file as it was read last

    def __repr__(self) -> str:
        return f"TradingSwitch({self.state}, {self.held.reason!r})"

    def tighten(
        self,
        to: Standing,
        *,
        reason: str,
        by: str,
        automatic: bool = False,
        cancel_orders: bool = False,
    ) -> LatchState:
        """Let no more through than `to` does, and return what holds then; see `Latch.tighten`.

        Raises
        ------
        InputError
            When `to` is no state to tighten to, or reason or name is missing. A latch that cannot
            be written raises nothing: memory moves all the same, and `refresh` tries again.
        """
        if to not in STANDINGS[1:] or not reason.strip() or not by.strip():
            raise InputError(
                f"a move tightens to one of {', '.join(STANDINGS[1:])}, with a reason and a name",
                value=f"{to!r}, {reason!r}, {by!r}",
                remedy='tighten("HALTED", reason="prices look wrong", by="ana")',
            )
        if self._latch is not None:
            try:
                moved = self._latch.tighten(
                    to, reason=reason, by=by, automatic=automatic, cancel_orders=cancel_orders
                )
                self.saved = True
                if not _looser(moved.state, self.state):
                    self._settle(moved)
                return self.held
            except StoreError:
                log.exception("%s holds in memory only: its latch could not be written", to)
                self.saved = False
        if _looser(self.state, to):
            self._settle(self._in_memory(to, reason, by, automatic, cancel_orders))
        return self.held

    def loosen(self, to: Standing, *, reason: str, by: str) -> LatchState:
        """Let more through again; see `Latch.loosen`.

        Raises
        ------
        InputError, StoreError
            As `Latch.loosen` does; the old state holds then.
        """
        if self._latch is None:
            if not _looser(to, self.state) or not reason.strip() or not by.strip():
                raise InputError(
                    f"a state that is {self.state} loosens with a reason and a name",
                    value=f"{to!r}, {reason!r}, {by!r}",
                    remedy='loosen("ACTIVE", reason="the feed is mended", by="ana")',
                )
            self._settle(self._in_memory(to, reason, by))
            return self.held
        if not self.saved:
            self.refresh()
        self._settle(self._latch.loosen(to, reason=reason, by=by, seen=self.held.serial))
        return self.held

    def look(self) -> Standing:
        """Return what holds now, also when another process wrote it a moment ago.

        The gate asks it at each order: a strategy that never lets go of the node's loop is held
        back by the latch all the same.
        """
        if self._latch is not None and self._latch.mark() != self._seen:
            self.refresh()
        return self.state

    def refresh(self) -> bool:
        """Take over what another process wrote into the latch, if it is tighter.

        A latch that is looser than memory, or gone, is written again: only `loosen` loosens.

        Returns
        -------
        bool
            Whether the state moved.
        """
        if self._latch is None:
            return False
        self._seen = self._latch.mark()  # before it is read: what comes in between is seen next
        found = self._latch.read()
        if _looser(found.state, self.state) or (found != self.held and not found.serial):
            return self._mend(found)
        moved = found.state != self.state
        if found != self.held:
            self._settle(found)
        self.saved = True
        return moved

    def _mend(self, found: LatchState) -> bool:
        """Write what memory has, or what an unreadable latch means, over the latch."""
        assert self._latch is not None
        moved = _looser(self.state, found.state)
        if moved:
            self._settle(found)
        try:
            keep = LatchState(
                state=self.held.state,
                reason=self.held.reason,
                by=self.held.by,
                since_ns=self.held.since_ns or time.time_ns(),
                automatic=self.held.automatic,
                serial=max(self.held.serial, found.serial) + 1,
                cancel_orders=self.held.cancel_orders,
            )
            self._latch.restore(keep)
            self._settle(keep)
            self.saved = True
        except StoreError:
            if self.saved:
                log.exception("%s holds in memory only: its latch cannot be written", self.state)
            self.saved = False
        return moved

    def _in_memory(
        self,
        to: Standing,
        reason: str,
        by: str,
        automatic: bool = False,
        cancel_orders: bool = False,
    ) -> LatchState:
        return LatchState(
            state=to,
            reason=reason,
            by=by,
            since_ns=time.time_ns(),
            automatic=automatic,
            serial=self.held.serial + 1,
            cancel_orders=cancel_orders,
        )

    def _settle(self, held: LatchState) -> None:
        self.held = held
        # Apart, since the gate asks for nothing else and asks at each order.
        self.state: Standing = held.state


def _looser(one: Standing, other: Standing) -> bool:
    return STANDINGS.index(one) < STANDINGS.index(other)
