"""What is common to the algorithms of ours: children, their ends, and the end of the parent."""

import pytest
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import AccountType, OmsType, OrderStatus
from nautilus_trader.model.identifiers import ClientId, TraderId
from nautilus_trader.model.objects import Money, Quantity

from nautilus_lab.exceptions import NodeError
from nautilus_lab.execution.algorithms import build_algorithms
from tests.execution.algorithms.market import Market, Script, quote, share
from tests.execution.algorithms.unruly import Unruly

NEAR, FAR = share("NEAR"), share("FAR")
TIMED = {"horizon_secs": 40.0, "interval_secs": 10.0}


def quotes(seconds):
    return [quote(NEAR, s, 99.98, 100.02, 10_000, 10_000) for s in range(seconds)]


def vwap(script):
    script.ask("VWAP", NEAR, 400, **TIMED)


class Answers:
    """One engine whose venues answer as they are told: question -> answer."""

    def __init__(self, at, *, seconds=60, **answers):
        self.answers = {"submit": "accept", "cancel": "cancel"} | answers
        engine = BacktestEngine(
            BacktestEngineConfig(
                trader_id=TraderId("T-1"),
                logging=LoggingConfig(bypass_logging=True),
                run_analysis=False,
            )
        )
        for instrument in (NEAR, FAR):
            engine.add_venue(
                instrument.id.venue, OmsType.NETTING, AccountType.MARGIN, [Money(10**7, USD)], USD
            )
            engine.add_instrument(instrument)
        engine.add_data(quotes(seconds))
        self.script = Script(at)
        engine.add_strategy(self.script)
        self.algorithms = {a.id.value: a for a in build_algorithms()}
        engine.add_exec_algorithms(list(self.algorithms.values()))
        self.venue = Unruly(engine.kernel, self.answer)
        self.engine = engine

    def answer(self, choices):
        return self.answers["submit" if "accept" in choices else "cancel"]

    def run(self):
        self.engine.run()
        self.children = self.venue.orders
        self.parent = self.engine.cache.order(self.script.parent.client_order_id)
        self.engine.dispose()
        return self


def test_a_venue_that_will_not_cancel_is_asked_three_times_and_no_more():
    run = Answers({1: vwap, 5: lambda s: s.cancel()}, cancel="refuse").run()
    (child,) = run.children
    assert child.status == OrderStatus.ACCEPTED
    assert list(run.venue.cancels.values()) == [3]
    assert run.parent.status == OrderStatus.CANCELED


def test_a_child_that_was_never_answered_is_never_sent_again():
    run = Answers({1: vwap}, submit="silent", cancel="silent").run()
    assert [(int(o.quantity), o.status.name) for o in run.children][:4] == [
        (100, "PENDING_CANCEL")
    ] * 4  # with the end of the node
    assert len(run.children) == 4


def test_a_fill_that_comes_after_the_parent_was_cancelled_is_counted_and_ends_it():
    run = Answers({1: vwap, 5: lambda s: s.cancel()}, cancel="silent")
    seen = []

    def fill(script):
        (order,) = run.venue.orders
        run.venue.fill(order, order.leaves_qty)
        seen.append((order.status, len(run.algorithms["VWAP"]._jobs)))

    run.script.at[7] = fill
    run.run()
    assert seen == [(OrderStatus.FILLED, 0)]
    assert run.parent.status == OrderStatus.CANCELED
    assert len(run.children) == 1


def test_more_than_what_is_left_is_refused_and_nothing_is_sent():
    run = Answers({1: vwap})
    refused = []

    def too_much(script):
        algorithm = run.algorithms["VWAP"]
        (job,) = algorithm._jobs.values()
        for units in (job.left + 1, job.left - job.left, -job.left):
            with pytest.raises(NodeError, match="never add up to more than their parent"):
                algorithm.send(job, units, limit_price=None, time_in_force=job.lasts)
            refused.append(units)

    run.script.at[2] = too_much
    run.run()
    assert [int(units) for units in refused] == [301, 0, -300]
    assert len(run.children) == 4


def test_a_child_that_somebody_makes_larger_counts_as_what_it_is():
    """The schedule then sends less: the parent's total holds."""
    run = Answers({1: vwap})

    def enlarge(script):
        from nautilus_trader.core.uuid import UUID4
        from nautilus_trader.model.events import OrderUpdated

        (order,) = run.venue.orders
        now = run.venue.now
        run.venue.tell(
            OrderUpdated,
            order,
            order.venue_order_id,
            order.account_id,
            Quantity.from_int(250),
            None,
            None,
            UUID4(),
            now,
            now,
        )

    run.script.at[5] = enlarge
    run.run()
    assert [int(o.quantity) for o in run.children] == [250, 50, 100]
    assert run.venue.excesses == []


def test_an_order_that_names_a_client_or_a_sum_of_money_is_denied():
    def named(script):
        script.ask("VWAP", NEAR, 400, **TIMED)

    class Named(Script):
        def submit_order(self, order, position_id=None, client_id=None, params=None):
            super().submit_order(order, client_id=ClientId("NEAR"))

    run = Answers({1: named})
    run.script.__class__ = Named
    run.run()
    assert run.parent.status == OrderStatus.DENIED
    assert "leaves the client to each child" in run.parent.last_event.reason


def test_an_engine_that_is_reset_runs_alike_again():
    market = Market([NEAR], quotes(60), {1: vwap})
    market.engine.run()
    first = [(o.ts_init, str(o.quantity), o.status) for o in market.engine.cache.orders()]
    market.engine.reset()
    market.gate.reset()
    market.engine.run()
    again = [(o.ts_init, str(o.quantity), o.status) for o in market.engine.cache.orders()]
    market.engine.dispose()
    assert first == again
    assert len(first) == 5
