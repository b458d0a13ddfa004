"""The orders and fills of a trading store, read back."""

from __future__ import annotations

from nautilus_lab.platform.messages import Envelope
from nautilus_lab.platform.store._database import intact
from nautilus_lab.platform.store._projection import fill_event, order_event
from nautilus_lab.platform.store._trading import _sql as sql
from nautilus_lab.platform.store._trading._connection import TradingConnection, check_limit


class Orders(TradingConnection):
    """Each order as its last event has it, and every fill; `Events` writes both."""

    def orders(
        self, *, working_only: bool = False, limit: int | None = None
    ) -> tuple[Envelope, ...]:
        """Return the last event of each order, the most recent first.

        Parameters
        ----------
        working_only : bool, default=False
            Leave out what is filled, cancelled, expired, rejected or denied.
        limit : int, optional
            At most so many.
        """
        check_limit(limit)
        with self._reading("reading the orders") as connection:
            rows = connection.execute(sql.latest_orders(working_only, limit)).mappings().all()
        with intact(self._where):
            return tuple([order_event(row) for row in rows])

    def order(self, client_order_id: str) -> Envelope | None:
        """Return the last event of an order; None when there is none of that id."""
        with self._reading("reading an order") as connection:
            row = connection.execute(sql.one_order(client_order_id)).mappings().first()
        if row is None:
            return None
        with intact(self._where):
            return order_event(row)

    def fills(self, *, client_order_id: str | None = None) -> tuple[Envelope, ...]:
        """Return every fill, or those of one order, as they happened."""
        with self._reading("reading the fills") as connection:
            rows = connection.execute(sql.all_fills(client_order_id)).mappings().all()
        with intact(self._where):
            return tuple([fill_event(row) for row in rows])
