"""What every bus promises, run over every bus."""

import logging
from decimal import Decimal

import pytest

from nautilus_lab.exceptions import BusError, InputError
from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import Bus


async def test_every_bus_is_one(link):
    assert isinstance(link.publisher, Bus)
    assert isinstance(link.reader(), Bus)


async def test_a_message_arrives_as_it_was_published(link, until):
    got = []
    reader = link.reader()
    reader.subscribe("trading.fill.PAPER-001.tilt", got.append)
    await reader.ready()
    fill = messages.envelope(
        messages.OrderFilled(
            trade_id="T1",
            client_order_id="O-1",
            strategy="tilt",
            instrument="AAPL.PAPER",
            side="BUY",
            quantity=Decimal("10.50"),
            price=Decimal("0.1"),
        ),
        "trading.fill.PAPER-001.tilt",
        trader="PAPER-001",
        writer="node",
        epoch=2,
        seq=7,
        source_ts=5,
        simulated=True,
    )
    link.publisher.publish(fill)
    await until(lambda: got)
    assert got == [fill]
    assert str(got[0].body.quantity) == "10.50"


async def test_messages_of_a_topic_arrive_in_the_order_published(link, quote, until):
    got = []
    reader = link.reader()
    reader.subscribe("market.>", got.append)
    await reader.ready()
    topics = [f"market.quote.PAPER.{symbol}" for symbol in ("AAPL", "MSFT", "XOM")]
    for number in range(3_000):
        link.publisher.publish(quote(number, topics[number % 3]))
    await until(lambda: len(got) == 3_000)
    for place, topic in enumerate(topics):
        numbers = [e.body.bid for e in got if e.topic == topic]
        assert numbers == list(range(place, 3_000, 3))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("market.quote.PAPER.AAPL", {"market.quote.PAPER.AAPL"}),
        ("market.quote.*.AAPL", {"market.quote.PAPER.AAPL", "market.quote.XNAS.AAPL"}),
        ("market.quote.PAPER.*", {"market.quote.PAPER.AAPL", "market.quote.PAPER.AAPL2"}),
        ("*.quote.PAPER.AAPL", {"market.quote.PAPER.AAPL"}),
        ("trading.>", {"trading.order.PAPER-001.tilt"}),
        ("market.quote.*.>", {
            "market.quote.PAPER.AAPL",
            "market.quote.PAPER.AAPL2",
            "market.quote.XNAS.AAPL",
        }),
        ("*.order.>", {"trading.order.PAPER-001.tilt"}),
        ("market.quote.PAPER", set()),
        ("market.*", set()),
        ("market", {"market"}),
        ("market.>", {
            "market.quote.PAPER.AAPL",
            "market.quote.PAPER.AAPL2",
            "market.quote.XNAS.AAPL",
        }),
    ],
)  # fmt: skip
async def test_a_pattern_lets_through_what_falls_under_it(link, quote, until, pattern, expected):
    got, all_ = set(), []
    reader = link.reader()
    reader.subscribe(pattern, lambda envelope: got.add(envelope.topic))
    reader.subscribe(">", all_.append)
    await reader.ready()
    published = (
        "market.quote.PAPER.AAPL",
        "market.quote.PAPER.AAPL2",
        "market.quote.XNAS.AAPL",
        "trading.order.PAPER-001.tilt",
        "market",
    )
    for topic in published:
        link.publisher.publish(quote(1, topic))
    await until(lambda: len(all_) == len(published))
    assert got == expected


@pytest.mark.parametrize("pattern", ["", ".", "a.", ".a", "a..b", "a.>.b", "a*.b", "a.b>", "a\n"])
async def test_a_pattern_that_is_none_is_refused(link, pattern):
    with pytest.raises(InputError, match="pattern"):
        link.reader().subscribe(pattern, print)


@pytest.mark.parametrize("topic", ["", ".", "a.", "a..b", "market.*", "market.>", "a\0b", "a*"])
async def test_a_topic_that_is_none_is_refused(link, quote, topic):
    with pytest.raises(BusError, match="topic"):
        link.publisher.publish(quote(1, topic))


async def test_an_ended_subscription_hears_no_more_and_others_do(link, quote, until):
    ended, kept = [], []
    reader = link.reader()
    end = reader.subscribe("market.>", ended.append)
    reader.subscribe("market.>", kept.append)
    await reader.ready()
    link.publisher.publish(quote(1))
    await until(lambda: kept)
    end()
    end()
    await reader.ready()
    link.publisher.publish(quote(2))
    await until(lambda: len(kept) == 2)
    assert [e.body.bid for e in ended] == [1]


async def test_a_handler_subscribed_twice_is_called_twice_and_ends_once(link, quote, until):
    got = []
    reader = link.reader()
    end = reader.subscribe("market.>", got.append)
    reader.subscribe("market.>", got.append)
    await reader.ready()
    link.publisher.publish(quote(1))
    await until(lambda: len(got) == 2)
    end()
    link.publisher.publish(quote(2))
    await until(lambda: len(got) >= 3)
    assert [e.body.bid for e in got] == [1, 1, 2]


async def test_a_handler_that_fails_is_logged_and_starves_nobody(link, quote, until, caplog):
    got = []

    def fail(_):
        raise RuntimeError("broken handler")

    reader = link.reader()
    reader.subscribe("market.>", fail)
    reader.subscribe("market.>", got.append)
    await reader.ready()
    with caplog.at_level(logging.ERROR):
        link.publisher.publish(quote(1))
        link.publisher.publish(quote(2))
        await until(lambda: len(got) == 2)
    assert caplog.text.count("RuntimeError: broken handler") == 2


async def test_every_reading_end_hears_every_message(link, quote, until):
    got: list[list[float]] = [[], [], []]
    for numbers in got:
        reader = link.reader()
        reader.subscribe("market.>", lambda e, numbers=numbers: numbers.append(e.body.bid))
        await reader.ready()
    for number in range(100):
        link.publisher.publish(quote(number))
    await until(lambda: all(len(numbers) == 100 for numbers in got))
    assert got == [list(range(100))] * 3


async def test_the_publishing_end_hears_what_it_publishes(link, quote, until):
    got = []
    link.publisher.subscribe("market.>", got.append)
    await link.publisher.ready()
    link.publisher.publish(quote(1))
    await until(lambda: got)
    assert got[0].body.bid == 1


async def test_a_handler_that_publishes_does_not_overtake(link, quote, until):
    """The second subscriber hears the cause before the effect."""
    got = []

    def react(envelope):
        if envelope.body.bid == 1:
            link.publisher.publish(quote(2))

    link.publisher.subscribe("market.>", react)
    link.publisher.subscribe("market.>", lambda e: got.append(e.body.bid))
    await link.publisher.ready()
    link.publisher.publish(quote(1))
    await until(lambda: len(got) == 2)
    assert got == [1, 2]


async def test_a_closed_bus_refuses_and_closing_twice_is_harmless(link, quote):
    link.publisher.close()
    link.publisher.close()
    with pytest.raises(BusError, match="closed"):
        link.publisher.publish(quote(1))
    with pytest.raises(BusError, match="closed"):
        link.publisher.subscribe("market.>", print)


async def test_a_subscription_may_end_after_its_bus_was_closed(link):
    reader = link.reader()
    end = reader.subscribe("market.>", print)
    reader.close()
    end()
