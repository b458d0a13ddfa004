"""An order as a part of the volume, in a real Nautilus engine."""

import pytest
from nautilus_trader.model.enums import OrderStatus

from tests.execution.algorithms.market import Market, quote, share, trade

NEAR, FAR = share("NEAR"), share("FAR")


def tape(volumes, *, price=100.0, start=2):
    """Quotes each second, and trades of so many units from `start` on, one a second."""
    quotes = [quote(NEAR, s, 99.98, 100.02, 10**6, 10**6) for s in range(90)]
    return quotes + [trade(NEAR, start + n, v, price) for n, v in enumerate(volumes) if v]


def pov(units, *, side="BUY", limit=None, rate=0.1, horizon_secs=60.0, **told):
    told = {"rate": rate, "horizon_secs": horizon_secs} | told
    return {1: lambda script: script.ask("POV", NEAR, units, side=side, limit=limit, **told)}


def test_it_trades_its_part_of_each_second_and_ends_when_all_is_filled():
    market = Market([NEAR], tape([1_000] * 10), pov(450)).run()
    assert market.slices == [(2.0, 100), (3.0, 100), (4.0, 100), (5.0, 100), (6.0, 50)]
    assert market.filled == 450
    assert market.parent.is_closed
    assert market.parent.ts_last == 6_000_000_000  # with its last fill


@pytest.mark.parametrize("rate", [0.05, 0.25, 1.0])
def test_it_is_never_ahead_of_its_rate(rate):
    volumes = [7, 311, 0, 0, 1_999, 13, 5, 800]
    market = Market([NEAR], tape(volumes), pov(10_000, rate=rate)).run()
    done = 0
    for second, size in market.slices:
        done += size
        seen = sum(volumes[: int(second) - 1])
        assert done <= rate * seen
    assert done == int(rate * sum(volumes))


def test_the_time_ends_it_with_what_it_has():
    market = Market([NEAR], tape([1_000] * 60), pov(100_000, horizon_secs=5.0)).run()
    assert market.filled == 400  # the trades of seconds 2 to 5
    assert market.parent.status == OrderStatus.CANCELED
    assert market.parent.ts_last == 6_000_000_000


def test_without_volume_nothing_is_sent():
    market = Market([NEAR], tape([]), pov(100)).run()
    assert market.children == []
    assert market.parent.status == OrderStatus.CANCELED


def test_volume_before_the_order_does_not_count():
    market = Market([NEAR], tape([50_000], start=0.5), pov(100)).run()
    assert market.children == []


def test_volume_elsewhere_does_not_count():
    data = [*tape([]), trade(FAR, 5, 10_000), quote(FAR, 0, 99.98, 100.02)]
    assert Market([NEAR, FAR], data, pov(100)).run().children == []


def test_volume_beyond_the_limit_does_not_count():
    data = [*tape([1_000], price=100.50), *tape([500], price=100.00, start=4)[90:]]
    market = Market([NEAR], data, pov(400, limit=100.10)).run()
    assert market.slices == [(4.0, 50)]


def test_what_did_not_trade_within_the_limit_is_asked_for_again():
    # Until second 5 the market has gone beyond the limit by the time the order is there.
    quotes = [
        quote(NEAR, s + later, 99.98, 100.02 if s >= 5 else 100.50, 10**6, 10**6)
        for s in range(20)
        for later in (0.1, 0.3)
    ]
    trades = [trade(NEAR, 2 + n, 1_000) for n in range(6)]
    told = pov(10_000, limit=100.10, horizon_secs=10.0)
    market = Market([NEAR], quotes + trades, told, latency_s=0.2).run()
    assert [int(o.filled_qty) for o in market.children] == [0, 0, 0, 400, 100, 100]
    assert all(float(fill.last_px) <= 100.10 for fill in market.fills)


def test_slices_are_bounded_and_apart():
    market = Market(
        [NEAR],
        tape([1_000] * 12),
        pov(450, rate=0.5, max_slice=80, min_slice=60, interval_secs=3.0),
    ).run()
    # 450 = 5 x 80 and a last one that is smaller than the smallest slice
    assert [size for _, size in market.slices] == [80, 80, 80, 80]
    seconds = [second for second, _ in market.slices]
    assert seconds == [2.0, 5.0, 8.0, 11.0]


def test_the_end_of_an_order_may_be_smaller_than_the_smallest_slice():
    market = Market([NEAR], tape([1_000] * 12), pov(130, min_slice=100)).run()
    assert [size for _, size in market.slices] == [100, 30]


def test_a_cancelled_parent_sends_nothing_more():
    market = Market([NEAR], tape([1_000] * 60), pov(100_000) | {4.5: lambda s: s.cancel()}).run()
    assert market.filled == 300
    assert market.parent.status == OrderStatus.CANCELED


def test_denied_slices_are_asked_for_again_with_the_next_trade():
    def halt(script):
        market.switch.tighten("HALTED", reason="a test", by="ana")

    def resume(script):
        market.switch.loosen("ACTIVE", reason="it is over", by="ana")

    market = Market([NEAR], tape([1_000] * 8), pov(10_000) | {3.5: halt, 6.5: resume})
    market.run()
    assert [int(o.filled_qty) for o in market.children] == [100, 100, 0, 0, 0, 400, 100, 100]
    assert market.filled == 800
