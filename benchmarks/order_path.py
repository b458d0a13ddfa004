"""An order's way from a desk to the venue, and a fill's way back, through real processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from nautilus_lab import Lab
from nautilus_lab.client import connect
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore

ORDERS = 300
PAUSE_S = 0.02
SUBMITTED_MS = 10.0
SEEN_MS = 50.0
TRADING = {
    "seconds_per_day": 60.0,
    "replay_symbols": ("AAPL", "MSFT"),
    "max_orders_per_second": 500,
}


async def flow(lab: Lab) -> tuple[dict[str, int], list[float]]:
    """Send orders one after the other; return when each was asked for, and the fills' ages, ms."""
    await lab.trading.start(targets={"AAPL": 0.1})
    asked: dict[str, int] = {}
    ages: list[float] = []
    async with await connect(root=lab.settings.root, role="operator") as desk:

        def heard(change) -> None:
            if change.kind == "fill":
                ages.append((time.time_ns() - desk.fills[-1].ts) / 1e6)

        await asyncio.sleep(3)
        desk.on_change(heard)
        for number in range(ORDERS):
            now = time.time_ns()
            side = "BUY" if number % 2 == 0 else "SELL"
            trade = await desk.submit("MSFT.PAPER", side, 10)
            asked[trade.client_order_id] = now
            await trade.done(timeout_s=10)
            await asyncio.sleep(PAUSE_S)
    await lab.trading.shut_down()
    return asked, ages


def submitted(lab: Lab) -> dict[str, int]:
    """Return when each order was told as SUBMITTED, which is just as it is sent, UNIX ns."""
    rundir = Home(lab.settings.home_path).trader(lab.settings.trading.trader_id)
    found: dict[str, int] = {}
    with TradingStore.open(rundir.store, read_only=True) as store:
        for told in store.outbox_after("node", 0, 0, 100_000):
            if getattr(told.body, "status", "") == "SUBMITTED":
                found.setdefault(told.body.client_order_id, told.ts)
    return found


def rows() -> list[dict]:
    """Measure both ways in one run."""
    root = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    data = Path(__file__).resolve().parents[1] / "data"
    (root / "lab.toml").write_text(f'[data]\ndirectory = "{data}"\n', "utf-8")
    os.environ["NL_ROOT"] = str(root)
    try:
        lab = Lab(root, trading=TRADING)
        asked, ages = asyncio.run(flow(lab))
        sent = submitted(lab)
    finally:
        shutil.rmtree(root)
    took = sorted((sent[name] - at) / 1e6 for name, at in asked.items())
    ages.sort()
    if len(took) != ORDERS or len(ages) < ORDERS:
        raise AssertionError("every order must be sent, and every fill be seen")
    last, late = took[int(0.99 * len(took))], ages[int(0.99 * len(ages))]
    return [
        {
            "id": "02-order-to-venue",
            "target": SUBMITTED_MS,
            "measured": round(median(took), 2),
            "unit": "ms",
            "met": median(took) < SUBMITTED_MS,
            "how": (
                f"median of {ORDERS} market orders sent one at a time: from desk.submit() in a "
                "client, over gateway, command socket, gate, intent and audit commit, to the order "
                f"being SUBMITTED as the venue's client sends it; p99 {last:.2f} ms"
            ),
        },
        {
            "id": "02-event-to-viewer",
            "target": SEEN_MS,
            "measured": round(median(ages), 2),
            "unit": "ms",
            "met": median(ages) < SEEN_MS,
            "how": (
                f"median of {len(ages)} fills: from the node's envelope, before it is stored, over "
                f"bus and gateway, to the client's handler; p99 {late:.2f} ms"
            ),
        },
    ]


if __name__ == "__main__":
    print(rows())
