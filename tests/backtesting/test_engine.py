import numpy as np
import pandas as pd
import pytest

from nautilus_lab.engine import Engine
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark, provenance
from nautilus_lab.strategies import Costs, buy_and_hold, momentum_tilt, strategy

MODES = ["event", "vectorised"]
both_modes = pytest.mark.parametrize("mode", MODES)


@strategy
def all_in(prices, share=1.0):
    return prices * 0 + share / prices.shape[1]


def holding(*shares):
    """A strategy with these weights of one symbol; None leaves the position alone."""

    @strategy(name="given")
    def given(prices):
        return pd.DataFrame(
            {"A": [np.nan if share is None else share for share in shares]}, index=prices.index
        )

    return given


def test_the_engine_keeps_the_promise_of_engines(engine):
    assert isinstance(engine, Engine)
    assert engine.name == "backtesting"
    assert engine.health().ok


@both_modes
def test_a_signal_of_one_close_fills_at_the_next_close_when_there_are_no_opens(
    engine, free, make_prices, mode
):
    prices = make_prices(A=[100, 200, 220, 110])
    run = engine.run(all_in, prices, costs=free, starting_cash=1_000, mode=mode)
    # Bought 5 at 200, the close after the first signal; never at 100.
    assert run.equity.tolist() == [1_000.0, 1_000.0, 1_100.0, 550.0]
    assert run.returns.tolist() == pytest.approx([0.0, 0.1, -0.5])
    assert run.positions["A"].tolist() == [0.0, 5.0, 5.0, 5.0]
    first = run.fills.iloc[0]
    assert (first["time"], first["side"], first["quantity"], first["price"]) == (
        prices.index[1],
        "BUY",
        5.0,
        200.0,
    )


@both_modes
def test_a_signal_of_one_close_fills_at_the_next_open_of_bars(engine, free, make_bars, mode):
    bars = make_bars(opens=[90, 125, 130], closes=[100, 120, 140])
    run = engine.run(all_in, bars, costs=free, starting_cash=1_000, mode=mode)
    # 8 bought at the open of 125, worth 960 at that day's close of 120.
    assert run.equity.iloc[:2].tolist() == [1_000.0, 960.0]
    assert run.fills.iloc[0]["price"] == 125.0


@both_modes
def test_costs_are_taken_by_hand_calculation(engine, make_prices, mode):
    costs = Costs(commission_bps=100, half_spread_bps=100)
    prices = make_prices(A=[10, 10, 10, 10])
    run = engine.run(
        holding(0.5, None, 0, None), prices, costs=costs, starting_cash=10_000, mode=mode
    )
    # E = 10000 - 0.5 E (1.01 * 1.01 - 1) = 9900.49...: 495.02 units, 495 whole ones.
    units = 495.0 if mode == "event" else 0.5 * 10_000 / (1 + 0.5 * (1.01 * 1.01 - 1)) / 10
    assert run.positions["A"].tolist() == pytest.approx([0, units, units, 0], rel=1e-12)
    spent = units * 10.1 * 1.01
    got = units * 9.9 * 0.99
    cent = 0.011 if mode == "event" else 1e-9  # each commission is booked in whole cents
    assert run.equity.tolist() == pytest.approx(
        [10_000, 10_000 - spent + 10 * units, 10_000 - spent + 10 * units, 10_000 - spent + got],
        abs=cent,
    )
    assert run.stats.commission == pytest.approx(units * (0.101 + 0.099), abs=cent)
    assert run.stats.slippage == pytest.approx(units * 0.2)
    assert run.fills["price"].tolist() == [10.1, 9.9]


@both_modes
def test_short_positions_gain_when_prices_fall(engine, free, make_prices, mode):
    prices = make_prices(A=[100, 100, 80, 80])
    run = engine.run(
        holding(-0.5, None, None, None), prices, costs=free, starting_cash=1_000, mode=mode
    )
    assert run.positions["A"].tolist() == [0, -5, -5, -5]
    assert run.equity.tolist() == [1_000, 1_000, 1_100, 1_100]


@both_modes
def test_rows_of_nan_leave_positions_alone(engine, free, make_prices, mode):
    prices = make_prices(A=[10, 10, 20, 40, 40])
    run = engine.run(
        holding(None, 0.5, None, None, None), prices, costs=free, starting_cash=1_000, mode=mode
    )
    assert run.stats.n_orders == 1
    # 25 bought at 20; half of equity becomes two thirds by drift alone.
    assert run.positions["A"].tolist() == [0, 0, 25, 25, 25]
    assert run.equity.tolist() == [1_000, 1_000, 1_000, 1_500, 1_500]


@both_modes
def test_the_last_signal_is_never_traded(engine, free, make_prices, mode):
    run = engine.run(
        holding(0, 0, 1), make_prices(A=[10, 10, 10]), costs=free, starting_cash=1_000, mode=mode
    )
    assert run.fills.empty
    assert run.equity.tolist() == [1_000, 1_000, 1_000]
    assert run.stats.turnover == 0.0
    assert "Orders" in run.tear_sheet().text


@pytest.mark.parametrize("kind", ["prices", "bars"])
def test_events_and_arithmetic_agree_up_to_whole_units_and_cents(engine, request, kind):
    data = request.getfixturevalue(kind)
    chosen = momentum_tilt.with_parameters(window=60, skip=5, top=2)
    runs = {mode: engine.run(chosen, data, starting_cash=100_000_000, mode=mode) for mode in MODES}
    event, sums = runs["event"], runs["vectorised"]
    assert len(event.fills) > 40
    merged = event.fills.merge(sums.fills, on=["time", "symbol", "side"], suffixes=("", "_sums"))
    assert len(merged) >= 0.95 * len(sums.fills)
    # Prices have six decimals on the exchange; units are whole.
    assert (merged["price"] - merged["price_sums"]).abs().max() <= 1e-6
    assert (merged["quantity"] - merged["quantity_sums"]).abs().max() <= 0.02 * 100
    worst = (event.equity / sums.equity - 1).abs().max()
    assert worst < 2e-6  # of 100 million: a share of some hundred dollars in each of two symbols
    assert event.stats.total_return == pytest.approx(sums.stats.total_return, abs=5e-6)
    assert event.stats.commission == pytest.approx(sums.stats.commission, rel=1e-4)


def test_small_accounts_differ_by_at_most_a_unit_of_each_symbol(engine, prices, free):
    runs = [
        engine.run(buy_and_hold, prices, costs=free, starting_cash=10_000, mode=m) for m in MODES
    ]
    gap = (runs[1].positions - runs[0].positions).iloc[-1]
    assert ((gap >= 0) & (gap < 1)).all()


def test_daily_rebalancing_agrees_with_the_product_of_weighted_returns(engine, prices, free):
    run = engine.run(all_in, prices, costs=free, mode="vectorised")
    # Without costs: equal weights set at each close, from the second on, earn the mean return.
    mean = prices.pct_change().mean(axis=1).iloc[2:]
    assert run.returns.iloc[1:].to_numpy() == pytest.approx(mean.to_numpy(), abs=1e-12)


def test_the_equity_is_that_of_the_account_on_the_exchange(engine, prices, monkeypatch):
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.model.currencies import USD
    from nautilus_trader.model.identifiers import Venue

    from nautilus_lab.backtesting import _event_driven

    found = {}

    class Watched(BacktestEngine):
        def dispose(self):
            if "balance" not in found:
                account = self.portfolio.account(Venue("PAPER"))
                found["balance"] = float(account.balance_total(USD))
                found["held"] = {
                    p.instrument_id.symbol.value: (float(p.signed_qty), float(p.avg_px_open))
                    for p in self.cache.positions_open()
                }
            super().dispose()

    monkeypatch.setattr(_event_driven, "BacktestEngine", Watched)
    run = engine.run(momentum_tilt.with_parameters(window=60, skip=5, top=2), prices)
    last = prices.iloc[-1]
    open_profit = sum(units * (last[s] - paid) for s, (units, paid) in found["held"].items())
    assert run.equity.iloc[-1] == pytest.approx(found["balance"] + open_profit, abs=0.05)
    assert {s: u for s, u in run.positions.iloc[-1].items() if u} == {
        s: u for s, (u, _) in found["held"].items()
    }


@both_modes
def test_the_same_run_again_trades_the_same(engine, prices, mode):
    chosen = momentum_tilt.with_parameters(window=60, skip=5, top=2)
    one, two = (engine.run(chosen, prices, mode=mode) for _ in range(2))
    assert one.digest == two.digest
    pd.testing.assert_frame_equal(one.orders, two.orders)
    pd.testing.assert_series_equal(one.equity, two.equity)
    other = engine.run(chosen, prices, costs=Costs(half_spread_bps=3), mode=mode)
    assert other.digest != one.digest


def test_a_run_leaves_its_data_as_they_were(engine, prices):
    before = prices.copy(deep=True)
    engine.run(all_in, prices, mode="vectorised")
    engine.run(buy_and_hold, prices)
    pd.testing.assert_frame_equal(prices, before)


@both_modes
def test_the_result_is_headed_by_what_it_assumes_and_by_the_marks_of_its_data(engine, prices, mode):
    run = engine.run(buy_and_hold, prices, mode=mode)
    text = run.tear_sheet().text
    assert SURVIVORS_ONLY in text
    for assumption in run.assumptions:
        assert assumption in text
    assert "next close: the data have no opens" in run.assumptions[0]
    assert "1 bp commission, 2 bp half spread" in " ".join(run.assumptions)
    assert provenance(run.returns).notices == (SURVIVORS_ONLY,)
    assert run.caption == SURVIVORS_ONLY


def test_a_run_on_simulated_data_says_so_on_every_chart(engine, make_prices, free):
    prices = mark(make_prices(A=[10, 11, 12]), Provenance(simulated=True))
    run = engine.run(all_in, prices, costs=free, mode="vectorised")
    assert "SIMULATED" in run.caption
    assert "SIMULATED" in str(run.plot("Drawdown").layout.title)


def test_bars_are_said_to_fill_at_opens(engine, bars):
    run = engine.run(buy_and_hold, bars, mode="vectorised")
    assert run.assumptions[0] == "What is decided at the close of a bar fills at the next open."


def test_the_result_shows_itself(engine, prices):
    run = engine.run(buy_and_hold, prices, mode="vectorised")
    shown = run._repr_mimebundle_()
    assert "Backtest of buy_and_hold()" in shown["text/plain"]
    assert "<svg" in shown["text/html"]
    assert run.plot().data[0].y[-1] == run.equity.iloc[-1]
    assert repr(run).startswith("BacktestResult(buy_and_hold(), mode='vectorised', total_return=")


def test_stats_follow_from_the_equity(engine, prices):
    run = engine.run(momentum_tilt.with_parameters(window=60, top=2), prices, mode="vectorised")
    equity = run.equity
    assert run.stats.total_return == pytest.approx(equity.iloc[-1] / 1e6 - 1)
    assert run.stats.max_drawdown == pytest.approx((equity / equity.cummax() - 1).min())
    assert run.stats.volatility == pytest.approx(run.returns.std())
    assert run.stats.n_orders == len(run.orders) == len(run.fills) == run.stats.n_fills
    assert (run.orders["filled"] == run.orders["quantity"]).all()


@both_modes
def test_leverage_that_uses_up_the_equity_is_an_error(engine, free, make_prices, mode):
    prices = make_prices(A=[100, 100, 40, 40])
    with pytest.raises((BadData, InputError), match="stay positive"):
        engine.run(holding(2.0, None, None, None), prices, costs=free, mode=mode)
    with pytest.raises(InputError, match="positive"):
        engine.run(all_in.with_parameters(share=2.0), prices, costs=free, mode=mode)


@both_modes
@pytest.mark.parametrize("cash", [0, -1, float("nan"), float("inf"), 2e12])
def test_starting_cash_out_of_bounds_is_refused(engine, prices, mode, cash):
    with pytest.raises(InputError, match="starting_cash"):
        engine.run(buy_and_hold, prices, starting_cash=cash, mode=mode)


@both_modes
def test_bad_data_are_refused_at_the_door(engine, prices, mode):
    with pytest.raises(NotEnoughData, match="not be empty"):
        engine.run(buy_and_hold, prices.iloc[:0], mode=mode)
    with pytest.raises(NotEnoughData, match="at least 2"):
        engine.run(buy_and_hold, prices.iloc[:1], mode=mode)
    with pytest.raises(BadData, match="NaN") as caught:
        engine.run(buy_and_hold, prices.mask(prices.eq(prices.iloc[3])), mode=mode)
    assert str(prices.index[3].date()) in caught.value.value
    with pytest.raises(InputError, match="tz-aware"):
        engine.run(buy_and_hold, prices.tz_localize(None), mode=mode)
    with pytest.raises(InputError, match="DataFrame"):
        engine.run(buy_and_hold, "AAPL", mode=mode)


def test_arguments_of_another_kind_are_refused(engine, prices):
    with pytest.raises(InputError, match="Costs"):
        engine.run(buy_and_hold, prices, costs=0.001)
    with pytest.raises(InputError, match="mode"):
        engine.run(buy_and_hold, prices, mode="fast")
    with pytest.raises(InputError, match="made a strategy"):
        engine.run(lambda p: p, prices)
    with pytest.raises(InputError, match="SignalStrategy or a Nautilus"):
        engine.run("momentum", prices)


def test_negative_costs_are_refused():
    with pytest.raises(InputError, match="commission_bps"):
        Costs(commission_bps=-1)


def test_orders_too_large_for_the_exchange_are_refused(engine, free, make_prices):
    with pytest.raises(InputError, match="units"):
        engine.run(all_in, make_prices(A=[1e-6, 1e-6, 1e-6]), costs=free, starting_cash=1e12)
