"""Weights times what came next, less costs: the arithmetic of a backtest without its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nautilus_lab.backtesting._ledger import FILL_COLUMNS, ORDER_COLUMNS, Ledger
from nautilus_lab.backtesting._panel import Panel

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray
    from nautilus_lab.strategies import Costs


def trade_targets(
    weights: FloatArray,
    fill_prices: FloatArray,
    costs: Costs,
    cash: float,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[FloatArray, FloatArray, int]:
    """Trade target weights, each row at the prices of the row after it.

    Between two rows of weights the units held stay what they are, so equity is units times
    prices: only the rows that trade are visited.

    Parameters
    ----------
    weights : array, shape (time, symbol)
        Fractions of the equity that is left after costs; NaN rows leave positions alone.
    fill_prices : array, shape (time, symbol)
        Row t + 1 is what the weights of row t are traded at.
    costs : Costs
        What trading costs.
    cash : float
        To start with.
    stopped : callable, optional
        Asked before each trade; when it says so, the rows from there on are not played.

    Returns
    -------
    traded : array, shape (time, symbol)
        Units bought (positive) and sold, at the row they filled.
    paid : array, shape (time,)
        Cash spent (positive) and received, costs included.
    n_times : int
        Rows played.

    Raises
    ------
    InputError
        When equity is used up.
    """
    import numpy as np

    n_times = len(weights)
    traded, paid = np.zeros_like(fill_prices), np.zeros(n_times)
    held = np.zeros(fill_prices.shape[1])
    for row in np.flatnonzero(~np.isnan(weights[:-1, 0])) + 1:
        if stopped():
            n_times = int(row)
            break
        prices = fill_prices[row]
        values = held * prices
        equity = costs.equity_after(cash + float(values.sum()), weights[row - 1], values)
        units = weights[row - 1] * equity / prices - held
        spent = np.where(units > 0, 1 + costs.buy_rate, 1 - costs.sell_rate) * units * prices
        traded[row], paid[row] = units, spent.sum()
        held = held + units
        cash -= paid[row]
    return traded, paid, n_times


def run_vectorised(
    panel: Panel,
    weights: FloatArray,
    costs: Costs,
    cash: float,
    stopped: Callable[[], bool] = lambda: False,
) -> Ledger:
    """Trade `weights` over `panel` and write down every trade; fractions of a unit are traded."""
    import numpy as np
    import pandas as pd

    traded, _, n_times = trade_targets(weights, panel.fill_prices, costs, cash, stopped)
    # Trades too small to be anything but rounding are none.
    least = 1e-12 * cash / panel.fill_prices
    rows, columns = np.nonzero(np.abs(traded) > least)
    units, prices = traded[rows, columns], panel.fill_prices[rows, columns]
    filled_at = prices * np.where(units > 0, 1 + costs.half_spread, 1 - costs.half_spread)
    ids = [f"V-{number}" for number in range(1, len(units) + 1)]
    fills = pd.DataFrame(
        {
            "time": panel.times[rows],
            "symbol": np.array(panel.symbols, dtype=object)[columns],
            "side": np.where(units > 0, "BUY", "SELL").astype(object),
            "quantity": np.abs(units),
            "price": filled_at,
            "commission": np.abs(units) * filled_at * costs.commission,
            "order_id": ids,
        },
        columns=list(FILL_COLUMNS),
    )
    orders = fills.set_index("order_id").drop(columns="commission")
    orders = orders.assign(filled=orders["quantity"], status="FILLED", reason="")
    orders = orders[list(ORDER_COLUMNS)]
    return Ledger(orders=orders, fills=fills, n_times=n_times)
