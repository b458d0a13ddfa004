"""Orders on one side that go once the other side has traded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.surveillance._frames import (
    require_fills,
    require_orders,
    require_setting,
    seconds,
    span_ns,
    utc,
)
from nautilus_lab.surveillance._pattern import Measured, NotAssessed, Pattern

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class LayeredOrders:
    """Looks for several orders on one side, cancelled soon after the other side traded.

    An order counts when it was placed within `build_up_s` before a fill of the other side, worked
    still at that fill, was cancelled within `cancel_within_s` after it and was hardly filled. A
    market maker who moves all quotes after a fill has this shape, too.

    Parameters
    ----------
    min_orders : int, default=3
        So many orders at least, at one fill; from 1.
    cancel_within_s : float, default=5.0
        How soon after the fill they were cancelled, seconds; from 0.
    build_up_s : float, default=300.0
        How long before the fill they were placed at most, seconds; from 0.
    max_filled : float, default=0.1
        How much of each may be filled, a fraction.
    min_times_executed : float, default=2.0
        How many times the quantity that traded was cancelled, at least; from 0.

    Raises
    ------
    InputError
        When a threshold is out of bounds.
    """

    min_orders: int = 3
    cancel_within_s: float = 5.0
    build_up_s: float = 300.0
    max_filled: float = 0.1
    min_times_executed: float = 2.0

    def __post_init__(self) -> None:
        if isinstance(self.min_orders, bool) or not isinstance(self.min_orders, int):
            raise InputError("min_orders must be a whole number", value=self.min_orders)
        require_setting("min_orders", self.min_orders, least=1)
        span_ns("cancel_within_s", self.cancel_within_s)
        span_ns("build_up_s", self.build_up_s)
        require_setting("max_filled", self.max_filled, most=1.0)
        require_setting("min_times_executed", self.min_times_executed)

    def find(self, orders: pd.DataFrame, fills: pd.DataFrame) -> tuple[Pattern, ...]:
        """Return the patterns in `orders` and `fills`, the earliest first.

        Parameters
        ----------
        orders : DataFrame
            Columns `client_order_id`, `owner`, `instrument`, `side`, `quantity`, `filled`
            (units), `placed`, `ended` (tz-aware; NaT where not known, or not yet), `cancelled`
            (bool). An order of which nobody knows when it was placed is left out; see
            `not_assessed`.
        fills : DataFrame
            As `WashTrades.find` takes them.

        Raises
        ------
        InputError
            When a column is missing or times are not tz-aware.
        BadData
            When a value is missing, not finite or out of bounds, or an order is there twice.
        """
        checked = require_orders(orders)
        checked = checked[checked["known"] & checked["cancelled"]]
        checked = checked[checked["filled"] <= self.max_filled * checked["quantity"]]
        layers = {
            key: group.sort_values(["ended_ns", "client_order_id"])
            for key, group in checked.groupby(["owner", "instrument", "side"], sort=True)
        }
        found: list[Pattern] = []
        for key, traded in require_fills(fills).groupby(["owner", "instrument", "side"], sort=True):
            owner, instrument, side = map(str, key)
            other = layers.get((owner, instrument, "SELL" if side == "BUY" else "BUY"))
            if other is not None:
                found += self._of(traded, other, owner, instrument)
        return tuple(sorted(found, key=lambda one: (one.begin, one.instrument, one.order_ids)))

    def not_assessed(self, orders: pd.DataFrame) -> tuple[NotAssessed, ...]:
        """Return the cancelled orders of which nobody knows when they were placed."""
        checked = require_orders(orders)
        lost = checked[~checked["known"] & checked["cancelled"]]
        return tuple(
            NotAssessed(kind="layering", what=str(name), reason="when it was placed is not known")
            for name in sorted(lost["client_order_id"])
        )

    def _of(
        self, traded: pd.DataFrame, layers: pd.DataFrame, owner: str, instrument: str
    ) -> list[Pattern]:
        import numpy as np

        within = span_ns("cancel_within_s", self.cancel_within_s)
        before = span_ns("build_up_s", self.build_up_s)
        placed, ended = layers["placed_ns"].to_numpy(), layers["ended_ns"].to_numpy()
        at = traded["ns"].to_numpy()
        first = np.searchsorted(ended, at, side="left")
        last = np.searchsorted(ended, at + within, side="right")
        groups: list[tuple[list[int], set[int]]] = []
        for fill, (low, high) in enumerate(zip(first, last, strict=True)):
            age = at[fill] - placed[low:high]
            those = {int(low + place) for place in np.flatnonzero((age >= 0) & (age <= before))}
            if len(those) < self.min_orders:
                continue
            # The fills of one execution share the orders that went after it.
            if groups and groups[-1][1] & those:
                groups[-1][0].append(fill)
                groups[-1][1].update(those)
            else:
                groups.append(([fill], those))
        patterns = (
            self._pattern(traded.iloc[which], layers.iloc[sorted(those)], owner, instrument)
            for which, those in groups
        )
        return [one for one in patterns if one is not None]

    def _pattern(
        self, traded: pd.DataFrame, layers: pd.DataFrame, owner: str, instrument: str
    ) -> Pattern | None:
        unfilled = float((layers["quantity"] - layers["filled"]).sum())
        times = unfilled / float(traded["quantity"].sum())
        if not times >= self.min_times_executed:
            return None
        ended: np.ndarray[tuple[int], np.dtype[np.int64]] = layers["ended_ns"].to_numpy()
        trades = traded["ns"].to_numpy()
        last = max(int(end - trades[trades <= end].max()) for end in ended if (trades <= end).any())
        orders = (*layers["client_order_id"], *traded["client_order_id"])
        return Pattern(
            kind="layering",
            owner=owner,
            instrument=instrument,
            begin=utc(min(int(layers["placed_ns"].min()), int(trades.min()))),
            end=utc(max(int(ended.max()), int(trades.max()))),
            order_ids=tuple(dict.fromkeys(map(str, orders))),
            trade_ids=tuple(dict.fromkeys(map(str, traded["trade_id"]))),
            figures=(
                Measured(
                    name="cancelled orders",
                    value=float(len(layers)),
                    threshold=float(self.min_orders),
                    unit="orders",
                ),
                Measured(
                    name="cancelled per traded",
                    value=times,
                    threshold=self.min_times_executed,
                    unit="times",
                ),
                Measured(
                    name="last cancelled after",
                    value=seconds(last),
                    threshold=self.cancel_within_s,
                    unit="s",
                ),
            ),
            note="Pattern to review: orders of one side went soon after the other side traded.",
        )
