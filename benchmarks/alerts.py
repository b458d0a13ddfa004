"""A limit that a fill breaks: how soon its alert stands in the store, and is where people look."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from nautilus_lab import Lab
from nautilus_lab.platform.messages import AlertRaised, OrderFilled
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore

BREACHES = 30
SEEN_S = 1.0
NEVER_S = 5.0
DELIVERED_MS = 50.0
TRADING = {
    "seconds_per_day": 600.0,
    "replay_symbols": ("AAPL", "MSFT"),
    "limits": (
        {"limit": "max_position_units", "max_units": 5, "instruments": ["MSFT"], "mode": "monitor"},
    ),
    "limit_levels": {"clear_s": 0.0},  # over as soon as it is below, to break it again
}


class Desk:
    """A server that takes webhooks, and notes when each was there."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}  # alert id -> UNIX ns

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/hook"

    async def _take(self, reader, writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        body = await reader.readexactly(length)
        self.seen.setdefault(json.loads(body)["alert"]["id"], time.time_ns())
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    def stop(self) -> None:
        self._server.close()


async def flow(root: Path) -> tuple[dict[str, int], list]:
    """Break the limit and mend it, again and again; return what was delivered, and the events."""
    desk = Desk()
    hooks = {"desk": {"url": await desk.start(), "secret": "known to both"}}
    lab = Lab(root, trading=TRADING, monitoring={"webhooks": hooks})
    await lab.trading.start(targets={"AAPL": 0.1})
    try:
        for _ in range(BREACHES):
            for side in ("BUY", "SELL"):
                before = len(desk.seen)
                order = {"instrument": "MSFT.PAPER", "side": side, "quantity": "10"}
                await lab.trading.command("orders.submit", order)
                async with asyncio.timeout(30):
                    while len(desk.seen) == before:
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.05)
    finally:
        await lab.trading.shut_down()
        desk.stop()
    rundir = Home(lab.settings.home_path).trader(lab.settings.trading.trader_id)
    with TradingStore.open(rundir.store, read_only=True) as store:
        return desk.seen, list(store.outbox_after("node", 0, 0, 100_000))


def waits(seen: dict[str, int], events: list) -> tuple[list[float], list[float]]:
    """Return from cause to alert, seconds, and from alert to webhook, milliseconds; both sorted."""
    causes, deliveries, bought = [], [], 0
    for event in events:
        body = event.body
        if isinstance(body, OrderFilled) and body.instrument == "MSFT.PAPER":
            bought = event.ts if body.side == "BUY" else bought
        elif isinstance(body, AlertRaised) and body.component == "risk":
            deliveries.append((seen[event.id] - event.ts) / 1e6)
            if body.level == "breach":
                causes.append((event.ts - bought) / 1e9)
    return sorted(causes), sorted(deliveries)


def rows() -> list[dict]:
    """Measure both in one run."""
    root = Path(tempfile.mkdtemp(prefix="nl-", dir="/tmp"))
    data = Path(__file__).resolve().parents[1] / "data"
    (root / "lab.toml").write_text(f'[data]\ndirectory = "{data}"\n', "utf-8")
    os.environ["NL_ROOT"] = str(root)
    try:
        causes, deliveries = waits(*asyncio.run(flow(root)))
    finally:
        shutil.rmtree(root)
    if len(causes) != BREACHES or len(deliveries) < 2 * BREACHES:
        raise AssertionError(f"{BREACHES} breaches must be seen and told: {len(causes)}")
    late = deliveries[int(0.99 * len(deliveries))]
    return [
        {
            "id": "03-breach-to-alert",
            "target": SEEN_S,
            "measured": round(median(causes), 3),
            "unit": "s",
            "met": median(causes) <= SEEN_S and causes[-1] <= NEVER_S,
            "how": (
                f"median of {len(causes)} breaches on a live node: from the fill that is the cause "
                "to the alert in the node's store, three looks that confirm it included; the "
                f"longest {causes[-1]:.2f} s, never to be above {NEVER_S:g} s"
            ),
        },
        {
            "id": "03-alert-delivery",
            "target": DELIVERED_MS,
            "measured": round(median(deliveries), 1),
            "unit": "ms",
            "met": median(deliveries) < DELIVERED_MS,
            "how": (
                f"median of {len(deliveries)} alerts: from the node's envelope, before it is "
                "stored, over the monitor and its own store, to a signed webhook read whole by its "
                f"server; p99 {late:.1f} ms"
            ),
        },
    ]


if __name__ == "__main__":
    for line in rows():
        print(line)
