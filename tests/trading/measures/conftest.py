"""A trader as its node tells it, and the history it is measured by."""

import pandas as pd
import pytest

from nautilus_lab.platform.messages import PositionUpdated
from nautilus_lab.trading.measures import PriceHistory, Seen

TODAY = pd.Timestamp("2020-01-03 15:00", tz="UTC")


def position(instrument, units, price, *, size=1.0):
    return PositionUpdated(
        instrument=instrument,
        quantity=units,
        average_price=price,
        market_price=price,
        market_value=units * price * size,
        unrealised=0.0,
        realised=0.0,
    )


def seen(*positions, quotes=None, market=TODAY):
    market_ns = pd.Timestamp(market).as_unit("ns").value
    return Seen(
        trader="PAPER-001",
        ts_ns=1_700_000_000_000_000_000,
        market_ns=market_ns,
        positions={one.instrument: one for one in positions},
        quotes=quotes or {},
    )


@pytest.fixture(scope="session")
def history(catalog):
    return PriceHistory(catalog)
