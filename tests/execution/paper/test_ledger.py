"""A ledger has what was written, whole, and says so when it has not."""

import contextlib
import sqlite3
import stat
from decimal import Decimal

import msgspec
import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.execution.paper import Ledger, ModifyOrder, PaperBook, VenueTerms
from tests.execution.paper.orders import NOW, SECOND, limit, order

DEPOSIT = Decimal(50_000)
TERMS = VenueTerms(leverage=10, depth=60, levels=2, taker_fee_bps=3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "venue.db"


def kept(ledger, book, events):
    """Write what the venue writes."""
    balances = msgspec.json.encode(book.balances).decode()
    ledger.append(events, {"balances": balances})
    book.forget(keep=0)


def a_day(ledger):
    """A book after some of everything, each step of it in the ledger."""
    book = PaperBook(starting_cash=DEPOSIT, terms=TERMS, archive=ledger)
    clock = iter(range(NOW, NOW + 10_000 * SECOND, SECOND))

    def quote(bid, ask):
        kept(ledger, book, book.quote("AAPL", Decimal(bid), Decimal(ask), next(clock)))

    def submit(*orders):
        kept(ledger, book, book.submit_list(orders, next(clock)))

    quote("99.90", "100.10")
    submit(order("bought", quantity=200))
    submit(order("sold", "SELL", quantity=40))
    submit(order("trail", "SELL", "TRAILING_STOP_MARKET", trailing_offset="3.00"))
    submit(
        order(
            "late",
            "SELL",
            "TRAILING_STOP_LIMIT",
            trailing_offset="1",
            limit_offset="2",
            activation_price="105.00",
        )
    )
    submit(limit("dated", price="90.00", time_in_force="GTD", expire_ns=NOW + 5_000 * SECOND))
    submit(limit("daily", price="91.00", time_in_force="DAY"))
    pair = {"parent": "entry", "contingency": "OUO", "list_id": "L", "reduce_only": True}
    submit(
        limit("entry", price="99.00", quantity=150, contingency="OTO"),
        limit("target", "SELL", "103.00", 150, linked=("stop",), **pair),
        order(
            "stop", "SELL", "STOP_MARKET", 150, trigger_price="95.00", linked=("target",), **pair
        ),
    )
    submit(limit("no", quantity=10**8))
    submit(limit("gone"))
    kept(ledger, book, book.cancel("gone", next(clock)))
    change = ModifyOrder(client_order_id="dated", quantity=Decimal(7))
    kept(ledger, book, book.modify(change, next(clock)))
    quote("98.80", "99.00")  # the entry is filled in part
    quote("101.00", "101.20")  # and the stop trails
    return book


def reopened(path):
    ledger = Ledger(path)
    book = PaperBook(starting_cash=DEPOSIT, terms=TERMS, archive=ledger)
    book.resume(ledger.state(DEPOSIT))
    return ledger, book


def test_a_book_goes_on_as_if_nothing_had_been(path):
    ledger = Ledger(path)
    a_day(ledger)
    before = PaperBook(starting_cash=DEPOSIT, terms=TERMS)  # without an archive: it holds all
    before.restore(ledger.events())
    ledger.close()
    ledger, after = reopened(path)
    assert after.seq == before.seq
    assert after.orders() == before.orders()
    assert after.orders(working_only=True) == before.orders(working_only=True)
    assert after.fills == before.fills
    assert after.balances == before.balances
    assert after.next_due_ns == before.next_due_ns == NOW + 5_000 * SECOND
    future = NOW + 6_000 * SECOND
    market = ("AAPL", Decimal("102.00"), Decimal("102.20"), future)
    for happens in (
        lambda book: book.quote(*market),
        lambda book: book.pass_time(future),
        lambda book: book.open_session("2020-01-03", future),
        lambda book: book.submit(order("new", quantity=20), future),
        lambda book: book.quote("AAPL", Decimal("94.00"), Decimal("94.20"), future),
        lambda book: book.quote("AAPL", Decimal("105.50"), Decimal("105.70"), future),
        lambda book: book.quote("AAPL", Decimal("104.30"), Decimal("104.50"), future),
        lambda book: book.cancel_all(future),
    ):
        events = happens(before)
        assert happens(after) == events
        kept(ledger, after, events)
    assert after.account == before.account
    assert after.orders() == before.orders()
    ledger.close()


def test_what_is_kept_apart_is_what_the_events_say(path):
    ledger = Ledger(path)
    book = a_day(ledger)
    told = PaperBook(starting_cash=DEPOSIT, terms=TERMS)
    told.restore(ledger.events())
    assert told.balances == book.balances == ledger.state(DEPOSIT).balances
    assert told.orders() == ledger.orders(0) == book.orders()
    assert told.fills == tuple(ledger.fills(0)) == book.fills
    assert told.orders(working_only=True) == list(ledger.state(DEPOSIT).working)
    for known in told.orders():
        assert ledger.order(client_order_id=known.client_order_id) == known
        assert ledger.order(venue_order_id=known.venue_order_id) == known
        assert book.order(client_order_id=known.client_order_id) == known
        assert ledger.fills_of(known.venue_order_id) == list(told.fills_of(known.client_order_id))
    ledger.close()


def test_a_book_with_an_archive_holds_only_what_works_and_what_that_needs(path):
    ledger = Ledger(path)
    book = a_day(ledger)
    working = {o.client_order_id for o in book.orders(working_only=True)}
    assert set(book._orders) == working
    assert book.order(client_order_id="bought").status == "FILLED"
    for _ in range(2):
        later = NOW + 9_000 * SECOND
        kept(ledger, book, book.quote("AAPL", Decimal("98.70"), Decimal("98.90"), later))
    assert book.order(client_order_id="entry").status == "FILLED"
    assert "entry" in book._orders  # its children still work
    ledger.close()


def test_an_id_of_long_ago_is_still_taken(path):
    ledger = Ledger(path)
    book = a_day(ledger)
    assert book.submit(order("bought", quantity=200), NOW) == []
    ledger.close()


def test_events_and_facts_are_written_together_or_not_at_all(path):
    ledger = Ledger(path)
    a_day(ledger)
    last = list(ledger.events())[-1]
    before = ledger.state(DEPOSIT)
    with pytest.raises(StoreError, match="readable and writable"):
        ledger.append(
            [msgspec.structs.replace(last, seq=last.seq + 1), last], {"balances": "changed"}
        )
    assert ledger.state(DEPOSIT) == before
    ledger.close()


def test_events_are_read_from_where_one_was_and_no_more_than_asked_for(path):
    ledger = Ledger(path)
    a_day(ledger)
    assert [e.seq for e in ledger.events(3, most=4)] == [4, 5, 6, 7]
    last = ledger.state(DEPOSIT).seq
    assert list(ledger.events(last)) == list(ledger.events(last + 100)) == []
    ledger.close()


def test_a_fact_that_was_settled_stays(path):
    ledger = Ledger(path)
    assert ledger.settled("book", "one") == "one"
    assert ledger.settled("book", "two") == "one"
    assert ledger.fact("nothing") is None
    ledger.close()
    ledger = Ledger(path)
    assert ledger.fact("book") == "one"
    ledger.close()


def test_only_its_owner_can_read_a_ledger(path):
    Ledger(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@contextlib.contextmanager
def tampered(path):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        yield db


@pytest.mark.parametrize("seq", [1, 5])
def test_a_ledger_with_a_hole_is_refused(path, seq):
    ledger = Ledger(path)
    a_day(ledger)
    ledger.close()
    with tampered(path) as db:
        db.execute("DELETE FROM event WHERE seq = ?", (seq,))
    ledger = Ledger(path)
    with pytest.raises(StoreError, match="without gaps"):
        list(ledger.events())
    with pytest.raises(StoreError, match="without gaps"):
        ledger.state(DEPOSIT)
    ledger.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET body = x'00'",
        "UPDATE event SET body = x'93010203'",
        "UPDATE fact SET value = 'NaN' WHERE name = 'balances'",
        "DROP TABLE latest",
        "DELETE FROM latest WHERE client_order_id = 'bought'",
        "DELETE FROM fact WHERE name = 'balances'",
    ],
)
def test_a_ledger_that_says_nonsense_is_refused(path, statement):
    ledger = Ledger(path)
    a_day(ledger)
    ledger.close()
    with tampered(path) as db:
        db.execute(statement)

    def read():
        ledger = Ledger(path)
        try:
            ledger.state(DEPOSIT)
            list(ledger.events())
        finally:
            ledger.close()

    with pytest.raises(StoreError, match="must be"):
        read()


def test_a_file_that_is_no_ledger_is_refused(path):
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="readable and writable"):
        Ledger(path)


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(StoreError, match="readable and writable"):
        Ledger(tmp_path / "nowhere" / "venue.db")


def test_a_book_of_the_first_version_is_refused_and_left_as_it_is(path):
    with tampered(path) as db:
        db.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        db.execute("CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        db.execute("INSERT INTO event VALUES (1, x'81a3736571' || x'01')")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="has version 0, not 2"):
        Ledger(path)
    assert path.read_bytes() == before


def test_a_book_of_a_later_version_is_refused(path):
    Ledger(path).close()
    with tampered(path) as db:
        db.execute("PRAGMA user_version = 3")
    with pytest.raises(StoreError, match="has version 3, not 2"):
        Ledger(path)
