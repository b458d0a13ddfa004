"""What a node waits for as it starts: that Nautilus runs, and that there are quotes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nautilus_trader.live.node import TradingNode

from nautilus_lab.exceptions import NodeError

log = logging.getLogger(__name__)

_FIRST_QUOTES_S = 2.0


async def until_trading(
    node: TradingNode, running: asyncio.Future[Any], *, timeout_s: float, logs: Path
) -> None:
    """Wait until `node`, which `running` runs, trades; raises `NodeError` when it does not."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not node.trader.is_running:
        if running.done():
            raise NodeError(
                "the Nautilus node must start",
                value=repr(running.exception()),
                remedy=f"see {logs}",
            )
        if asyncio.get_running_loop().time() > deadline:
            raise NodeError(
                "the Nautilus node must start in time",
                value=f"{timeout_s:g} s",
                remedy=f"see {logs}",
            )
        await asyncio.sleep(0.05)


async def until_quoted(cache: Any, names: Iterable[Any]) -> None:
    """Wait for the first quotes: an order that nothing values would be denied."""
    wanted = tuple(names)
    deadline = time.monotonic() + _FIRST_QUOTES_S
    while not all(cache.quote_tick(name) for name in wanted):
        if time.monotonic() > deadline:
            log.warning("the node begins before every instrument has a quote")
            return
        await asyncio.sleep(0.02)
