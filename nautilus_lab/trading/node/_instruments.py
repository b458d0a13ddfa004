"""The instruments of the paper venue: shares in whole units, priced in cents."""

from __future__ import annotations

from nautilus_trader.model.instruments import Equity

from nautilus_lab.marketdata.nautilus import VENUE, equity

__all__ = ["VENUE", "instrument"]


def instrument(symbol: str) -> Equity:
    """Return what the paper venue trades under `symbol`."""
    return equity(symbol, price_precision=2)
