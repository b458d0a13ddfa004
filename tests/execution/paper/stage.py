"""A paper venue on sockets of its own, in this process, for tests to open and close."""

import asyncio
import contextlib
from decimal import Decimal

import numpy as np
import pandas as pd

from nautilus_lab.execution.paper import (
    Ledger,
    NewOrder,
    PaperVenue,
    PaperVenueClient,
    Replay,
    VenueTerms,
)


class Stage:
    """Two symbols near a hundred dollars, sixty days of them, and a venue that trades both."""

    def __init__(self, folder, *, terms=None, faults=False, cash=100_000):
        self.folder = folder
        self.orders = f"ipc://{folder}/o.sock"
        self.quotes = f"ipc://{folder}/q.sock"
        self.terms, self.faults, self.cash = terms or VenueTerms(), faults, cash
        self.task = None
        self.clients = []
        days = pd.date_range("2020-01-01", periods=60, freq="B", tz="UTC")
        steps = np.random.default_rng(7).normal(0, 0.01, (60, 2)).cumsum(axis=0)
        self.closes = pd.DataFrame(100 * np.exp(steps), days, ["A", "B"])

    async def open(self, *, start="", steps_per_day=50, seconds_per_day=1.0):
        self.ledger = Ledger(self.folder / "venue.db")
        self.venue = PaperVenue(
            replay=Replay(self.closes, steps_per_day=steps_per_day, seed=1, start=start),
            ledger=self.ledger,
            orders_address=self.orders,
            quotes_address=self.quotes,
            seconds_per_day=seconds_per_day,
            starting_cash=Decimal(self.cash),
            terms=self.terms,
            faults=self.faults,
        )
        ready = asyncio.Event()
        self.task = asyncio.create_task(self.venue.serve(ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((self.task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not ready.is_set():
            waiting.cancel()
            self.ledger.close()
            await self.task

    async def close(self):
        if self.task is None:
            return
        if not self.task.done():
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
        self.ledger.close()

    async def strike(self):
        """Close the venue and its clients."""
        for client in self.clients:
            await client.close()
        await self.close()

    async def client(self, *, seq=None, **callbacks):
        client = PaperVenueClient(
            orders_address=self.orders, quotes_address=self.quotes, **callbacks
        )
        client.seq = seq
        self.clients.append(client)
        await client.connect()
        return client


def market(name, side="BUY", quantity=10, symbol="A", **terms):
    return NewOrder(
        client_order_id=name,
        symbol=symbol,
        side=side,
        order_type="MARKET",
        quantity=Decimal(quantity),
        **terms,
    )


def resting(name, price="1.00", quantity=10, symbol="A", **terms):
    """A buy order that nothing will fill."""
    return NewOrder(
        client_order_id=name,
        symbol=symbol,
        side="BUY",
        order_type="LIMIT",
        quantity=Decimal(quantity),
        limit_price=Decimal(price),
        **terms,
    )


async def until(condition, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
