"""What rests on one node is known on the others."""

import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.gate import Book
from nautilus_lab.platform.rundir import Home
from nautilus_lab.risk.limits import NoSelfTrade
from nautilus_lab.trading._interest_file import Interest, read_interest, write_interest
from nautilus_lab.trading.node._interest import SharedInterest
from tests.execution.gate.stand import Stand

UNIT = Book.UNIT


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home").make()


@pytest.fixture
def nodes(home):
    made = []
    for name in ("PAPER-001", "PAPER-002"):
        stand = Stand(NoSelfTrade())
        made.append((stand, SharedInterest(home, home.trader(name).make(), stand.book)))
    yield made
    for stand, _ in made:
        stand.__exit__(None, None, None)


def exchange(nodes):
    for _, interest in (*nodes, *nodes):
        interest.watch()


def test_an_order_on_one_node_keeps_that_of_another_from_trading_with_it(nodes):
    (one, _), (two, _) = nodes
    offer = one.do(lambda s: s.limit(-5, "101.00"))
    exchange(nodes)
    assert two.status(two.do(lambda s: s.limit(5, "101.00"))) == "DENIED"
    assert two.reason() == ("SELF_TRADE: it would trade with an order of another node of this home")
    assert two.status(two.do(lambda s: s.limit(5, "99.00"))) == "ACCEPTED"
    one.do(lambda s: s.cancel_order(offer))
    exchange(nodes)
    assert two.status(two.do(lambda s: s.limit(5, "101.00"))) == "FILLED"


def test_stops_that_wait_are_not_told(nodes):
    (one, _), (two, _) = nodes
    one.do(lambda s: s.market(5))
    one.do(lambda s: s.stop_at(-5, "95.00"))
    exchange(nodes)
    assert two.book.elsewhere == {}


def test_what_a_dead_node_rested_stays_until_it_is_back_or_released(nodes, home):
    (one, _), (two, heard) = nodes
    one.do(lambda s: s.limit(-5, "101.00"))
    exchange(nodes)
    for _ in range(3):
        heard.watch()
    assert two.book.elsewhere == {"AAPL.PAPER": (None, 101 * UNIT)}
    home.trader("PAPER-001").interest.unlink()
    heard.watch()
    assert two.book.elsewhere == {}


@pytest.mark.parametrize("data", [b"", b"{", b'{"unit": "1", "best": {}}', b'{"best": 1}'])
def test_a_file_that_is_none_leaves_what_was_heard_before(nodes, home, data):
    (one, _), (two, heard) = nodes
    one.do(lambda s: s.limit(-5, "101.00"))
    exchange(nodes)
    home.trader("PAPER-001").interest.write_bytes(data)
    heard.watch()
    assert two.book.elsewhere == {"AAPL.PAPER": (None, 101 * UNIT)}


def test_nothing_is_written_while_nothing_changes(nodes, home):
    (one, told), _ = nodes
    one.do(lambda s: s.limit(-5, "101.00"))
    told.watch()
    before = home.trader("PAPER-001").interest.stat().st_ino
    told.watch()
    assert home.trader("PAPER-001").interest.stat().st_ino == before


def test_a_file_that_somebody_took_away_is_told_again(nodes, home):
    (one, told), (two, heard) = nodes
    one.do(lambda s: s.limit(-5, "101.00"))
    exchange(nodes)
    home.trader("PAPER-001").interest.unlink()
    told.watch()
    heard.watch()
    assert two.book.elsewhere == {"AAPL.PAPER": (None, 101 * UNIT)}


def test_a_raw_price_of_more_than_64_bits_is_kept(tmp_path):
    interest = Interest(unit=UNIT, best={"BRK.A": (700_000 * UNIT, None)})
    write_interest(tmp_path / "interest.json", interest)
    assert read_interest(tmp_path / "interest.json") == interest


def test_a_folder_that_is_away_is_an_error_of_ours(tmp_path):
    with pytest.raises(StoreError, match="told to the others"):
        write_interest(tmp_path / "none" / "interest.json", Interest(unit=1, best={}))
