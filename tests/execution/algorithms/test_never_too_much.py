"""Whatever venues and people do, no parent ever has more under way than was asked for."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import TraderId
from nautilus_trader.model.objects import Money

from nautilus_lab.execution.algorithms import build_algorithms
from tests.execution.algorithms.market import Script, quote, share, trade
from tests.execution.algorithms.unruly import Unruly

VENUES = [share("NEAR", fee_bps=3.0), share("FAR", fee_bps=1.0), share("DARK")]
NEAR = VENUES[0]
SECONDS = 14

asks = {
    "VWAP": {"horizon_secs": 6.0, "interval_secs": 1.0, "profile": "0.5, 0.2, 0.3"},
    "POV": {"rate": 0.5, "horizon_secs": 8.0, "interval_secs": 0.5},
    "SMART": {"rounds": 3, "wait_secs": 1.0},
}


def data():
    for second in range(SECONDS):
        for number, instrument in enumerate(VENUES):
            drift = (second * 7 + number * 3) % 5 / 100
            yield quote(instrument, second, 99.9 + drift, 100 + drift, 60, 40 + 10 * number)
        yield trade(NEAR, second + 0.2, 50, 100.0)


@pytest.mark.parametrize("algorithm", ["VWAP", "POV", "SMART"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn=st.data())
def test_never_more_than_the_parent(algorithm, drawn):
    def draw(choices):
        return drawn.draw(st.sampled_from(choices))

    units = draw([1, 7, 100, 333])
    limit = draw([None, 100.02, 99.0])
    lasts = draw(["GTC", "IOC"])
    cancel_at = draw([None, 1.05, 2.3, 5.7])
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("T-1"),
            logging=LoggingConfig(bypass_logging=True),
            run_analysis=False,
        )
    )
    for instrument in VENUES:
        engine.add_venue(
            instrument.id.venue, OmsType.NETTING, AccountType.MARGIN, [Money(10**7, USD)], USD
        )
        engine.add_instrument(instrument)
    engine.add_data(sorted(data(), key=lambda d: d.ts_init))
    ended = []

    def ask(script):
        script.ask(algorithm, NEAR, units, limit=limit, lasts=lasts, **asks[algorithm])

    def cancel(script):
        if not script.cache.order(script.parent.client_order_id).is_closed:
            script.cancel()

    def settle(script):
        unruly.settle()
        ended.append(script.cache.order(script.parent.client_order_id).is_closed)

    at = {1: ask, SECONDS - 1: settle}
    for second in range(2, SECONDS - 1):
        at[second + 0.1] = lambda script: unruly.tick()
    if cancel_at is not None:
        at[cancel_at] = cancel
    script = Script(at)
    engine.add_strategy(script)
    engine.add_exec_algorithms(list(build_algorithms()))
    unruly = Unruly(engine.kernel, draw)
    engine.run()
    orders = {o.client_order_id.value: o for o in engine.cache.orders()}
    parent = orders.pop(script.parent.client_order_id.value)
    filled = sum((o.filled_qty.as_decimal() for o in orders.values()), Decimal(0))
    engine.dispose()
    assert unruly.excesses == []
    assert filled <= units
    assert (parent.quantity, parent.filled_qty) == (units, 0)
    assert ended == [True]  # nothing hangs open, whatever happened
    assert all(o.is_closed for o in orders.values())
    assert max(unruly.cancels.values(), default=0) <= 3
