"""The stores that every promise is run over; a sibling joins by adding itself here."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path

import pytest

from nautilus_lab.platform import messages
from nautilus_lab.platform.messages import Envelope, OrderFilled, OrderUpdated
from nautilus_lab.platform.store import DeskStore, HistoryStore, TradingStore


class SqliteFiles:
    """Stores in files of a folder; what is closed can be opened again."""

    def __init__(self, folder: Path) -> None:
        self.trading_file = folder / "trading.db"
        self.desk_file = folder / "desk.db"
        self.history_file = folder / "history.db"
        self._open = ExitStack()

    def trading(self, **settings) -> TradingStore:
        return self._open.enter_context(TradingStore.open(self.trading_file, **settings))

    def desk(self, **settings) -> DeskStore:
        return self._open.enter_context(DeskStore.open(self.desk_file, **settings))

    def history(self, **settings) -> HistoryStore:
        return self._open.enter_context(HistoryStore.open(self.history_file, **settings))

    def behind(self, file: Path | None = None) -> closing[sqlite3.Connection]:
        """Reach the file behind the store's back."""
        return closing(sqlite3.connect(file or self.trading_file, isolation_level=None))

    def close(self) -> None:
        self._open.close()


# name -> what opens the stores of one test
PERSISTENT: dict[str, Callable[[Path], SqliteFiles]] = {"sqlite": SqliteFiles}


@pytest.fixture(params=PERSISTENT)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteFiles]:
    """A kind of store that outlives its process."""
    opened = PERSISTENT[request.param](tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=[*PERSISTENT, "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TradingStore]:
    """An open trading store of every kind."""
    if request.param == "memory":
        with TradingStore.open(":memory:") as opened:
            yield opened
    else:
        files = PERSISTENT[request.param](tmp_path)
        yield files.trading()
        files.close()


@pytest.fixture
def order() -> Callable[..., Envelope]:
    return an_order


@pytest.fixture
def fill() -> Callable[..., Envelope]:
    return a_fill


def an_order(
    client_order_id: str = "O-1", *, epoch: int = 1, status: str = "ACCEPTED", **changes
) -> Envelope:
    body = OrderUpdated(
        client_order_id=client_order_id,
        strategy="tilt",
        instrument="AAPL.PAPER",
        side="BUY",
        order_type="LIMIT",
        quantity=Decimal("100"),
        status=status,
        **changes,
    )
    return messages.envelope(
        body, "trading.order.T-1.tilt", trader="T-1", writer="node", epoch=epoch, simulated=True
    )


def a_fill(
    trade_id: str = "T-1", *, epoch: int = 1, instrument: str = "AAPL.PAPER", **changes
) -> Envelope:
    facts = {
        "client_order_id": "O-1",
        "strategy": "tilt",
        "side": "BUY",
        "quantity": Decimal("40"),
        "price": Decimal("101.250"),
        "commission": Decimal("0.41"),
        **changes,
    }
    body = OrderFilled(trade_id=trade_id, instrument=instrument, **facts)
    return messages.envelope(
        body,
        "trading.fill.T-1.tilt",
        trader="T-1",
        writer="node",
        epoch=epoch,
        source_ts=1_580_000_000_000_000_000,
    )
