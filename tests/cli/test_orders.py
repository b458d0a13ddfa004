"""Orders from the command line: what is sent, what is shown, what is refused."""

import asyncio
import json
import time
from decimal import Decimal
from typing import get_args

import pytest

from nautilus_lab.cli import _orders, main
from nautilus_lab.exceptions import NodeError, OrderDenied
from nautilus_lab.platform.commands import (
    CancelAll,
    Cancelled,
    CancelOrder,
    FindOrder,
    Found,
    ModifyOrder,
    OrderType,
    Placed,
    StrategyView,
    TimeInForce,
)
from nautilus_lab.platform.messages import OrderUpdated, Snapshot, envelope

PLACED = Placed(client_order_ids=("O-1",), statuses=("ACCEPTED",))
SENT = Placed(client_order_ids=("O-1",), statuses=("SUBMITTED",))


def told(**changes):
    body = OrderUpdated(
        client_order_id="O-1",
        strategy="manual-001",
        instrument="AAPL.PAPER",
        side="BUY",
        order_type="LIMIT",
        quantity=Decimal(100),
        limit_price=Decimal("190.15"),
        status="ACCEPTED",
        by="ana",
    )
    body = body.__class__(**{n: getattr(body, n) for n in body.__struct_fields__} | changes)
    return envelope(
        body,
        "trading.order.PAPER-001.manual-001",
        trader="PAPER-001",
        writer="node",
        epoch=1,
        seq=1,
        simulated=True,
    )


def test_the_choices_are_those_of_an_order():
    assert get_args(OrderType) == _orders._TYPES
    assert get_args(TimeInForce) == _orders._LASTS


def test_a_market_order_is_sent_as_it_was_written(node, capsys):
    node.answers["orders.submit"] = PLACED
    assert main(["order", "submit", "AAPL.PAPER", "buy", "100"]) == 0
    (body,) = node.bodies
    assert (body.instrument, body.side, body.quantity) == ("AAPL.PAPER", "BUY", Decimal(100))
    assert body.order_type == "MARKET"
    assert capsys.readouterr().out == "O-1  ACCEPTED\n"


def test_every_part_of_an_order_can_be_written(node, capsys):
    node.answers["orders.submit"] = PLACED
    arguments = (
        "order submit AAPL.PAPER sell 10 --type trailing_stop_limit --trailing-offset 25"
        " --limit-offset 30 --offset-type ticks --activation 190.1 --lasts gtd"
        " --expires 2030-01-02T03:04:05+00:00 --reduce-only --emulate --json"
    )
    assert main(arguments.split()) == 0
    (body,) = node.bodies
    assert body.trailing_offset == Decimal(25)
    assert body.limit_offset == Decimal(30)
    assert body.activation_price == Decimal("190.1")
    assert (body.offset_type, body.time_in_force) == ("TICKS", "GTD")
    assert body.expires_ns == 1_893_553_445_000_000_000
    assert body.reduce_only
    assert body.emulate
    assert json.loads(capsys.readouterr().out)["client_order_ids"] == ["O-1"]


def test_an_algorithm_is_told_numbers_and_text(node):
    node.answers["orders.submit"] = PLACED
    arguments = "order submit AAPL.PAPER BUY 10 --algorithm TWAP -p horizon_secs 600 -p how soft"
    assert main(arguments.split()) == 0
    assert node.bodies[0].parameters == {"horizon_secs": 600, "how": "soft"}


def test_a_limit_alone_makes_a_limit_order(node):
    node.answers["orders.submit"] = PLACED
    assert (
        main(["order", "submit", "AAPL.PAPER", "BUY", "10", "--limit", "190.15", "--post-only"])
        == 0
    )
    assert (node.bodies[0].order_type, node.bodies[0].post_only) == ("LIMIT", True)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ("AAPL.PAPER BUY nan", "quantity must be finite"),
        ("AAPL.PAPER BUY -5", "positive"),
        ("AAPL.PAPER BUY 0", "positive"),
        ("AAPL.PAPER BUY many", "quantity must be a number"),
        ("AAPL.PAPER BUY 1 --type STOP_MARKET", "needs --trigger"),
        ("AAPL.PAPER BUY 1 --limit inf", "finite"),
        ("AAPL.PAPER BUY 1 --limit 5 --lasts GTD", "needs --expires"),
        ("AAPL.PAPER BUY 1 --limit 5 --lasts GTD --expires soon", "ISO time"),
        ("AAPL.PAPER BUY 1 --limit 5 --lasts GTD --expires 2030-01-01", "time zone"),
        ("AAPL.PAPER BUY 1 -p a b", "execution algorithm"),
        (
            "AAPL.PAPER SELL 1 --type TRAILING_STOP_LIMIT --trailing-offset 3 --limit-offset 0.20",
            "--limit-offset is counted from the market, as --trailing-offset is",
        ),
    ],
)
def test_an_order_that_breaks_a_rule_is_three_lines_and_is_not_sent(node, capsys, arguments, rule):
    # "-5" would be an option otherwise: argparse wants it after "--".
    words = [
        "order",
        "submit",
        *(["--", *arguments.split()] if " -5" in arguments else arguments.split()),
    ]
    assert main(words) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3
    assert rule in lines[0]
    assert node.asked == []


def test_a_denied_order_exits_with_2_and_the_rule(node, capsys):
    node.answers["orders.submit"] = OrderDenied(
        "an order's notional must be at most 250000", value="390000", remedy="split it"
    )
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "3000"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines == [
        "OrderDenied: an order's notional must be at most 250000",
        "  got:  390000",
        "  do:   split it",
    ]


@pytest.mark.parametrize("status", ["ACCEPTED", "FILLED"])
def test_the_first_word_of_the_venue_is_waited_for(node, capsys, status):
    node.answers["orders.submit"] = SENT
    looks = iter(["SUBMITTED", "SUBMITTED", status])
    node.answers["orders.find"] = lambda request: Found(orders=(told(status=next(looks)),))
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100"]) == 0
    assert capsys.readouterr().out == f"O-1  {status}\n"
    assert node.bodies[1:] == [FindOrder(command_id=node.asked[0][2])] * 3


@pytest.mark.parametrize(
    ("status", "kind", "who"),
    [("REJECTED", "NodeError", "venue"), ("DENIED", "OrderDenied", "gate")],
)
def test_what_the_venue_refuses_a_moment_later_is_an_error_with_its_reason(
    node, capsys, status, kind, who
):
    node.answers["orders.submit"] = SENT
    refused = told(status=status, reason="this venue has no auctions")
    node.answers["orders.find"] = Found(orders=(refused,))
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100", "--lasts", "AT_THE_OPEN"]) == 2
    said = capsys.readouterr()
    assert said.out == f"O-1  {status}\n"
    lines = said.err.splitlines()
    assert lines[0] == f"{kind}: the {who} must let an order through: this venue has no auctions"
    assert f"O-1 is {status}" in lines[1]
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["statuses"] == [status]
    # Also where the answer to the command says so by itself.
    node.answers["orders.submit"] = Placed(client_order_ids=("O-1",), statuses=(status,))
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100", "--wait", "0"]) == 2
    assert "this venue has no auctions" in capsys.readouterr().err
    node.answers["orders.find"] = Found()
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100"]) == 2
    assert "not known why" in capsys.readouterr().err


def test_a_venue_that_does_not_answer_is_waited_for_no_longer_than_asked(node, capsys):
    node.answers["orders.submit"] = SENT
    node.answers["orders.find"] = Found(orders=(told(status="SUBMITTED"),))
    begun = time.monotonic()
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100", "--wait", "0.3"]) == 0
    assert 0.3 <= time.monotonic() - begun < 1.5
    assert capsys.readouterr().out == "O-1  SUBMITTED\n"
    asked = len(node.asked)
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100", "--wait", "0"]) == 0
    assert len(node.asked) == asked + 1
    for bad in ("nan", "-1", "inf"):
        assert main(["order", "submit", "AAPL.PAPER", "BUY", "100", f"--wait={bad}"]) == 2
        assert "--wait must lie between 0 and 60 seconds" in capsys.readouterr().err
    assert len(node.asked) == asked + 1


def test_an_order_that_nobody_can_look_up_again_is_shown_as_it_was_placed(node, capsys):
    node.answers["orders.submit"] = SENT
    node.answers["orders.find"] = NodeError("it is busy")
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100"]) == 0
    assert capsys.readouterr().out == "O-1  SUBMITTED\n"


@pytest.mark.parametrize(
    ("arguments", "do"),
    [
        ("submit AAPL.PAPER BUY 0", "pass a number above 0"),
        ("submit AAPL.PAPER BUY 1 --type STOP_MARKET", "pass --trigger"),
        (
            "submit AAPL.PAPER BUY 1 --limit 5 --lasts GTD",
            "pass --expires 2026-03-02T21:00:00+00:00",
        ),
        (
            "submit AAPL.PAPER BUY 1 --limit 5 --lasts GTD --expires 2030-01-01",
            "pass --expires 2026-03-02T21:00:00+00:00",
        ),
        (
            "submit AAPL.PAPER BUY 1 --limit 5 --expires 2030-01-01T00:00:00+00:00",
            "pass --lasts GTD",
        ),
        ("submit AAPL.PAPER BUY 1 -p a b", "pass --algorithm TWAP"),
        ("submit AAPL.PAPER BUY 1 --post-only", "leave --post-only out"),
        ("submit AAPL.PAPER BUY 1 --emulate", "leave --emulate out"),
        ("submit AAPL.PAPER BUY 1 --limit 5 --trigger 5", "leave it out, or choose another --type"),
        ("modify O-1", "pass --quantity, --limit or --trigger"),
    ],
)
def test_a_refusal_names_the_options_of_the_shell(node, capsys, arguments, do):
    assert main(["order", *arguments.split()]) == 2
    assert capsys.readouterr().err.splitlines()[2] == f"  do:   {do}"
    assert node.asked == []


def test_a_denial_without_a_remedy_has_no_line_for_it(node, capsys):
    node.answers["orders.submit"] = OrderDenied("the price must be on the tick", value="190.123")
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "1", "--limit", "190.123"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "OrderDenied: the price must be on the tick",
        "  got:  190.123",
    ]


def test_an_order_whose_answer_is_lost_is_looked_for_and_not_sent_again(node, capsys, monkeypatch):
    monkeypatch.setattr("nautilus_lab.trading._engine.TradingEngine.command", _impatient())
    node.answers["orders.submit"] = lambda request: asyncio.sleep(5)
    node.answers["orders.find"] = Found(orders=(told(),))
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100"]) == 0
    assert capsys.readouterr().out == "O-1  ACCEPTED\n"
    (submitted, _, own), (found, body, _) = node.asked
    assert (submitted, found) == ("orders.submit", "orders.find")
    assert body == FindOrder(command_id=own)


@pytest.mark.parametrize("finds", [Found(), NodeError("it is busy")])
def test_an_order_of_which_nothing_is_known_is_unknown_and_says_how_to_look(
    node, capsys, monkeypatch, finds
):
    monkeypatch.setattr("nautilus_lab.trading._engine.TradingEngine.command", _impatient())
    node.answers["orders.submit"] = lambda request: asyncio.sleep(5)
    node.answers["orders.find"] = finds
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("OutcomeUnknown: the node must answer")
    own = node.asked[0][2]
    assert f"nautilus-lab order find --command {own}" in error
    assert [name for name, _, _ in node.asked].count("orders.submit") == 1


def _impatient():
    from nautilus_lab.trading import TradingEngine

    patient = TradingEngine.command

    async def command(self, name, body=None, **options):
        return await patient(self, name, body, **options | {"timeout_s": 0.5})

    return command


def test_a_bracket_has_exits_on_the_other_side(node, capsys):
    node.answers["orders.bracket"] = Placed(
        client_order_ids=("O-1", "O-2", "O-3"),
        statuses=("ACCEPTED", "INITIALIZED", "INITIALIZED"),
    )
    arguments = "order bracket AAPL.PAPER BUY 10 --limit 190 --take-profit 200 --stop-loss 180"
    assert main(arguments.split()) == 0
    (body,) = node.bodies
    assert (body.take_profit.side, body.take_profit.limit_price) == ("SELL", Decimal(200))
    assert (body.stop_loss.order_type, body.stop_loss.trigger_price) == (
        "STOP_MARKET",
        Decimal(180),
    )
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(arguments.replace("180", "280").split()) == 2
    assert "beyond its entry" in capsys.readouterr().err


def test_the_list_has_what_works_and_on_demand_what_is_closed(node, capsys):
    closed = told(client_order_id="O-2", status="FILLED", reason="\x1b[2Jdone")
    node.answers["node.snapshot"] = Snapshot(
        trader="PAPER-001", epoch=1, seq=1, ts=1, simulated=True, orders=(told(), closed)
    )
    assert main(["order", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].split()[:8] == [
        *("O-1", "AAPL.PAPER", "BUY", "LIMIT", "100", "0", "190.15", "-"),
    ]
    assert main(["order", "list", "--all", "--json"]) == 0
    orders = json.loads(capsys.readouterr().out)
    assert [o["status"] for o in orders] == ["ACCEPTED", "FILLED"]
    assert main(["order", "list", "--all"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_a_change_is_sent_exactly(node, capsys):
    node.answers["orders.modify"] = Placed(client_order_ids=("O-1",), statuses=("ACCEPTED",))
    assert main(["order", "modify", "O-1", "--quantity", "5", "--limit", "0.1"]) == 0
    assert node.bodies == [
        ModifyOrder(client_order_id="O-1", quantity=Decimal(5), limit_price=Decimal("0.1"))
    ]
    assert main(["order", "modify", "O-1"]) == 2
    assert "must change something" in capsys.readouterr().err
    assert main(["order", "modify", "O-1", "--limit", "x"]) == 2
    assert "limit must be a number" in capsys.readouterr().err


def test_several_orders_are_cancelled_although_one_cannot_be(node, capsys):
    def answer(request):
        if request.body.client_order_id == "O-2":
            return NodeError("the venue must cancel the order: too late", value="O-2")
        return Cancelled(ended=(request.body.client_order_id,))

    node.answers["orders.cancel"] = answer
    assert main(["order", "cancel", "O-1", "O-2", "O-3"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "O-1  cancelled\nO-3  cancelled\n"
    assert "too late" in shown.err
    assert {b.client_order_id for b in node.bodies} == {"O-1", "O-2", "O-3"}
    assert all(isinstance(b, CancelOrder) for b in node.bodies)


def test_cancelling_all_can_be_narrowed(node, capsys):
    node.answers["orders.cancel_all"] = Cancelled(ended=("O-1",), pending=("O-2",))
    assert main(["order", "cancel-all", "--instrument", "AAPL.PAPER", "--side", "SELL"]) == 0
    assert node.bodies == [CancelAll(instrument="AAPL.PAPER", side="SELL")]
    assert capsys.readouterr().out == "O-1  cancelled\nO-2  asked for\n"
    node.answers["orders.cancel_all"] = Cancelled()
    assert main(["order", "cancel-all"]) == 0
    assert capsys.readouterr().out == "nothing works\n"


def test_a_slip_in_what_to_cancel_is_no_success(node, capsys):
    node.answers["orders.cancel_all"] = Cancelled()
    node.answers["node.snapshot"] = Snapshot(
        trader="PAPER-001", epoch=1, seq=1, ts=1, simulated=True, orders=(told(status="FILLED"),)
    )
    node.answers["strategy.list"] = (
        StrategyView(
            strategy="mine-001", name="mine", version="1", content_hash="", state="running"
        ),
    )
    assert main(["order", "cancel-all", "--instrument", "FOO.PAPER"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "InputError: --instrument must name one that the node trades; nothing was cancelled",
        "  got:  FOO.PAPER",
        "  do:   one of AAPL.PAPER",
    ]
    assert main(["order", "cancel-all", "--strategy", "nosuch"]) == 2
    assert "one of Manual-000, manual-001, mine-001" in capsys.readouterr().err
    for known in ("manual-001", "mine-001", "Manual-000"):  # the last before its first order, too
        assert main(["order", "cancel-all", "--strategy", known]) == 0
    assert main(["order", "cancel-all", "--instrument", "AAPL.PAPER"]) == 0
    assert capsys.readouterr().out == "nothing works\n" * 4
    node.answers["node.snapshot"] = NodeError("it is busy")
    assert main(["order", "cancel-all", "--instrument", "FOO.PAPER"]) == 0
    assert "could not be asked: it is busy" in capsys.readouterr().err


def test_an_order_is_found_by_its_id_or_by_its_command(node, capsys):
    node.answers["orders.find"] = Found(orders=(told(),))
    assert main(["order", "find", "--command", "C-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["client_order_id"] == "O-1"
    assert node.bodies == [FindOrder(command_id="C-1")]
    node.answers["orders.find"] = Found()
    assert main(["order", "find", "O-9"]) == 2
    assert "one that the node has had" in capsys.readouterr().err
    assert main(["order", "find"]) == 2
    assert "by its ORDER or by its --command" in capsys.readouterr().err


def test_without_a_node_an_order_is_refused_with_how_to_start_one(workspace, capsys):
    assert main(["order", "submit", "AAPL.PAPER", "BUY", "100"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("NodeNotRunning")
    assert "nautilus-lab node start" in error
