"""Tables that several pages show: their columns, and what a row says."""

from __future__ import annotations

from nautilus_lab.client import Account, Fill
from nautilus_lab.widgets._grid import Column, Row

FILLS = (
    Column(key="time", label="Time", kind="time", width=1.1, fits=8),
    Column(key="instrument", label="Instrument", width=1.5, fits=11),
    Column(key="side", label="Side", kind="side", width=0.8),
    Column(key="quantity", label="Qty", kind="exact", digits=0, width=0.9, fits=6),
    Column(key="price", label="Price", kind="exact", width=1.1, fits=6),
    Column(key="commission", label="Fee", kind="number", width=0.9),
)
ACCOUNTS = (
    Column(key="venue", label="Venue", width=1.0, fits=6),
    Column(key="equity", label="Equity", kind="number", digits=0, width=1.1, fits=9),
    Column(key="cash", label="Cash", kind="number", digits=0, width=1.1),
    Column(key="gross", label="Gross", kind="number", digits=0, width=1.0),
    Column(key="net", label="Net", kind="number", digits=0, width=1.0),
    Column(key="currency", label="", width=0.6),
)


def fill_row(fill: Fill) -> Row:
    """Return the row of a fill."""
    return {
        # Each venue numbers its trades by itself, and one with oneself has two sides.
        "id": f"{fill.client_order_id} {fill.trade_id}",
        "time": fill.ts / 1e9,
        "instrument": fill.instrument,
        "side": fill.side,
        "quantity": float(fill.quantity),
        "price": float(fill.price),
        "commission": float(fill.commission),
    }


def account_row(account: Account) -> Row:
    """Return the row of an account at a venue."""
    return {
        "id": account.venue,
        "venue": account.venue,
        "equity": account.equity,
        "cash": account.cash,
        "gross": account.gross_exposure,
        "net": account.net_exposure,
        "currency": account.currency,
    }


def instrument_of(topic: str) -> str:
    """Return whose quotes a topic has: ``market.quote.PAPER.AAPL`` -> ``AAPL.PAPER``."""
    parts = topic.split(".")
    return f"{'.'.join(parts[3:])}.{parts[2]}" if topic.startswith("market.quote.") else ""
