"""The alerts among the events of a trading store."""

from __future__ import annotations

from collections.abc import Mapping

from nautilus_lab.platform import messages
from nautilus_lab.platform.messages import Envelope
from nautilus_lab.platform.store._trading import _sql as sql
from nautilus_lab.platform.store._trading._connection import TradingConnection, check_limit


class Alerts(TradingConnection):
    """What the trader's processes raised, the latest first or from a position on."""

    def alerts(self, *, limit: int | None = None) -> tuple[Envelope, ...]:
        """Return what the trader's processes raised (`AlertRaised`), the latest first.

        It reads the whole outbox, which has no index of topics: not for an order path.

        Parameters
        ----------
        limit : int, optional
            At most so many.

        Raises
        ------
        MessageError
            When a stored event cannot be read back.
        """
        check_limit(limit)
        with self._reading("reading the alerts") as connection:
            stored = connection.scalars(sql.latest_alerts(limit)).all()
        return tuple([messages.decode(data) for data in stored])

    def alerts_since(
        self, positions: Mapping[str, tuple[int, int]]
    ) -> tuple[tuple[Envelope, ...], dict[str, tuple[int, int]]]:
        """Return the alerts after `positions`, of each writer the oldest first, and what follows.

        Parameters
        ----------
        positions : mapping of str to (int, int)
            writer -> the epoch and number of the last event that the caller saw; a writer that
            is not named is read from its beginning.

        Returns
        -------
        tuple of Envelope, dict
            The alerts, and the positions to ask with the next time.

        Raises
        ------
        MessageError
            When a stored event cannot be read back.
        """
        found: list[bytes] = []
        after = dict(positions)
        with self._reading("reading new alerts"):
            for (writer,) in self._writes.writers(self._driver, {}).fetchall():
                epoch, seq = after.get(writer, (0, 0))
                values = {"writer": writer, "epoch": epoch, "seq": seq}
                for epoch, seq, alert in self._writes.events_and_alerts(self._driver, values):
                    after[writer] = (epoch, seq)
                    if alert is not None:
                        found.append(alert)
        return tuple([messages.decode(data) for data in found]), after
