"""The keys of market data are those of the platform's description, to the letter."""

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform import cache

MINUTE, HOUR = 60, 3_600


@pytest.mark.parametrize(
    ("key", "text", "ttl_s", "keep"),
    [
        (cache.ticks("XNAS", "AAPL"), "market:tick:XNAS:AAPL", 5 * MINUTE, 1_000),
        (cache.quotes("XNAS", "AAPL"), "market:quote:XNAS:AAPL", 5 * MINUTE, 500),
        (cache.bars("XNAS", "AAPL", "1m"), "market:bar:XNAS:AAPL:1m", HOUR, 200),
        (cache.order_book("XNAS", "AAPL"), "market:orderbook:XNAS:AAPL", MINUTE, None),
        (cache.latest_tick("XNAS", "AAPL"), "latest:tick:XNAS:AAPL", HOUR, None),
        (cache.latest_quote("XNAS", "AAPL"), "latest:quote:XNAS:AAPL", HOUR, None),
        (cache.latest_bar("XNAS", "AAPL", "1d"), "latest:bar:XNAS:AAPL:1d", HOUR, None),
        (cache.instruments("XNAS"), "instruments:XNAS", None, None),
    ],
)
def test_a_key_and_how_long_and_how_much_of_it_is_kept(key, text, ttl_s, keep):
    assert (key.text, key.ttl_s, key.keep) == (text, ttl_s, keep)


@pytest.mark.parametrize("part", ["", " ", "A:B", "A*", "A?", "[A]", "A\n", "A B"])
def test_a_part_that_could_mean_another_key_is_refused(part):
    with pytest.raises(InputError, match="part of a cache key"):
        cache.ticks("XNAS", part)
    with pytest.raises(InputError, match="part of a cache key"):
        cache.instruments(part)


@pytest.mark.parametrize("instrument", ["BRK.B", "ES/Z5", "EUR-USD", "^GSPC", "AAPL.PAPER"])
def test_names_that_instruments_have_are_accepted(instrument):
    assert cache.ticks("XNAS", instrument).text.endswith(f":{instrument}")


def test_no_two_kinds_share_a_key():
    keys = [
        make("XNAS", "AAPL")
        for make in (
            cache.ticks,
            cache.quotes,
            cache.order_book,
            cache.latest_tick,
            cache.latest_quote,
        )
    ] + [make("XNAS", "AAPL", "1m") for make in (cache.bars, cache.latest_bar)]
    assert len({key.text for key in keys}) == 7
