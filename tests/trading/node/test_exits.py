"""Brackets whose exits the market has reached already."""

from decimal import Decimal

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.commands import SubmitBracket, SubmitOrder
from nautilus_lab.trading.node._exits import require_exits

BID, ASK = Decimal("72.40"), Decimal("72.42")


def bracket(side, profit, loss, **entry):
    back = "SELL" if side == "BUY" else "BUY"

    def leg(side, **facts):
        prices = {k: Decimal(v) if k.endswith("price") else v for k, v in facts.items()}
        return SubmitOrder(instrument="AAPL.PAPER", side=side, quantity=Decimal(100), **prices)

    return SubmitBracket(
        entry=leg(side, **entry),
        take_profit=leg(back, order_type="LIMIT", limit_price=profit),
        stop_loss=leg(back, order_type="STOP_MARKET", trigger_price=loss),
    )


@pytest.mark.parametrize(
    ("side", "profit", "loss", "what"),
    [
        ("BUY", "80", "75", "stop-loss"),
        ("BUY", "80", "72.40", "stop-loss"),
        ("BUY", "72.40", "70", "take-profit"),
        ("SELL", "65", "72.42", "stop-loss"),
        ("SELL", "65", "70", "stop-loss"),
        ("SELL", "73", "75", "take-profit"),
    ],
)
def test_an_exit_that_would_trade_as_soon_as_the_entry_is_refused(side, profit, loss, what):
    with pytest.raises(InputError, match=f"the {what} of a bracket .* at once"):
        require_exits(bracket(side, profit, loss), BID, ASK)


@pytest.mark.parametrize(
    ("side", "profit", "loss", "entry"),
    [
        ("BUY", "80", "70", {}),
        ("BUY", "72.41", "72.39", {}),
        ("SELL", "65", "75", {}),
        # Entries that wait have a price of their own to compare with.
        ("BUY", "71", "69", {"order_type": "LIMIT", "limit_price": "70"}),
        ("BUY", "90", "75", {"order_type": "STOP_MARKET", "trigger_price": "80"}),
        ("SELL", "75", "85", {"order_type": "LIMIT", "limit_price": "80"}),
        ("BUY", "90", "73", {"order_type": "STOP_MARKET", "trigger_price": "74"}),
        ("SELL", "60", "72", {"order_type": "STOP_MARKET", "trigger_price": "71"}),
        ("BUY", "72", "69", {"order_type": "MARKET_IF_TOUCHED", "trigger_price": "70"}),
        ("SELL", "73", "76", {"order_type": "MARKET_IF_TOUCHED", "trigger_price": "74"}),
        # Triggered, but its limit rests; and reached, but it must wait for all that.
        (
            *("BUY", "72.30", "70"),
            {"order_type": "STOP_LIMIT", "trigger_price": "72", "limit_price": "72"},
        ),
        (
            *("SELL", "73", "77"),
            {"order_type": "LIMIT_IF_TOUCHED", "trigger_price": "72", "limit_price": "75"},
        ),
        ("BUY", "199", "185", {"order_type": "LIMIT", "limit_price": "190", "post_only": True}),
        ("BUY", "72", "60", {"time_in_force": "AT_THE_OPEN"}),
        (
            *("BUY", "199", "185"),
            {"order_type": "LIMIT", "limit_price": "190", "time_in_force": "AT_THE_CLOSE"},
        ),
    ],
)
def test_exits_that_can_wait_are_taken(side, profit, loss, entry):
    require_exits(bracket(side, profit, loss, **entry), BID, ASK)


@pytest.mark.parametrize(
    ("side", "profit", "loss", "entry", "what"),
    [
        ("BUY", "71", "69", {"order_type": "STOP_MARKET", "trigger_price": "70"}, "take-profit"),
        ("BUY", "72.40", "72", {"order_type": "STOP_MARKET", "trigger_price": "72.39"}, "take-"),
        ("SELL", "74", "76", {"order_type": "STOP_MARKET", "trigger_price": "75"}, "take-profit"),
        (
            "BUY",
            "90",
            "75",
            {"order_type": "MARKET_IF_TOUCHED", "trigger_price": "80"},
            "stop-loss",
        ),
        ("SELL", "60", "70", {"order_type": "MARKET_IF_TOUCHED", "trigger_price": "65"}, "stop-"),
        (
            *("BUY", "80", "74"),
            {"order_type": "STOP_LIMIT", "trigger_price": "70", "limit_price": "75"},
            "stop-loss",
        ),
        (
            *("SELL", "60", "70"),
            {"order_type": "LIMIT_IF_TOUCHED", "trigger_price": "65", "limit_price": "66"},
            "stop-loss",
        ),
    ],
)
def test_an_entry_whose_trigger_is_reached_trades_at_once(side, profit, loss, entry, what):
    with pytest.raises(InputError, match=f"the {what}.* of a bracket .* at once"):
        require_exits(bracket(side, profit, loss, **entry), BID, ASK)


def test_a_limit_beyond_the_market_trades_at_the_market():
    with pytest.raises(InputError, match=r"must lie below the bid, 72\.40"):
        require_exits(bracket("BUY", "199", "185", order_type="LIMIT", limit_price="190"), BID, ASK)
