"""What the venues' books and the trader's own say of the same orders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from nautilus_lab.execution.paper import (
    Account,
    Fills,
    GetAccount,
    Hello,
    ListFills,
    ListOrders,
    ListPositions,
    Orders,
    PaperVenueClient,
    Positions,
    Welcome,
)
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.rundir import RunDirectory
from nautilus_lab.platform.store import TradingStore

OVER = {"FILLED", "CANCELED", "EXPIRED", "REJECTED", "DENIED"}


@dataclass(frozen=True)
class VenueBook:
    """One venue's book, all of one instant."""

    name: str
    orders: dict  # client order id -> VenueOrder
    fills: list
    positions: dict  # symbol -> signed units
    cash: Decimal
    deposited: Decimal

    @classmethod
    async def read(cls, name: str, files) -> VenueBook:
        """Ask the venue as a stranger does, over its own socket."""
        client = PaperVenueClient(orders_address=files.orders, quotes_address=files.quotes)
        await client.connect(timeout_s=10)
        try:
            while True:
                seq = (await client.request(Hello(), Welcome)).seq
                orders = (await client.request(ListOrders(), Orders)).orders
                fills = (await client.request(ListFills(), Fills)).fills
                positions = (await client.request(ListPositions(), Positions)).positions
                account = (await client.request(GetAccount(), Account)).account
                if (await client.request(Hello(), Welcome)).seq == seq:
                    break
        finally:
            await client.close()
        assert len({o.client_order_id for o in orders}) == len(orders)
        return cls(
            name=name,
            orders={o.client_order_id: o for o in orders},
            fills=fills,
            positions={p.symbol: p.quantity for p in positions},
            cash=account.cash,
            deposited=account.deposited,
        )


def differences(rundir: RunDirectory, venues: list[VenueBook], placed: dict) -> list[str]:
    """Return in words whatever the trader's store has otherwise than the venues' books.

    `placed` are the orders whose sender was told that they were placed: client order id -> venue.
    """
    with TradingStore.open(rundir.store, read_only=True) as store:
        told = {e.body.client_order_id: e.body for e in store.orders()}
        stored = [e.body for e in store.fills()]
        journal = list(store.journal())
        verdict = AuditTrail(store).verify()
    wrong = [] if verdict.ok else [f"the audit trail is broken: {verdict}"]
    submits = Counter(
        i.client_order_id for i in journal if i.command == "submit" and i.state != "DENIED"
    )
    wrong += [f"{name} was forwarded {n} times" for name, n in submits.items() if n > 1]
    theirs = {}
    for book in venues:
        theirs |= book.orders
        wrong += _orders(book, told, submits)
        wrong += _fills(book, [f for f in stored if f.instrument.endswith(f".{book.name}")])
    for name, venue in placed.items():
        if name not in told:
            wrong.append(f"{name} was placed and is forgotten")
        elif name not in theirs and told[name].status not in OVER:
            wrong.append(f"{name} is {told[name].status} here, and not at {venue} at all")
    return wrong


def _orders(book: VenueBook, told: dict, submits: Counter) -> list[str]:
    wrong = []
    for name, theirs in book.orders.items():
        if name not in submits:
            wrong.append(f"{name} is at {book.name} without an intent")
        ours = told.get(name)
        if ours is None:
            wrong.append(f"{name} is at {book.name} and lost here")
        elif (ours.status, ours.filled) != (_status(theirs), theirs.filled):
            wrong.append(
                f"{name} is {ours.status} {ours.filled} here, "
                f"{theirs.status} {theirs.filled} at {book.name}"
            )
    return wrong


def _status(order) -> str:
    # Nautilus knows no trigger of an order that then goes to the market.
    rests = order.order_type in ("STOP_LIMIT", "LIMIT_IF_TOUCHED", "TRAILING_STOP_LIMIT")
    if order.status == "TRIGGERED" and not rests:
        return "ACCEPTED"
    return "SUBMITTED" if order.status == "PENDING" else order.status


def _fills(book: VenueBook, stored: list) -> list[str]:
    wrong = []
    ours = Counter((f.trade_id, f.client_order_id, f.quantity, f.price) for f in stored)
    theirs = Counter((f.trade_id, f.client_order_id, f.quantity, f.price) for f in book.fills)
    wrong += [f"fill {key} is {n} times here" for key, n in ours.items() if n > 1]
    wrong += [f"fill {key} of {book.name} is lost here" for key in theirs - ours]
    wrong += [f"fill {key} is not in the book of {book.name}" for key in ours - theirs]
    held: Counter = Counter()
    cash = book.deposited
    for fill in stored:
        signed = fill.quantity if fill.side == "BUY" else -fill.quantity
        held[fill.instrument.partition(".")[0]] += signed
        cash -= signed * fill.price + fill.commission
    ours_held = {symbol: units for symbol, units in held.items() if units}
    if ours_held != book.positions:
        wrong.append(f"positions: {ours_held} here, {book.positions} at {book.name}")
    if cash != book.cash:
        wrong.append(f"cash: {cash} here, {book.cash} at {book.name}")
    return wrong
