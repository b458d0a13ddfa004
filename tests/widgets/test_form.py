"""The ticket's fields are those that the commands and the algorithms know."""

import time
from decimal import Decimal
from typing import get_args

import pytest

from nautilus_lab.client import order
from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.algorithms import Pov, Smart, Twap, Vwap
from nautilus_lab.platform.commands import OffsetType, OrderType, TimeInForce
from nautilus_lab.widgets._form import ALGORITHMS, OFFSETS, PRICES, TIMES, read

EVERY = ("limit_price", "trigger_price", "activation_price", "trailing_offset", "limit_offset")


def test_the_ticket_has_every_type_every_time_and_every_offset():
    assert set(PRICES) == set(get_args(OrderType))
    assert set(TIMES) == set(get_args(TimeInForce))
    assert set(OFFSETS) == set(get_args(OffsetType))


@pytest.mark.parametrize("kind", PRICES)
def test_a_type_needs_the_prices_that_its_fields_ask_for_and_takes_no_others(kind):
    needs, may = PRICES[kind]
    given = dict.fromkeys(needs, "5")
    order("AAPL.PAPER", "BUY", 1, order_type=kind, **given)
    order("AAPL.PAPER", "BUY", 1, order_type=kind, **given, **dict.fromkeys(may, "5"))
    for name in needs:
        with pytest.raises(InputError, match=f"needs {name}"):
            order("AAPL.PAPER", "BUY", 1, order_type=kind, **(given | {name: None}))
    for name in set(EVERY) - {*needs, *may}:
        with pytest.raises(InputError, match=f"has no {name}"):
            order("AAPL.PAPER", "BUY", 1, order_type=kind, **given, **{name: "5"})


def filled_in(name: str, *, everything: bool) -> dict:
    """What the ticket reads of an algorithm's fields as they stand at first."""
    parameters = {
        one.key: one.default or (one.choices[0] if one.choices else "5")
        for one in ALGORITHMS[name]
        if everything or one.required
    }
    fields = {"instrument": "AAPL.PAPER", "side": "BUY", "quantity": "1000", "order_type": "MARKET"}
    asked = read({"fields": fields | {"algorithm": name}, "parameters": parameters})
    return asked.fields["parameters"]


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("algorithm", [Vwap, Pov, Smart])
def test_an_algorithm_takes_what_its_fields_say(algorithm, everything):
    given = filled_in(algorithm.NAME, everything=everything)
    algorithm().terms(given, Decimal(1_000), "AAPL.PAPER")


def test_twap_takes_what_its_fields_say():
    Twap()._require("MARKET", "GTC", filled_in("TWAP", everything=True))


@pytest.mark.parametrize("algorithm", [Vwap, Pov, Smart])
def test_an_algorithm_knows_no_parameter_that_the_ticket_lacks(algorithm):
    with pytest.raises(InputError) as refused:
        algorithm().terms({"nonsense": 1}, Decimal(1_000), "AAPL.PAPER")
    known = refused.value.remedy.removeprefix("choose among ").split(", ")
    assert set(known) == {one.key for one in ALGORITHMS[algorithm.NAME]}


def test_an_order_good_till_a_date_ends_after_its_minutes():
    fields = {"instrument": "AAPL.PAPER", "side": "BUY", "quantity": "1", "order_type": "LIMIT"}
    fields |= {"limit_price": "5", "time_in_force": "GTD", "minutes": "90"}
    asked = read({"fields": fields})
    written = order(asked.instrument, asked.side, asked.quantity, **asked.fields)
    assert written.expires_ns == pytest.approx(time.time_ns() + 90 * 60 * 10**9, abs=5 * 10**9)
