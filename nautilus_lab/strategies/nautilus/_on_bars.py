"""A strategy that trades a table of target weights, bar by bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.data import Bar, BarType, QuoteTick
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.objects import Quantity
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.exceptions import InputError
from nautilus_lab.strategies._costs import Costs
from nautilus_lab.strategies.nautilus._rebalance import units_to_trade

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


# What the quotes of a backtest take at their price.
_MOST_UNITS = 10**12


class Stopped(Exception):
    """A run was stopped at the close of the bar with the label `ts_event`."""

    def __init__(self, ts_event: int) -> None:
        super().__init__(ts_event)
        self.ts_event = ts_event


class RebalanceOnBars(Strategy):  # type: ignore[misc]
    """Reads its targets when the bars of a time have closed, and trades them at the next quotes.

    The next quotes are the opens of the next bars, or, of data that have closes only, the next
    closes. Orders are sized at those quotes, for the equity that costs will leave; sales go first.

    Parameters
    ----------
    bar_types : sequence of BarType
        One for each symbol, in the order in which quotes and bars of one time arrive: those of the
        last symbol say that the time is complete.
    targets : mapping of int to array
        Label of a bar (`ts_event`, UNIX nanoseconds) -> fractions of equity, one for each symbol.
        Bars without a target leave the positions alone.
    cash : float
        What the account starts with.
    costs : Costs
        What the venue charges; orders leave room for it.
    stopped : callable, optional
        Asked once a bar; when it says so, the run ends with `Stopped`.
    """

    def __init__(
        self,
        *,
        bar_types: Sequence[BarType],
        targets: Mapping[int, FloatArray],
        cash: float,
        costs: Costs,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(StrategyConfig(strategy_id="RebalanceOnBars", order_id_tag="000"))
        self._bar_types = list(bar_types)
        self._ids = {str(kind.instrument_id): kind.instrument_id for kind in bar_types}
        self._place = {one: place for place, one in enumerate(self._ids.values())}
        self._targets = targets
        self._costs = costs
        self._cash = cash
        self._stopped = stopped
        self._units = np.zeros(len(self._ids))
        self._pending: FloatArray | None = None

    def on_start(self) -> None:
        """Listen to the last symbol: when it speaks, the others have spoken."""
        last = self._bar_types[-1]
        self.subscribe_quote_ticks(last.instrument_id)
        self.subscribe_bars(last)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Trade what is pending, now that every symbol has its quote of this time."""
        if self._pending is not None:
            weights, self._pending = self._pending, None
            self._rebalance(weights)

    def on_bar(self, bar: Bar) -> None:
        """Look up the target, now that every bar of this time has closed."""
        if self._stopped():
            raise Stopped(bar.ts_event)
        self._pending = self._targets.get(bar.ts_event)

    def on_order_filled(self, event: OrderFilled) -> None:
        """Keep the book: what is held, and what is left in cash."""
        place = self._place[event.instrument_id]
        units = float(event.last_qty.as_decimal())  # float() is off in the last place
        signed = units if event.order_side == OrderSide.BUY else -units
        self._units[place] += signed
        self._cash -= signed * float(event.last_px) + float(event.commission)

    def _rebalance(self, weights: FloatArray) -> None:
        quotes = [self.cache.quote_tick(one) for one in self._ids.values()]
        mids = np.array([(float(q.bid_price) + float(q.ask_price)) / 2 for q in quotes])
        values = self._units * mids
        equity = self._costs.equity_after(self._cash + float(values.sum()), weights, values)
        wanted = units_to_trade(
            weights=dict(zip(self._ids, weights.tolist(), strict=True)),
            equity=equity,
            positions=dict(zip(self._ids, self._units.tolist(), strict=True)),
            prices=dict(zip(self._ids, mids.tolist(), strict=True)),
        )
        for name, units in sorted(wanted.items(), key=lambda item: item[1] > 0):
            if abs(units) > _MOST_UNITS:
                raise InputError(
                    f"an order must not exceed {_MOST_UNITS:,} units",
                    value=f"{units:,} of {name}",
                    remedy="start with less cash",
                )
            order: Any = self.order_factory.market(
                instrument_id=self._ids[name],
                order_side=OrderSide.BUY if units > 0 else OrderSide.SELL,
                quantity=Quantity.from_int(abs(units)),
            )
            self.submit_order(order)
