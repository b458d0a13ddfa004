"""Reading a recording: what was seen, in the order it was seen, and the state at any instant."""

import random
import shutil
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from nautilus_lab.exceptions import BadData, DataError, InputError
from nautilus_lab.platform.messages import LimitBreach, PositionUpdated, QuoteUpdated
from nautilus_lab.platform.recording import FlightRecorder, Recording
from nautilus_lab.platform.recording._files import files_of

SECOND = 1_000_000_000


def quote(recorder, ts, bid=100.0, instrument="AAPL.PAPER"):
    recorder.quote(instrument, bid, bid + 0.1, 1.0, 1.0, ts=ts * SECOND)


def bids(moment):
    return {
        told.body.instrument: told.body.bid
        for told in moment.snapshot.states
        if isinstance(told.body, QuoteUpdated)
    }


def statuses(moment):
    return {told.body.client_order_id: told.body.status for told in moment.snapshot.orders}


def states(moment, kind):
    return [told.body for told in moment.snapshot.states if isinstance(told.body, kind)]


def seconds(table):
    return [ts // SECOND for ts in table["ts"].cast("int64").to_pylist()]


# --- the state at an instant ----------------------------------------------------------------


@pytest.fixture
def a_day(folder, teller):
    """An order that is sent, filled and held, seen second by second."""
    with FlightRecorder(folder, trader="T-1", simulated=True) as recorder:
        quote(recorder, 1, 100.0)
        quote(recorder, 2, 101.0)
        recorder.envelope(teller.standing("ACTIVE", 2 * SECOND))
        recorder.envelope(teller.order("O-1", "SUBMITTED", 3 * SECOND))
        quote(recorder, 4, 50.0, "MSFT.PAPER")
        recorder.envelope(teller.fill("O-1", "V-1", 5 * SECOND))
        recorder.envelope(teller.order("O-1", "FILLED", 5 * SECOND, filled=10))
        recorder.envelope(teller.position(10.0, 6 * SECOND))
        recorder.envelope(teller.breach(7 * SECOND))
        recorder.envelope(teller.standing("HALTED", 8 * SECOND))
        recorder.envelope(teller.strategy("paused", 9 * SECOND))
        quote(recorder, 10, 102.0)
    return Recording(folder)


def test_at_an_instant_everything_is_as_it_had_been_told_until_then(a_day):
    early = a_day.at(3 * SECOND)
    assert bids(early) == {"AAPL.PAPER": 101.0}
    assert statuses(early) == {"O-1": "SUBMITTED"}
    assert early.snapshot.fills == ()
    assert states(early, PositionUpdated) == []
    late = a_day.at(10 * SECOND)
    assert bids(late) == {"AAPL.PAPER": 102.0, "MSFT.PAPER": 50.0}
    assert statuses(late) == {"O-1": "FILLED"}
    assert [told.body.trade_id for told in late.snapshot.fills] == ["V-1"]
    assert [body.quantity for body in states(late, PositionUpdated)] == [10.0]
    assert [type(told.body) for told in late.events] == [LimitBreach]
    assert (late.snapshot.trader, late.snapshot.simulated) == ("T-1", True)
    assert (late.snapshot.epoch, late.snapshot.seq) == (1, 4)


def test_an_instant_includes_what_was_seen_at_it_and_nothing_after(a_day):
    assert bids(a_day.at(4 * SECOND - 1)) == {"AAPL.PAPER": 101.0}
    assert "MSFT.PAPER" in bids(a_day.at(4 * SECOND))
    assert a_day.at(4 * SECOND - 1).seen_ns == 3 * SECOND


def test_trading_state_and_strategies_are_those_of_the_instant(a_day):
    def told(moment):
        return {t.topic: t.body.state for t in moment.snapshot.states if hasattr(t.body, "state")}

    assert told(a_day.at(7 * SECOND)) == {"risk.state.T-1": "ACTIVE"}
    assert told(a_day.at(9 * SECOND)) == {
        "risk.state.T-1": "HALTED",
        "strategy.state.T-1.tilt-002": "paused",
    }


@pytest.mark.parametrize("ts", [0, 10**20])
def test_an_instant_outside_of_the_recording_is_refused_with_what_it_covers(a_day, ts):
    with pytest.raises(InputError, match="within the recording") as caught:
        a_day.at(ts)
    assert "1970-01-01 00:00:01.000 UTC to" in caught.value.remedy


@pytest.mark.parametrize("when", [datetime(1970, 1, 1), 1.5, True, "now", None])
def test_a_naive_time_and_what_is_no_time_are_refused(a_day, when):
    with pytest.raises(InputError, match="aware datetime"):
        a_day.at(when)


def test_where_nothing_was_recorded_is_no_recording(folder):
    for recording in (Recording(folder), Recording(folder / "none")):
        with pytest.raises(DataError, match="must have a recording"):
            recording.at(1)
        with pytest.raises(DataError, match="must have a recording"):
            recording.coverage()


# --- many files, many lives -----------------------------------------------------------------


def play(recorder, teller, seed, count=400):
    """Tell a random day, the same for each seed; flush as the test of files wants it."""
    dice = random.Random(seed)
    for ts in range(1, count + 1):
        for _ in range(dice.randint(0, 3)):
            name = dice.choice(["AAPL.PAPER", "MSFT.PAPER", "XOM.PAPER"])
            quote(recorder, ts, dice.random(), name)
        name = f"O-{dice.randint(1, 40)}"
        chance = dice.random()
        if chance < 0.2:
            recorder.envelope(teller.order(name, "ACCEPTED", ts * SECOND))
        elif chance < 0.4:
            recorder.envelope(teller.order(name, "CANCELED", ts * SECOND))
        elif chance < 0.6:
            recorder.envelope(teller.position(dice.random(), ts * SECOND))
        elif chance < 0.7:
            recorder.envelope(teller.fill(name, f"V-{ts}", ts * SECOND))
        elif chance < 0.8:
            recorder.envelope(teller.breach(ts * SECOND))
        if dice.random() < 0.1:
            recorder.flush()


def facts(moment):
    """What a moment says, without the ids that each told message has of its own."""
    snapshot = moment.snapshot
    return (
        sorted((t.topic, t.ts, repr(t.body)) for t in snapshot.states),
        sorted((t.ts, repr(t.body)) for t in snapshot.orders),
        [(t.ts, t.body.trade_id) for t in snapshot.fills],
        [(t.ts, type(t.body).__name__) for t in moment.events],
        snapshot.seq,
        moment.seen_ns,
    )


def test_into_how_many_files_a_day_was_cut_makes_no_difference(tmp_path, teller):
    from copy import copy

    for name, rotate_mib in (("one", 64.0), ("many", 0.002)):
        with FlightRecorder(tmp_path / name, trader="T-1", rotate_mib=rotate_mib) as recorder:
            play(recorder, copy(teller), seed=7)
    one, many = Recording(tmp_path / "one"), Recording(tmp_path / "many")
    assert len(list((tmp_path / "many").glob("*/*.parquet"))) > 20
    for ts in (1, 17, 100, 101, 250, 399, 400):
        assert facts(one.at(ts * SECOND)) == facts(many.at(ts * SECOND))


def test_the_state_needs_no_file_from_before_the_last_present(tmp_path, teller):
    """As when the retention took the first days away."""
    folder = tmp_path / "recording"
    with FlightRecorder(folder, trader="T-1", rotate_mib=0.002) as recorder:
        play(recorder, teller, seed=3)
    whole = facts(Recording(folder).at(400 * SECOND))
    names = sorted(path.name.split("-")[-1] for path in folder.glob("*/marks-*.parquet"))
    for path in folder.glob("*/*.parquet"):
        if path.name.split("-")[-1] < names[-2]:
            path.unlink()
    assert facts(Recording(folder).at(400 * SECOND)) == whole


def test_a_new_life_keeps_orders_and_fills_and_begins_quotes_and_states_anew(folder, teller):
    with FlightRecorder(folder, trader="T-1", epoch=1) as recorder:
        quote(recorder, 1)
        recorder.envelope(teller.order("O-1", "FILLED", 2 * SECOND, filled=10))
        recorder.envelope(teller.fill("O-1", "V-1", 2 * SECOND))
        recorder.envelope(teller.position(10.0, 3 * SECOND))
    with FlightRecorder(folder, trader="T-1", epoch=2) as recorder:
        quote(recorder, 11, 105.0, "MSFT.PAPER")
    moment = Recording(folder).at(11 * SECOND)
    assert bids(moment) == {"MSFT.PAPER": 105.0}
    assert statuses(moment) == {"O-1": "FILLED"}
    assert len(moment.snapshot.fills) == 1
    assert states(moment, PositionUpdated) == []


def test_what_the_node_says_of_itself_is_where_a_reader_begins(tmp_path, teller):
    """A node that was there before its recording tells what it knows."""
    with FlightRecorder(tmp_path / "first", trader="T-1", epoch=1) as recorder:
        play(recorder, teller, seed=1, count=50)
    known = Recording(tmp_path / "first").at(50 * SECOND)
    with FlightRecorder(tmp_path / "second", trader="T-1", epoch=2) as recorder:
        recorder.begin(known.snapshot)
        recorder.envelope(teller.order("O-99", "SUBMITTED", 60 * SECOND))
    moment = Recording(tmp_path / "second").at(60 * SECOND)
    assert statuses(moment) == {**statuses(known), "O-99": "SUBMITTED"}
    assert bids(moment) == bids(known)
    assert moment.snapshot.fills == known.snapshot.fills


def test_the_time_in_which_no_node_ran_is_a_gap_and_an_instant_in_it_says_so(folder):
    now = int(datetime.now(UTC).timestamp())
    with FlightRecorder(folder, trader="T-1", epoch=1) as recorder:
        quote(recorder, now - 7_200)
        recorder.flush()
    # The second life began two hours ahead, as the times of the files say.
    with FlightRecorder(folder, trader="T-1", epoch=2) as recorder:
        recorder.flush()
        quote(recorder, now + 7_200)
    coverage = Recording(folder).coverage()
    (gap,) = coverage.gaps
    assert (gap.why, coverage.sessions) == ("no node ran", 2)
    inside = Recording(folder).at((gap.begin_ns + gap.end_ns) // 2)
    assert inside.gap == gap
    assert Recording(folder).at((now - 7_200) * SECOND).gap is None


def test_a_clock_that_was_set_back_leaves_the_order_seen(folder):
    with FlightRecorder(folder, trader="T-1") as recorder:
        for ts, bid in ((100, 1.0), (200, 2.0), (300, 3.0), (150, 4.0), (250, 5.0)):
            quote(recorder, ts, bid)
            recorder.flush()
    recording = Recording(folder)
    assert seconds(recording.table("quotes")) == [100, 200, 300, 150, 250]
    # After the last row seen whose time is not later: the second time round.
    assert bids(recording.at(120 * SECOND)) == {"AAPL.PAPER": 1.0}
    assert bids(recording.at(160 * SECOND)) == {"AAPL.PAPER": 4.0}
    assert bids(recording.at(299 * SECOND)) == {"AAPL.PAPER": 5.0}


def test_epochs_order_lives_whatever_the_clock_said_when_they_began(folder):
    with FlightRecorder(folder, trader="T-1", epoch=2) as recorder:
        quote(recorder, 10, 2.0)
    with FlightRecorder(folder, trader="T-1", epoch=1) as recorder:
        quote(recorder, 5, 1.0)
    assert seconds(Recording(folder).table("quotes")) == [5, 10]


# --- rows -----------------------------------------------------------------------------------


def test_a_day_of_quotes_is_those_of_its_utc_day(folder):
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    begin = int(midnight.timestamp())
    with FlightRecorder(folder, trader="T-1") as recorder:
        for ts in (begin - 1, begin, begin + 86_399, begin + 86_400):
            quote(recorder, ts)
    recording = Recording(folder)
    assert seconds(recording.quotes(date(2026, 3, 3))) == [begin, begin + 86_399]
    assert seconds(recording.quotes(date(2026, 3, 2))) == [begin - 1]
    assert recording.quotes(date(2026, 3, 9)).num_rows == 0
    parts = list(recording.batches("quotes", midnight, midnight + timedelta(days=1)))
    assert sum(part.num_rows for part in parts) == 2


def test_rows_of_all_tables_come_in_the_order_seen(folder, teller):
    with FlightRecorder(folder, trader="T-1", rotate_mib=0.002) as recorder:
        play(recorder, teller, seed=5)
    rows = list(Recording(folder).between(1, 500 * SECOND, tables=("quotes", "decisions")))
    assert [row.n for row in rows] == sorted(row.n for row in rows)
    assert {row.table for row in rows} == {"quotes", "decisions"}
    assert [row.ts for row in rows] == sorted(row.ts for row in rows)
    assert len(rows) == Recording(folder).coverage().rows["quotes"] + sum(
        row.table == "decisions" for row in rows
    )


def test_bounds_and_names_that_are_none_are_refused(a_day):
    with pytest.raises(InputError, match="one of five"):
        a_day.table("trade")
    with pytest.raises(InputError, match="after the start"):
        list(a_day.between(5, 5))
    with pytest.raises(InputError, match="aware datetime"):
        a_day.table("quotes", datetime(2026, 3, 2))


# --- what goes wrong ------------------------------------------------------------------------


def test_a_file_that_is_sealed_after_it_was_listed_is_read_where_it_is_now(folder):
    with FlightRecorder(folder, trader="T-1") as recorder:
        quote(recorder, 1)
        recorder.flush()
        (listed,) = [file for file in files_of(folder, {}) if file.table == "quotes"]
        assert listed.path.suffix == ".arrows"
    assert not listed.path.exists()
    assert [batch.num_rows for batch in listed.batches()] == [1]


def test_a_flipped_bit_in_a_sealed_file_is_found_and_named(folder):
    with FlightRecorder(folder, trader="T-1") as recorder:
        for ts in range(1, 2_000):
            quote(recorder, ts, float(ts))
    (path,) = folder.glob("*/quotes-*.parquet")
    whole = path.read_bytes()
    found = []
    for place in range(4, len(whole), len(whole) // 25):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            table = Recording(folder).table("quotes")
        except BadData as error:
            found.append(error.value)
        else:
            # Of what tells of the rows, not of the rows themselves.
            assert seconds(table) == list(range(1, 2_000))
    assert len(found) > 15
    assert set(found) == {str(path)}


def test_a_file_that_is_cut_short_is_damaged_and_the_rest_is_read_without_it(folder):
    with FlightRecorder(folder, trader="T-1", rotate_mib=0.001) as recorder:
        for part in range(3):
            for ts in range(100):
                quote(recorder, part * 100 + ts)
            recorder.flush()
    first = min(folder.glob("*/quotes-*.parquet"))
    first.write_bytes(first.read_bytes()[:-20])
    with pytest.raises(BadData, match="as it was sealed"):
        Recording(folder).coverage()
    first.unlink()
    assert Recording(folder).table("quotes").num_rows == 200


def test_messages_of_a_newer_version_are_counted_and_the_rest_is_read(folder, teller):
    with FlightRecorder(folder, trader="T-1") as recorder:
        recorder.envelope(teller.order("O-1", "ACCEPTED", SECOND))
        recorder._tell(
            recorder_tables().DECISIONS, (2 * SECOND, "OrderDreamt", "trading.dream.T-1", b"\x81")
        )
        quote(recorder, 3)
    moment = Recording(folder).at(3 * SECOND)
    assert moment.unreadable == 1
    assert statuses(moment) == {"O-1": "ACCEPTED"}


def recorder_tables():
    from nautilus_lab.platform.recording import _tables

    return _tables


def test_a_quote_that_is_no_number_is_recorded_and_shown_to_nobody(folder):
    with FlightRecorder(folder, trader="T-1") as recorder:
        quote(recorder, 1, 100.0)
        quote(recorder, 2, float("nan"))
    assert bids(Recording(folder).at(2 * SECOND)) == {}
    assert Recording(folder).table("quotes").num_rows == 2


def test_it_is_read_while_the_recorder_seals_file_after_file(folder):
    stop = threading.Event()
    wrong = []

    def read():
        recording = Recording(folder)
        while not stop.is_set():
            try:
                rows = seconds(recording.table("quotes"))
                if rows != sorted(set(rows)):
                    wrong.append(rows)
                recording.at(1 * SECOND)
            except Exception as error:
                wrong.append(error)

    with FlightRecorder(folder, trader="T-1", rotate_mib=0.001, flush_s=0.001) as recorder:
        quote(recorder, 1)
        recorder.flush()
        reader = threading.Thread(target=read)
        reader.start()
        for ts in range(2, 1_000):
            quote(recorder, ts)
            if ts % 50 == 0:
                recorder.flush()
        stop.set()
        reader.join()
    assert wrong == []
    assert Recording(folder).table("quotes").num_rows == 999


def test_a_day_that_is_removed_while_it_is_read_is_one_clear_error(folder):
    with FlightRecorder(folder, trader="T-1") as recorder:
        quote(recorder, 1)
    recording = Recording(folder)
    parts = recording.batches("quotes")
    shutil.rmtree(folder)
    with pytest.raises(DataError):
        list(parts)
