"""Nautilus' TWAP with what we add, in a real Nautilus engine."""

import pytest
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.examples.algorithms.twap import TWAPExecAlgorithm
from nautilus_trader.model.enums import OrderStatus
from nautilus_trader.model.events import OrderSubmitted

from nautilus_lab.execution.gate import order_of
from nautilus_lab.risk.limits import MaxOrderNotional
from tests.execution.algorithms.market import Market, quote, share

NEAR = share("NEAR")
TIMED = {"horizon_secs": 40.0, "interval_secs": 10.0}


def quotes(seconds, *, size=100_000):
    return [quote(NEAR, s, 99.98, 100.02 + s / 100, size, size) for s in range(seconds)]


def twap(units, *, at=1, **told):
    return {at: lambda script: script.ask("TWAP", NEAR, units, **TIMED | told)}


def trades(market):
    """Second and size of each fill, in the order in which they came."""
    found = [(f.ts_event // 1_000_000_000, int(f.last_qty)) for f in market.fills]
    return sorted(found)


def test_slices_are_equal_and_at_their_times_and_the_parent_is_the_last():
    market = Market([NEAR], quotes(60), twap(400)).run()
    assert trades(market) == [(1, 100), (11, 100), (21, 100), (31, 100)]
    assert len(market.children) == 3
    assert market.parent.status == OrderStatus.FILLED
    name = market.parent.client_order_id.value
    assert {tuple(o.tags) for o in market.children} == {("by:ana", f"parent:{name}")}


@pytest.mark.parametrize("units", [400, 403, 1_001])
def test_it_trades_as_nautilus_own_does(units, monkeypatch):
    ours = Market([NEAR], quotes(80), twap(units)).run()
    monkeypatch.setattr("tests.execution.algorithms.market.BacktestEngine", Theirs)
    theirs = Market([NEAR], quotes(80), twap(units)).run()
    assert trades(ours) == trades(theirs)
    assert sum(size for _, size in trades(ours)) == units


class Theirs(BacktestEngine):
    """An engine whose TWAP is Nautilus' own."""

    def add_exec_algorithms(self, exec_algorithms):
        super().add_exec_algorithms([TWAPExecAlgorithm()])


def test_what_a_denied_slice_did_not_trade_is_in_the_last():
    """Also of the first order of a strategy, whose denials Nautilus' own does not hear."""

    def halt(script):
        market.switch.tighten("HALTED", reason="a test", by="ana")

    def resume(script):
        market.switch.loosen("ACTIVE", reason="it is over", by="ana")

    market = Market([NEAR], quotes(60), {0.5: halt, 5: resume} | twap(400))
    market.run()
    assert [o.status.name for o in market.children] == ["DENIED", "FILLED", "FILLED"]
    assert trades(market) == [(11, 100), (21, 100), (31, 200)]
    assert market.parent.status == OrderStatus.FILLED


def test_a_slice_that_is_too_large_for_a_limit_is_no_reason_to_trade_more_than_was_asked():
    checks = (MaxOrderNotional(max_notional=5_000),)
    market = Market([NEAR], quotes(60), twap(400), checks=checks).run()
    assert market.filled == 0
    assert market.parent.status == OrderStatus.DENIED


def test_a_cancelled_parent_stops_its_schedule():
    market = Market([NEAR], quotes(60), twap(400) | {15: lambda s: s.cancel()}).run()
    assert trades(market) == [(1, 100), (11, 100)]
    assert market.parent.status == OrderStatus.CANCELED


def test_the_end_of_the_node_ends_a_parent_that_waits():
    market = Market([NEAR], quotes(15), twap(400)).run()
    assert trades(market) == [(1, 100), (11, 100)]
    assert market.parent.status == OrderStatus.CANCELED


def test_the_last_slice_waits_for_those_on_their_way():
    """Orders take 25 s: the last slice is due while the third is under way."""
    market = Market([NEAR], quotes(120), twap(400), latency_s=25.0).run()
    assert market.filled == 400
    assert market.parent.status == OrderStatus.FILLED
    (sent,) = [e for e in market.parent.events if isinstance(e, OrderSubmitted)]
    assert sent.ts_event > max(o.ts_last for o in market.children)


def test_what_the_journal_has_of_a_parent_is_what_was_sent_of_it():
    """After a restart it is made again from there, and compared with what the venue has."""
    market = Market([NEAR], quotes(60), twap(400)).run()
    again = [order_of(intent.body["order"]) for intent in market.journal.intents]
    assert [int(order.quantity) for order in again] == [100, 100, 100, 100]
    assert [order.client_order_id.value for order in again] == [
        *(o.client_order_id.value for o in market.children),
        market.parent.client_order_id.value,
    ]
    # Of a slice, nothing that Nautilus would look for its parent by.
    assert all(order.exec_spawn_id is None for order in again[:-1])
