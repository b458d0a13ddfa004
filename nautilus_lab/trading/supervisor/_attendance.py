"""Whether somebody who may trade is attached to a trader."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.rundir import GatewayFiles, Home, ProcessRecord, RunDirectory

_EVERY_S = 2.0


class Attendance:
    """For how long nobody who may trade has been attached, as the gateways tell it.

    Where no gateway answers nobody can be attached.

    Parameters
    ----------
    home : Home
        Whose gateways.
    rundir : RunDirectory
        The trader.
    """

    def __init__(
        self, home: Home, rundir: RunDirectory, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._home = home
        self._trader = rundir.trader_id
        self._clock = clock
        self._seen = clock()  # when somebody was there last
        self._next = 0.0

    def begin(self) -> None:
        """Count from now: whoever started the trader has its time to come."""
        self._seen = self._clock()

    async def alone_s(self) -> float:
        """Return for how many seconds nobody was there; looks at most every 2 s."""
        now = self._clock()
        if now >= self._next:
            self._next = now + _EVERY_S
            found = await asyncio.gather(*map(self._operators, self._home.gateways))
            if any(found):
                self._seen = self._clock()
        return self._clock() - self._seen

    async def _operators(self, files: GatewayFiles) -> bool:
        record = ProcessRecord.read_or_set_aside(files.record)
        if record is None or not record.alive:
            return False
        try:
            answer = await CommandClient(files.commands).call("gateway.status", timeout_s=1.0)
        except LabError:
            return False
        return _attended(answer, self._trader)


def _attended(answer: object, trader: str) -> bool:
    return False
