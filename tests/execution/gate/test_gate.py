"""Nothing reaches a venue but through the gate; checked in a real Nautilus engine."""

import math
import threading

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.examples.algorithms.twap import TWAPExecAlgorithm
from nautilus_trader.execution.messages import (
    ModifyOrder,
    SubmitOrder,
    SubmitOrderList,
    TradingCommand,
)
from nautilus_trader.model.enums import TriggerType
from nautilus_trader.model.events import OrderUpdated
from nautilus_trader.model.identifiers import ClientOrderId, ExecAlgorithmId
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.exceptions import NodeError, StoreError
from nautilus_lab.platform.failpoint import FailpointReached, arm
from nautilus_lab.risk.limits import Finding, MaxOrderNotional, MaxPositionUnits
from tests.execution.gate.stand import AAPL, Stand, equity

MSFT = equity("MSFT")
TEN_THOUSAND = MaxOrderNotional(max_notional=10_000)


class Full:
    """A journal whose disk is full."""

    def write(self, intents):
        raise StoreError("the disk is full")


class Ask:
    """A check that answers what it is told to."""

    name = "asked"
    exposure = False

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def judge(self, proposal, book):
        self.asked += 1
        return self.answer(proposal)


def found(value, bound=1.0, passed=True):
    return lambda proposal: Finding("asked", "order", value, bound, passed)


@pytest.fixture
def stand():
    with Stand(TEN_THOUSAND) as stand:
        yield stand


@pytest.fixture(autouse=True)
def disarmed():
    yield
    arm("")


def command(order, **more):
    return SubmitOrder(order.trader_id, order.strategy_id, order, UUID4(), 0, **more)


# --- check, reserve, journal, forward -----------------------------------------------------


def test_an_order_on_the_limit_passes_and_is_checked_journaled_and_counted_once(stand):
    order = stand.do(lambda s: s.market(100))
    assert stand.status(order) == "FILLED"
    (intent,) = stand.journal.intents
    assert (intent.command, intent.verdict) == ("submit", "forwarded")
    assert (intent.body["notional"], intent.body["side"]) == ("10000.00", "BUY")
    assert [finding.limit for finding in stand.findings] == ["sound_order", "max_order_notional"]
    assert (stand.held(), stand.queued()) == (100, (0, 0))


def test_an_order_over_the_limit_is_denied_with_both_numbers_even_on_a_margin_account(stand):
    order = stand.do(lambda s: s.market(101))
    assert stand.status(order) == "DENIED"
    assert stand.denials == ["MAX_ORDER_NOTIONAL: 10100.00 is over the limit of 10000.00"]
    assert stand.verdicts() == [("submit", "denied")]
    assert stand.queued() == (0, 0)
    assert stand.over[0].limit == "max_order_notional"


def test_a_denial_reaches_the_strategy_as_an_event_of_its_order(stand):
    order = stand.do(lambda s: s.market(101))
    denied = stand.hands[0].heard[-1]
    assert type(denied).__name__ == "OrderDenied"
    assert denied.client_order_id == order.client_order_id
    assert denied.reason == stand.reason()


def test_the_intent_is_written_before_the_order_can_have_left():
    class Watching:
        def __init__(self):
            self.intents, self.seen = [], []

        def write(self, intents):
            self.intents.extend(intents)
            self.seen.append((stand.queued(), [o.status_string() for o in stand.cache.orders()]))

    with Stand(journal=(journal := Watching())) as stand:
        stand.do(lambda s: s.limit(10, "90.00"))
        # Reserved already, and no venue has heard of it.
        assert journal.seen == [((10, 0), ["INITIALIZED"])]


def test_an_order_on_its_way_counts_before_the_venue_has_it():
    with Stand(MaxPositionUnits(max_units=100), latency_ns=10**10) as stand:
        first = stand.do(lambda s: s.market(60))
        assert stand.status(first) == "SUBMITTED"
        second = stand.do(lambda s: s.market(60))
        assert stand.status(second) == "DENIED"
        third = stand.do(lambda s: s.market(40))
        assert stand.status(third) == "SUBMITTED"
        assert stand.queued() == (100, 0)


def test_many_orders_of_one_instant_are_added_up():
    with Stand(MaxPositionUnits(max_units=100)) as stand:
        sent = stand.do(lambda s: [s.market(30) for _ in range(5)])
        assert [stand.status(order) for order in sent] == ["FILLED"] * 3 + ["DENIED"] * 2
        assert stand.held() == 90


# --- it fails closed ----------------------------------------------------------------------


def test_a_journal_that_cannot_write_lets_nothing_through_and_counts_nothing():
    with Stand(journal=Full()) as stand:
        order = stand.do(lambda s: s.market(1))
        assert stand.status(order) == "DENIED"
        assert stand.denials == ["GATE_FAILED: the disk is full"]
        assert (stand.held(), stand.queued()) == (0, (0, 0))


def test_a_change_that_cannot_be_journaled_is_rejected_and_nothing_of_it_is_counted():
    with Stand() as stand:
        order = stand.do(lambda s: s.limit(10, "90.00"))
        stand.journal.write = Full().write
        stand.do(lambda s: s.change(order, units=500))
        assert stand.status(order) == "ACCEPTED"
        assert order.quantity == 10
        assert stand.queued() == (10, 0)


@pytest.mark.parametrize(
    "answer",
    [
        lambda proposal: 1 / 0,
        lambda proposal: None,
        found(float("nan"), passed=False),
        found(2.0, passed=False),
        found(0.0, passed=1),
    ],
)
def test_a_check_that_raises_or_answers_anything_but_yes_denies(answer):
    with Stand(Ask(answer)) as stand:
        order = stand.do(lambda s: s.market(1))
        assert stand.status(order) == "DENIED"
        assert stand.queued() == (0, 0)


def test_who_is_told_and_raises_changes_nothing():
    def fail(*_):
        raise RuntimeError("nobody listens")

    with Stand(TEN_THOUSAND) as stand:
        stand.gate._on_checked = stand.gate._on_denied = fail
        small, large = stand.do(lambda s: [s.market(1), s.market(101)])
        assert (stand.status(small), stand.status(large)) == ("FILLED", "DENIED")


def test_an_unknown_instrument_is_denied_also_where_nautilus_does_not_look():
    with Stand(bypass=True) as stand:
        order = stand.do(lambda s: s.market(1, on=equity("MSFT")))
        assert stand.status(order) == "DENIED"
        assert stand.reason().startswith("SOUND_ORDER")
        assert "MSFT.PAPER is not known" in stand.reason()


def test_an_instrument_that_becomes_known_later_is_valued_as_what_it_is():
    with Stand(TEN_THOUSAND) as stand:
        stand.do(lambda s: s.market(1, on=MSFT))
        assert math.isnan(stand.book.instruments["MSFT.PAPER"].multiplier)
        stand.cache.add_instrument(MSFT)
        assert stand.status(stand.do(lambda s: s.market(1, on=MSFT))) == "DENIED"
        assert stand.reason().endswith("no quote values MSFT.PAPER")
        assert stand.book.instruments["MSFT.PAPER"].multiplier == 1


def test_an_order_without_a_quote_is_denied_where_money_is_limited():
    with Stand(TEN_THOUSAND, instruments=(AAPL, MSFT), quotes=False) as stand:
        stand.do(lambda s: s.market(1, on=MSFT))
        assert stand.reason().endswith("no quote values MSFT.PAPER")
        assert stand.reason().startswith("MAX_ORDER_NOTIONAL")


def test_an_order_that_no_venue_takes_is_denied_and_not_forgotten():
    # Nautilus logs such an order and leaves it INITIALIZED for ever.
    with Stand(bypass=True) as stand:
        lost = equity("AAPL", venue="NOWHERE")
        stand.cache.add_instrument(lost)
        order = stand.do(lambda s: s.market(1, on=lost))
        assert stand.status(order) == "DENIED"
        assert stand.reason() == "NO_VENUE: nobody takes orders for AAPL.NOWHERE"


def test_an_order_whose_forwarding_fails_stays_counted_since_it_may_have_left(stand):
    def act(strategy):
        order = strategy.market(5, send=False)
        strategy.cache.add_order(order)
        with pytest.raises(ZeroDivisionError):
            stand.gate._cross(command(order), lambda sent: 1 / 0, True)
        return order

    order = stand.do(act)
    assert stand.status(order) == "INITIALIZED"
    assert stand.queued() == (5, 0)


def test_a_book_that_loses_count_halts_the_trader_and_nautilus_goes_on(stand):
    stand.book._fill = lambda fill, cache: 1 / 0
    order = stand.do(lambda s: s.market(10))
    assert stand.status(order) == "FILLED"
    assert stand.gate.state.state == "HALTED"
    assert stand.gate.state.held.reason == "the book lost count: division by zero"
    stand.do(lambda s: s.market(-10))
    assert stand.reason().startswith("HALTED")


def test_a_command_of_an_unknown_kind_goes_nowhere(stand, caplog):
    unknown = TradingCommand(None, stand.hands[0].trader_id, stand.hands[0].id, AAPL.id, UUID4(), 0)
    stand.engine.kernel.msgbus.send("ExecEngine.execute", unknown)
    assert "goes nowhere" in caplog.text


# --- two crossings count once -------------------------------------------------------------


def test_a_normal_order_crosses_twice_and_is_asked_about_once():
    with Stand(check := Ask(found(0.0))) as stand:
        stand.do(lambda s: s.market(1))
        assert check.asked == 1
        assert len(stand.journal.intents) == 1


def test_an_order_sent_past_the_risk_engine_is_checked_all_the_same(stand):
    def past(strategy):
        order = strategy.market(101, send=False)
        strategy.msgbus.send("ExecEngine.execute", command(order))
        return order

    assert stand.status(stand.do(past)) == "DENIED"


def test_a_command_that_comes_twice_is_forwarded_once(stand):
    def twice(strategy):
        order = strategy.market(10, send=False)
        sent = command(order)
        for endpoint in ("RiskEngine.execute", "RiskEngine.execute", "ExecEngine.execute"):
            strategy.msgbus.send(endpoint, sent)
        return order

    order = stand.do(twice)
    assert stand.status(order) == "FILLED"
    assert stand.held() == 10
    assert stand.verdicts() == [("submit", "forwarded"), ("submit", "denied"), ("submit", "denied")]


def test_the_same_order_object_under_a_new_command_does_not_end_the_one_that_is_on_its_way():
    with Stand(latency_ns=10**9) as stand:

        def again(strategy):
            order = strategy.limit(10, "90.00")
            strategy.msgbus.send("RiskEngine.execute", command(order))
            return order

        order = stand.do(again)
        assert stand.status(order) == "SUBMITTED"
        assert stand.reason() == f"DUPLICATE: {order.client_order_id} was sent before"
        assert stand.queued() == (10, 0)
        stand.quote()
        stand.quote()
        assert stand.status(order) == "ACCEPTED"


def test_an_order_in_flight_that_is_still_initialized_is_not_ended_by_its_duplicate(stand):
    # A live client answers later: until then the order looks as if it had never been sent.
    gate, forwarded = stand.gate, []

    def act(strategy):
        order = strategy.market(10, send=False)
        strategy.cache.add_order(order)
        gate._cross(command(order), forwarded.append, True)
        gate._cross(command(order), forwarded.append, True)
        return order

    order = stand.do(act)
    assert len(forwarded) == 1
    assert order.status_string() == "INITIALIZED"
    assert stand.queued() == (10, 0)


def test_another_object_with_the_id_of_a_closed_order_is_a_duplicate(stand):
    first = stand.do(lambda s: s.market(10))

    def imitate(strategy):
        factory = strategy.order_factory
        second = factory.market(
            AAPL.id, first.side, Quantity.from_int(10), client_order_id=first.client_order_id
        )
        strategy.msgbus.send("ExecEngine.execute", command(second))

    stand.do(imitate)
    assert stand.reason().startswith("DUPLICATE")
    assert stand.held() == 10
    assert stand.status(first) == "FILLED"


def test_a_list_that_names_an_order_twice_is_denied_whole(stand):
    def act(strategy):
        one = strategy.market(1, send=False)
        orders = strategy.order_factory.create_list([one, strategy.market(2, send=False)])
        orders.orders[1] = one
        sent = SubmitOrderList(strategy.trader_id, strategy.id, orders, UUID4(), 0)
        strategy.msgbus.send("RiskEngine.execute", sent)
        return one

    order = stand.do(act)
    assert stand.status(order) == "DENIED"
    assert stand.held() == 0


@pytest.mark.parametrize("what", ["size", "price", "closed"])
def test_an_order_that_changes_between_its_crossings_goes_no_further(stand, what):
    def between(strategy):
        order = strategy.limit(10, "90.00", send=False)
        strategy.cache.add_order(order)
        sent = command(order)

        def meddle(sent_on):
            if what == "closed":
                stand.gate._deny(order, "by another hand")
            else:
                order.apply(
                    OrderUpdated(
                        order.trader_id,
                        order.strategy_id,
                        order.instrument_id,
                        order.client_order_id,
                        None,
                        None,
                        Quantity.from_int(900 if what == "size" else 10),
                        Price.from_str("99.00" if what == "price" else "90.00"),
                        None,
                        UUID4(),
                        0,
                        0,
                    )
                )
            stand.gate._cross(sent_on, forwarded.append, True)

        forwarded = []
        stand.gate._cross(sent, meddle, False)
        return order, forwarded

    order, forwarded = stand.do(between)
    assert forwarded == []
    assert stand.status(order) == "DENIED"
    assert stand.queued() == (0, 0)


def test_a_list_that_grows_between_its_crossings_goes_no_further(stand):
    forwarded = []

    def act(strategy):
        orders = strategy.order_factory.create_list([strategy.limit(1, "90", send=False)])
        more = strategy.limit(5_000, "90", send=False)
        for order in (*orders.orders, more):
            strategy.cache.add_order(order)

        def grow(sent):
            sent.order_list.orders.append(more)
            stand.gate._cross(sent, forwarded.append, True)

        sent = SubmitOrderList(strategy.trader_id, strategy.id, orders, UUID4(), 0)
        stand.gate._cross(sent, grow, False)
        return orders.orders[0]

    order = stand.do(act)
    assert forwarded == []
    assert stand.status(order) == "DENIED"
    assert stand.queued() == (0, 0)


def test_a_trader_that_is_halted_between_the_crossings_sends_nothing(stand):
    def halt(sent_on):
        stand.gate.state.tighten("HALTED", reason="a fire", by="ana")
        stand.gate._cross(sent_on, forwarded.append, True)

    forwarded = []

    def act(strategy):
        order = strategy.market(10, send=False)
        strategy.cache.add_order(order)
        stand.gate._cross(command(order), halt, False)
        return order

    order = stand.do(act)
    assert forwarded == []
    assert stand.status(order) == "DENIED"
    assert stand.reason() == "HALTED: a fire"
    assert stand.verdicts() == [("submit", "forwarded"), ("submit", "denied")]
    assert stand.queued() == (0, 0)


def test_orders_whose_crossings_come_apart_are_each_looked_at_again():
    # A live kernel has a queue between them.
    with Stand() as stand:
        gate, waiting, forwarded = stand.gate, [], []

        def act(strategy):
            orders = [strategy.limit(10, "90.00", send=False) for _ in range(4)]
            for order in orders:
                strategy.cache.add_order(order)
                gate._cross(command(order), waiting.append, False)
            gate._cross(waiting.pop(0), forwarded.append, True)
            gate.state.tighten("HALTED", reason="a fire", by="ana")
            for sent in waiting:
                gate._cross(sent, forwarded.append, True)
            return orders

        first, *others = stand.do(act)
        assert [sent.order for sent in forwarded] == [first]
        assert {stand.status(order) for order in others} == {"DENIED"}
        assert stand.queued() == (10, 0)


def test_a_second_look_that_fails_lets_nothing_through(stand):
    def broken(sent):
        stand.gate._changed_since = lambda proposals, command: 1 / 0
        stand.gate._cross(sent, forwarded.append, True)

    forwarded = []

    def act(strategy):
        order = strategy.market(10, send=False)
        strategy.cache.add_order(order)
        stand.gate._cross(command(order), broken, False)
        return order

    order = stand.do(act)
    assert forwarded == []
    assert stand.status(order) == "DENIED"
    assert stand.reason().startswith("GATE_FAILED")


# --- every way to a venue -----------------------------------------------------------------


@pytest.mark.parametrize(("units", "status"), [(100, "FILLED"), (102, "DENIED")])
def test_an_emulated_order_is_checked_when_it_is_released_past_the_risk_engine(
    stand, units, status
):
    order = stand.do(lambda s: s.limit(units, "99.00", emulation_trigger=TriggerType.BID_ASK))
    assert stand.journal.intents == []  # it has not left
    stand.quote("99.48", "99.50")
    assert stand.status(order) == "EMULATED"
    stand.quote("98.88", "98.90")
    assert stand.status(order) == status


def test_an_emulated_order_that_is_released_while_halted_is_denied(stand):
    order = stand.do(lambda s: s.limit(10, "99.00", emulation_trigger=TriggerType.BID_ASK))
    stand.gate.state.tighten("HALTED", reason="a fire", by="ana")
    stand.quote("98.88", "98.90")
    assert stand.status(order) == "DENIED"


def test_of_a_list_with_one_order_too_large_nothing_leaves(stand):
    sent = stand.do(
        lambda s: s.order_factory.create_list(
            [s.limit(n, "90.00", send=False) for n in (10, 500, 10)]
        ),
        lambda s: s.submit_order_list(s.done[-1]) or s.done[-1],
    )
    assert [stand.status(order) for order in sent.orders] == ["DENIED"] * 3
    assert stand.verdicts() == [("submit", "denied")] * 3
    assert len(set(stand.denials)) == 1
    assert stand.queued() == (0, 0)


def test_the_orders_of_a_list_are_added_up():
    with Stand(MaxPositionUnits(max_units=100)) as stand:

        def lists(strategy):
            for sizes in ((60, 60), (60, 40)):
                orders = [strategy.limit(n, "90.00", send=False) for n in sizes]
                strategy.submit_order_list(strategy.order_factory.create_list(orders))

        stand.do(lists)
        assert stand.verdicts() == [("submit", "denied")] * 2 + [("submit", "forwarded")] * 2
        assert stand.queued() == (100, 0)


def test_a_bracket_too_large_leaves_nothing_of_it_behind(stand):
    bracket = stand.do(lambda s: s.bracket(500, stop="90.00", profit="120.00"))
    assert {stand.status(order) for order in bracket.orders} == {"DENIED"}
    assert {intent.verdict for intent in stand.journal.intents} == {"denied"}


def test_a_change_that_lifts_an_order_over_the_limit_is_rejected_and_the_order_stands(stand):
    order = stand.do(lambda s: s.limit(50, "90.00"))
    stand.do(lambda s: s.change(order, units=500))
    assert stand.status(order) == "ACCEPTED"
    assert order.quantity == 50
    assert stand.verdicts() == [("submit", "forwarded"), ("modify", "denied")]
    assert type(stand.hands[0].heard[-1]).__name__ == "OrderModifyRejected"


def test_a_change_of_an_order_that_is_closed_or_unknown_goes_nowhere(stand):
    order = stand.do(lambda s: s.market(10))

    def change(name):
        return lambda s: s.msgbus.send(
            "RiskEngine.execute",
            ModifyOrder(
                s.trader_id,
                s.id,
                AAPL.id,
                ClientOrderId(name),
                None,
                Quantity.from_int(5),
                None,
                None,
                UUID4(),
                0,
            ),
        )

    stand.do(change(order.client_order_id.value), change("never-heard-of"))
    assert stand.status(order) == "FILLED"
    assert stand.verdicts() == [("submit", "forwarded"), ("modify", "denied")]


def test_slices_of_an_algorithm_are_checked_one_by_one():
    with Stand(MaxPositionUnits(max_units=75), algorithms=[TWAPExecAlgorithm()]) as stand:
        stand.do(
            lambda s: s.market(
                100,
                exec_algorithm_id=ExecAlgorithmId("TWAP"),
                exec_algorithm_params={"horizon_secs": 4, "interval_secs": 1},
            )
        )
        for _ in range(8):
            stand.quote()
        assert stand.held() == 75
        assert stand.queued() == (0, 0)
        assert stand.denials == ["MAX_POSITION_UNITS: 100.00 is over the limit of 75.00"]


def test_close_all_positions_and_cancel_all_go_through_the_gate():
    with Stand(MaxPositionUnits(max_units=100)) as stand:
        stand.do(lambda s: s.market(100))
        resting = stand.do(lambda s: s.limit(-50, "120.00"))
        stand.do(lambda s: s.cancel_all_orders(AAPL.id))
        assert stand.status(resting) == "CANCELED"
        stand.do(lambda s: s.close_all_positions(AAPL.id))
        assert (stand.held(), stand.queued()) == (0, (0, 0))
        assert [intent.body["side"] for intent in stand.journal.intents] == ["BUY", "SELL", "SELL"]


# --- what passes always -------------------------------------------------------------------


@pytest.mark.parametrize("state", ["HALTED", "KILLED"])
def test_a_trader_that_may_not_trade_may_cancel_and_ask_and_nothing_else(state):
    with Stand() as stand:
        first, second, third = stand.do(lambda s: [s.limit(10, f"9{n}") for n in range(3)])
        stand.do(lambda s: s.market(100))
        stand.gate.state.tighten(state, reason="a fire", by="ana")

        def try_everything(strategy):
            strategy.cancel_order(first)
            strategy.cancel_orders([second])
            strategy.change(third, units=5)
            reducing = strategy.market(-10)
            bracket = strategy.bracket(1, stop="90", profit="110")
            return [reducing, *bracket.orders]

        sent = stand.do(try_everything)
        assert {stand.status(order) for order in sent} == {"DENIED"}
        assert (stand.status(first), stand.status(second)) == ("CANCELED", "CANCELED")
        assert stand.status(third) == "ACCEPTED"
        assert third.quantity == 10
        assert set(stand.denials) == {f"{state}: a fire"}
        stand.do(lambda s: s.cancel_all_orders(AAPL.id))
        assert stand.status(third) == "CANCELED"


def test_a_query_passes_when_the_trader_is_halted(stand):
    order = stand.do(lambda s: s.limit(10, "90"))
    stand.gate.state.tighten("HALTED", reason="a fire", by="ana")

    def ask(strategy):
        # That the simulated venue cannot be asked says that it was.
        with pytest.raises(NotImplementedError, match="query_order"):
            strategy.query_order(order)

    stand.do(ask)
    assert len(stand.journal.intents) == 1


# --- another thread -----------------------------------------------------------------------


def in_a_thread(act):
    raised = []

    def run():
        try:
            act()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="timer")
    thread.start()
    thread.join()
    return raised


def test_an_order_from_another_thread_is_handed_over_and_goes_on_from_there():
    handed = []
    with Stand(hand_over=lambda *call: handed.append(call)) as stand:
        raised = in_a_thread(lambda: stand.hands[0].market(10))
        assert raised == []
        assert stand.journal.intents == []
        stand.do(lambda s: [call(*args) for call, *args in handed])
        assert (stand.held(), len(stand.journal.intents)) == (10, 1)


def test_an_order_from_another_thread_goes_nowhere_where_nothing_is_handed_over(stand):
    (error,) = in_a_thread(lambda: stand.hands[0].market(10))
    assert isinstance(error, NodeError)
    assert error.value == "timer"
    assert stand.journal.intents == []
    assert stand.queued() == (0, 0)


def test_a_cancel_from_another_thread_does_not_overtake_the_order_it_is_for():
    handed = []
    with Stand(hand_over=lambda *call: handed.append(call)) as stand:

        def send_and_cancel():
            order = stand.hands[0].limit(10, "90")
            stand.hands[0].cancel_order(order)

        assert in_a_thread(send_and_cancel) == []
        kinds = [type(args[0]).__name__ for _, *args in handed]
        assert [kind for kind in kinds if not kind.startswith("Order")] == [
            "SubmitOrder",
            "CancelOrder",
        ]


# --- the gate itself ----------------------------------------------------------------------


def test_a_gate_is_installed_once(stand):
    with pytest.raises(NodeError, match="installed once"):
        stand.gate.install()


def test_it_is_reset_with_its_engine(stand):
    order = stand.do(lambda s: s.limit(10, "90"))
    assert stand.queued() == (10, 0)
    stand.engine.reset()
    stand.gate.reset()
    assert (stand.held(), stand.queued()) == (0, (0, 0))
    assert stand.cache.order(order.client_order_id) is None


def test_it_says_what_it_asks(stand):
    assert repr(stand.gate).startswith("Gate(ACTIVE, sound_order, max_order_notional; Book(")


@pytest.mark.parametrize(
    ("place", "journaled", "left"),
    [("gate.before_commit", 0, False), ("gate.after_commit", 1, False)],
)
def test_a_process_may_end_at_named_places_around_the_commit(stand, place, journaled, left):
    written = []
    stand.journal.write = lambda intents: written.extend(
        i for i in intents if i.verdict == "forwarded"
    )
    arm(f"{place}:raise")
    order = stand.do(lambda s: s.market(1))
    assert len(written) == journaled
    assert (stand.status(order) == "FILLED") is left


def test_a_process_may_end_once_an_order_has_left(stand):
    arm("gate.after_forward:raise")

    def act(strategy):
        order = strategy.market(1, send=False)
        with pytest.raises(FailpointReached):
            strategy.send(order)
        return order

    order = stand.do(act)
    assert stand.status(order) == "FILLED"
    assert stand.held() == 1
