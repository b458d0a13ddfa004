"""Which quotes can be believed."""

import math
from decimal import Decimal

import pytest

from nautilus_lab.execution.routing import Offer

NAN = Decimal("NaN")


def quote(**changed):
    facts = {"bid": 99.98, "ask": 100.02, "bid_size": 300, "ask_size": 200} | changed
    return Offer.of_quote("XNAS", **facts)


def test_a_sound_quote_has_no_fault():
    assert quote().fault() == ""
    assert quote(age_s=0.4).fault(max_age_s=0.5) == ""


def test_a_quote_of_one_price_is_locked_and_sound():
    assert quote(bid=100.0, ask=100.0).fault() == ""


def test_a_side_with_nothing_there_is_no_fault():
    assert quote(ask_size=0).fault() == ""


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"bid": 100.03}, "crossed: bid 100.03 over ask 100.02"),
        ({"ask": math.nan}, "ask NaN for 200 is no number"),
        ({"ask": math.inf}, "ask NaN for 200 is no number"),
        ({"bid": -1.0}, "bid -1.0 for 300 is not positive"),
        ({"ask": 0.0}, "ask 0.0 for 200 is not positive"),
        ({"ask_size": math.nan}, "ask 100.02 for NaN is no number"),
        ({"bid_size": -1}, "bid 99.98 for -1 is not positive"),
        ({"fee_bps": math.nan}, "a fee of nan bp is none"),
        ({"fee_bps": 10_000}, "a fee of 10000 bp is none"),
        ({"lot": Decimal(0)}, "a lot of 0 is none"),
        ({"lot": NAN}, "a lot of NaN is none"),
        ({"most": NAN}, "nobody knows what may be traded: NaN"),
        ({"most": Decimal(-1)}, "nobody knows what may be traded: -1"),
    ],
)
def test_a_quote_that_is_nonsense_says_what_is_wrong(changed, fault):
    assert quote(**changed).fault() == fault


@pytest.mark.parametrize("age_s", [1.01, math.nan, math.inf])
def test_a_quote_that_is_old_or_of_no_age_is_stale(age_s):
    assert quote(age_s=age_s).fault(max_age_s=1.0).startswith("stale")


def test_a_book_with_one_side_or_prices_out_of_order_is_not_believed():
    there = ((Decimal(10), Decimal(5)),)
    assert Offer(venue="A", bids=(), asks=there).fault() == "one-sided: no bid"
    assert Offer(venue="A", bids=there, asks=()).fault() == "one-sided: no ask"
    falling = ((Decimal(12), Decimal(5)), (Decimal(11), Decimal(5)))
    assert Offer(venue="A", bids=there, asks=falling).fault() == "asks out of order: 11 after 12"
    rising = ((Decimal(9), Decimal(5)), (Decimal(10), Decimal(5)))
    fault = Offer(venue="A", bids=rising, asks=((Decimal(13), Decimal(5)),)).fault()
    assert fault == "bids out of order: 10 after 9"
