"""Orders, fills and markets, made by hand or drawn by a seed."""

import numpy as np
import pandas as pd
import pytest

START = pd.Timestamp("2026-03-02T15:00:00Z")


def fills_of(*rows, owner="ana", instrument="AAPL"):
    """Each row: seconds after the start, side, quantity, price."""
    return pd.DataFrame(
        [
            {
                "trade_id": f"T-{number}",
                "client_order_id": f"F-{number}",
                "owner": owner,
                "instrument": instrument,
                "side": side,
                "quantity": float(quantity),
                "price": float(price),
                "time": START + pd.Timedelta(seconds=after),
            }
            for number, (after, side, quantity, price) in enumerate(rows)
        ],
        columns=[
            *("trade_id", "client_order_id", "owner", "instrument", "side", "quantity", "price"),
            "time",
        ],
    )


def orders_of(*rows, owner="ana", instrument="AAPL"):
    """Each row: placed and ended in seconds after the start, side, quantity, filled, cancelled."""
    frame = pd.DataFrame(
        [
            {
                "client_order_id": f"O-{number}",
                "owner": owner,
                "instrument": instrument,
                "side": side,
                "quantity": float(quantity),
                "filled": float(filled),
                "placed": START + pd.Timedelta(seconds=placed),
                "ended": pd.NaT if ended is None else START + pd.Timedelta(seconds=ended),
                "cancelled": cancelled,
            }
            for number, (placed, ended, side, quantity, filled, cancelled) in enumerate(rows)
        ],
        columns=[
            *("client_order_id", "owner", "instrument", "side", "quantity", "filled", "placed"),
            *("ended", "cancelled"),
        ],
    )
    return frame.assign(
        placed=pd.to_datetime(frame["placed"], utc=True),
        ended=pd.to_datetime(frame["ended"], utc=True),
        cancelled=frame["cancelled"].astype(bool),
    )


def honest_day(seed, *, orders=400, hours=6.5):
    """A day of one owner who places orders at random and lets each live as long as it happens.

    Sides, sizes, times, lives and ends are independent of each other: what looks like a pattern
    does so by chance alone. Prices walk at random by ticks of 0.01, 1.5 % a day.
    """
    rng = np.random.default_rng(seed)
    seconds = hours * 3_600
    placed = np.sort(rng.uniform(0, seconds, orders))
    lives = rng.exponential(120, orders)
    done = rng.random(orders) < 0.4
    side = np.where(rng.random(orders) < 0.5, "BUY", "SELL")
    quantity = rng.integers(1, 11, orders) * 100.0
    grid = 100 * np.exp(np.cumsum(rng.normal(0, 0.015 / np.sqrt(23_400), int(seconds) + 1)))
    ended = placed + lives
    at = np.minimum(ended, seconds).astype(int)
    price = (grid[at] + np.where(side == "BUY", -0.01, 0.01)).round(2)
    book = orders_of(
        *(
            (placed[i], ended[i], side[i], quantity[i], quantity[i] * done[i], not done[i])
            for i in range(orders)
        )
    )
    traded = fills_of(
        *((ended[i], side[i], quantity[i], price[i]) for i in np.flatnonzero(done)),
    )
    traded["client_order_id"] = [f"O-{i}" for i in np.flatnonzero(done)]
    return book, traded


@pytest.fixture
def fills():
    return fills_of


@pytest.fixture
def orders():
    return orders_of


@pytest.fixture
def honest():
    return honest_day


@pytest.fixture
def start():
    return START
