"""The gate of a node stands in backtests too, and costs nothing where nobody asks for it."""

import math

import pandas as pd
import pytest

from nautilus_lab.backtesting import Limits
from nautilus_lab.config import TradingSettings
from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.gate import TradingSwitch
from nautilus_lab.risk.adjustment import book_of
from nautilus_lab.risk.limits import (
    DailyLoss,
    EnoughMargin,
    Levels,
    LimitBook,
    MaxDrawdown,
    MaxMessageRate,
    MaxOrderNotional,
    MaxPositionNotional,
    MaxPositionUnits,
    Measures,
)
from nautilus_lab.strategies import buy_and_hold, strategy


@strategy
def in_and_out(prices):
    """All in on every other row."""
    weights = pd.DataFrame(0.0, index=prices.index, columns=prices.columns)
    weights.iloc[::2] = 1.0 / len(prices.columns)
    return weights


def units(most):
    return Limits(checks=[MaxPositionUnits(max_units=most)])


def test_limits_that_are_never_reached_change_no_fill(engine, prices):
    plain = engine.run(buy_and_hold, prices)
    gated = engine.run(
        buy_and_hold,
        prices,
        limits=Limits.of(
            TradingSettings(
                max_order_notional=1e9,
                max_position_notional=1e9,
                max_gross_exposure=1e9,
                max_position_units=1e9,
                max_daily_loss=1e9,
            )
        ),
    )
    assert gated.digest == plain.digest
    assert gated.stats.n_denied == 0
    assert "denied" not in repr(gated)


def test_a_denied_order_is_in_the_result_with_its_reason(engine, make_prices, free):
    prices = make_prices(A=[100, 100, 100, 100])
    run = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=units(99))
    assert run.orders["status"].tolist() == ["DENIED"] * 2
    assert set(run.orders["reason"]) == {"MAX_POSITION_UNITS: 100.00 is over the limit of 99.00"}
    assert (run.orders["filled"] == 0).all()
    assert (run.stats.n_denied, run.stats.n_orders, len(run.fills)) == (2, 2, 0)
    assert run.equity.tolist() == [10_000] * 4
    assert repr(run).endswith("orders=2, denied=2)")


def test_on_the_bound_it_trades(engine, make_prices, free):
    prices = make_prices(A=[100, 100, 100, 100])
    run = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=units(100))
    assert run.orders["status"].tolist() == ["FILLED"] * 3
    assert run.orders["reason"].tolist() == [""] * 3


def test_what_reduces_passes_where_what_opens_does_not(engine, make_prices, free):
    # 100 bought at 100; at 200 the position is over the limit, and may be sold.
    prices = make_prices(A=[100, 100, 200, 200, 200])
    limits = Limits(checks=[MaxPositionNotional(max_notional=10_000)])
    run = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=limits)
    assert run.orders["side"].tolist() == ["BUY", "SELL", "BUY"]
    assert run.orders["status"].tolist() == ["FILLED", "FILLED", "DENIED"]


def test_its_assumptions_name_what_is_asked(engine, make_prices):
    run = engine.run(buy_and_hold, make_prices(A=[1, 1]), limits=units(5))
    assert run.assumptions[-1] == "Orders pass a gate that asks: max_position_units."
    assert "Denied" in run.tear_sheet().parts[0].values


def test_the_settings_of_a_node_are_its_limits(engine, make_prices, free):
    limits = Limits.of(TradingSettings(max_order_notional=9_999, stop_loss_state="HALTED"))
    assert limits.names == ("max_message_rate", "max_order_notional", "self_trade", "margin")
    assert limits.stop_loss_state == "HALTED"
    run = engine.run(
        buy_and_hold,
        make_prices(A=[100, 100, 100]),
        costs=free,
        starting_cash=10_000,
        limits=limits,
    )
    assert run.stats.n_denied == 1
    assert run.orders["reason"].iloc[0].startswith("MAX_ORDER_NOTIONAL")


def test_the_margin_check_knows_the_account_it_begins_with(engine, make_prices, free):
    @strategy
    def borrowed(prices):
        return pd.DataFrame(1.5, index=prices.index, columns=prices.columns)

    prices = make_prices(A=[100, 100, 100])
    for leverage, denied in ((1.0, 1), (1.5, 0)):
        limits = Limits(checks=[EnoughMargin(leverage={"PAPER": leverage})])
        run = engine.run(borrowed, prices, costs=free, starting_cash=10_000, limits=limits)
        assert run.stats.n_denied >= denied
        assert (len(run.fills) > 0) is (denied == 0)


def test_a_whole_book_in_one_instant_is_counted_by_the_rate(engine, data):
    prices = data.prices(["AAPL", "JNJ", "KO", "XOM"], start="2020")
    limits = Limits(checks=[MaxMessageRate(per_second=3)])
    run = engine.run(buy_and_hold, prices, limits=limits)
    assert run.stats.n_denied == 1


def hours(closes):
    """Bars of one symbol, one an hour."""
    times = pd.date_range("2024-01-01", periods=len(closes), freq="h", tz="UTC")
    index = pd.MultiIndex.from_product([times, ["A"]], names=["timestamp", "symbol"])
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), closes), index=index)
    return frame.astype(float).assign(volume=1_000.0)


@pytest.mark.parametrize(("state", "sales"), [("REDUCE_ONLY", 1), ("HALTED", 0)])
def test_the_stop_loss_ends_what_a_day_may_lose(engine, free, state, sales):
    bars = hours([100, 100, 89, 89, 89, 89, 89, 89])
    limits = Limits(checks=[DailyLoss(max_loss=1_000)], stop_loss_state=state)
    run = engine.run(in_and_out, bars, costs=free, starting_cash=10_000, limits=limits)
    filled = run.orders[run.orders["status"] == "FILLED"]
    assert filled["side"].tolist() == ["BUY"] + ["SELL"] * sales
    reason = f"{state}: MAX_DAILY_LOSS: 1100.00 is over the limit of 1000.00"
    assert reason in run.orders["reason"].tolist()


def test_a_loss_on_its_limit_stops_nothing(engine, free):
    bars = hours([100, 100, 90, 90, 90, 90])
    limits = Limits(checks=[DailyLoss(max_loss=1_000)])
    run = engine.run(in_and_out, bars, costs=free, starting_cash=10_000, limits=limits)
    assert run.stats.n_denied == 0


def test_a_stop_loss_may_want_to_see_a_loss_more_than_once(engine, free):
    bars = hours([100, 100, 50, 100, 100, 100])
    limits = Limits(checks=[DailyLoss(max_loss=1_000)], confirmations=3)
    run = engine.run(buy_and_hold, bars, costs=free, starting_cash=10_000, limits=limits)
    assert run.stats.n_denied == 0


def test_one_run_leaves_nothing_behind_for_the_next(engine, make_prices, free):
    prices = make_prices(A=[100, 100, 100, 100])
    limits = units(99)
    first = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=limits)
    again = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=limits)
    assert first.orders["reason"].tolist() == again.orders["reason"].tolist()
    assert TradingSwitch().state == "ACTIVE"


def test_a_nautilus_strategy_passes_the_gate_too(engine, data):
    from decimal import Decimal

    from nautilus_trader.examples.strategies.ema_cross import EMACross, EMACrossConfig
    from nautilus_trader.model.data import BarType
    from nautilus_trader.model.identifiers import InstrumentId

    bars = data.bars(["SP500"], start="2010", end="2011")

    def cross():
        return EMACross(
            EMACrossConfig(
                instrument_id=InstrumentId.from_str("SP500.PAPER"),
                bar_type=BarType.from_str("SP500.PAPER-1-DAY-LAST-EXTERNAL"),
                trade_size=Decimal(100),
                fast_ema_period=10,
                slow_ema_period=50,
            )
        )

    free_run = engine.run(cross(), bars)
    gated = engine.run(cross(), bars, limits=units(100))
    assert gated.digest == free_run.digest
    denied = engine.run(cross(), bars, limits=units(99))
    assert len(denied.fills) == 0
    assert denied.stats.n_denied > 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: Limits(checks=[1]),
        lambda: Limits(checks=[], stop_loss_state="ACTIVE"),
        lambda: Limits(checks=[], confirmations=0),
        lambda: Limits(checks=[], confirmations=math.nan),
    ],
)
def test_limits_that_mean_nothing_are_refused(make):
    with pytest.raises(InputError):
        make()


def test_limits_are_asked_in_event_mode_alone(engine, make_prices):
    with pytest.raises(InputError, match="arithmetic has none"):
        engine.run(buy_and_hold, make_prices(A=[1, 2]), mode="vectorised", limits=units(1))
    with pytest.raises(InputError, match="limits must be Limits"):
        engine.run(
            buy_and_hold,
            make_prices(A=[1, 2]),
            limits=[MaxOrderNotional(max_notional=1)],
        )


def test_a_limit_that_adjusts_itself_does_so_on_the_time_of_the_data(engine, make_prices, free):
    prices = make_prices(A=[100, 100, 50, 50, 50, 50, 50])
    limits = book_of(
        [
            {
                "limit": "max_position_units",
                "max_units": 100,
                "adjust": {"rule": "drawdown", "end": 0.6, "floor": 0.1},
            }
        ]
    )
    run = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=limits)
    # Half is lost by the sale; of the base a sixth is left then, 16 units.
    assert list(zip(run.orders["filled"], run.orders["reason"], strict=True)) == [
        (100, ""),
        (100, ""),
        (0, "MAX_POSITION_UNITS: 100.00 is over the limit of 16.00"),
        (0, "MAX_POSITION_UNITS: 100.00 is over the limit of 16.00"),
    ]


def test_a_rule_without_its_measures_holds_a_backtest_to_the_floor(engine, make_prices, free):
    prices = make_prices(A=[100, 100, 100, 100])
    limits = book_of(
        [
            {
                "limit": "max_position_units",
                "max_units": 400,
                "adjust": {"rule": "volatility", "target": 0.2, "floor": 0.1},
            }
        ]
    )
    blind = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=limits)
    assert set(blind.orders["reason"]) == {"MAX_POSITION_UNITS: 100.00 is over the limit of 40.00"}
    told = Limits(checks=limits, measures=lambda now_ns: Measures.at(now_ns, volatility=0.1))
    seen = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=told)
    assert seen.stats.n_denied == 0


@pytest.mark.parametrize(
    ("window_days", "denied"),
    [
        (None, [False, False, True, True, True]),
        (5, [False, False, True, True, False]),
        (4, [False, False, True, False, False, False]),
    ],
)
def test_a_drawdown_of_a_window_is_forgotten_with_its_days(
    window_days, denied, engine, make_prices, free
):
    # A tenth is lost by the third day. What is sent on the sixth is judged by the fifth, whose last
    # five days have the first, on which nothing was lost, and whose last four have not.
    prices = make_prices(A=[100, 100, 90, 90, 90, 90, 90, 90])
    drawdown = MaxDrawdown(max_fraction=0.05, window_days=window_days, action="no_increase")
    limits = Limits(checks=LimitBook([drawdown], levels=Levels(clear_s=0.0)))
    run = engine.run(in_and_out, prices, costs=free, starting_cash=10_000, limits=limits)
    assert [bool(reason) for reason in run.orders["reason"]] == denied
