"""Tables of target weights: whole, dated, hashed; what is not is refused and nothing is lost."""

import json
import math

import msgspec
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.trading._targets import TargetBook, TargetTable, as_targets, target_table

DAY = 86_400 * 10**9
NOW = 20_000 * DAY
SYMBOLS = ("AAPL", "MSFT", "XOM")


def a_table(weights=None, **more):
    weights = {"AAPL": 0.5, "MSFT": 0.3} if weights is None else weights
    return target_table(
        weights,
        **{
            "universe": tuple(weights),
            "as_of_ns": NOW,
            "valid_until_ns": NOW + 5 * DAY,
            "now_ns": NOW,
            **more,
        },
    )


# --- weights ----------------------------------------------------------------------------------


def test_a_series_that_names_a_symbol_twice_is_refused():
    twice = pd.Series([0.4, 0.2], ["AAPL", "AAPL"])
    with pytest.raises(InputError, match="one target weight"):
        as_targets(twice, name="t", now_ns=0)
    once = as_targets(twice.groupby(level=0).sum(), name="t", now_ns=0)
    assert once.weights == pytest.approx({"AAPL": 0.6})


@pytest.mark.parametrize(
    ("weights", "rule"),
    [
        ({}, "at least one symbol"),
        ({"AAPL": -0.1}, "fraction from 0 to 1"),
        ({"AAPL": 1.1}, "fraction from 0 to 1"),
        ({"AAPL": math.nan}, "fraction from 0 to 1"),
        ({"AAPL": math.inf}, "fraction from 0 to 1"),
        ({"AAPL": -math.inf}, "fraction from 0 to 1"),
        ({"AAPL": 0.7, "MSFT": 0.7}, "sum to at most 1"),
        ({"AAPL": "much"}, "map symbols to fractions"),
        ({"AAPL": None}, "map symbols to fractions"),
        ([0.5], "map symbols to fractions"),
        (None, "map symbols to fractions"),
    ],
)
def test_weights_that_are_none_are_refused(weights, rule):
    with pytest.raises(InputError, match=rule):
        as_targets(weights, name="t", now_ns=NOW)


def test_the_dust_that_optimisers_leave_is_nothing():
    made = as_targets({"AAPL": 1.0, "MSFT": -1e-9, "XOM": 9e-7}, name="t", now_ns=NOW)
    assert made.weights == {"AAPL": 1.0, "MSFT": 0.0, "XOM": 0.0}
    # What is no dust is not taken for it.
    with pytest.raises(InputError, match="fraction from 0 to 1"):
        as_targets({"AAPL": 0.5, "MSFT": -1e-5}, name="t", now_ns=NOW)


def test_thirds_that_add_up_to_a_little_more_than_one_are_taken():
    as_targets({"AAPL": 1 / 3, "MSFT": 1 / 3, "XOM": 1 / 3 + 1e-10}, name="t", now_ns=NOW)


def test_there_is_an_end_to_the_symbols_of_a_table():
    with pytest.raises(InputError, match="at most 10000 symbols"):
        as_targets({f"S{n}": 0.0 for n in range(10_001)}, name="t", now_ns=NOW)


# --- the table --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"universe": ("AAPL",)}, "must cover its universe"),
        ({"universe": SYMBOLS}, "must cover its universe"),
        ({"universe": ()}, "each once"),
        ({"universe": ("AAPL", "AAPL", "MSFT")}, "each once"),
        ({"as_of_ns": 0}, "valid after the data"),
        ({"valid_until_ns": NOW}, "valid after the data"),
        ({"valid_until_ns": 0}, "valid after the data"),
    ],
)
def test_a_table_that_is_partial_or_undated_cannot_be_made(more, rule):
    with pytest.raises(InputError, match=rule):
        a_table(**more)


CHANGES = {
    "weights": {"AAPL": 0.5, "MSFT": 0.3000000001},
    "name": "other",
    "made_ns": 7,
    "universe": ("MSFT", "AAPL"),
    "as_of_ns": NOW - 1,
    "valid_until_ns": NOW + 9 * DAY,
    "run_id": "r",
    "notebook": "n",
    "code_version": "c",
    "strategy": "HoldTargets-001",
}


def test_the_hash_covers_every_field():
    assert CHANGES.keys() == set(TargetTable.__struct_fields__) - {"hash"}


@pytest.mark.parametrize("field", CHANGES)
def test_a_table_that_was_changed_on_the_way_is_refused(field):
    changed = msgspec.structs.replace(a_table(), **{field: CHANGES[field]})
    with pytest.raises(InputError, match=r"what was hashed|cover its universe"):
        changed.check()


def test_the_hash_can_be_made_elsewhere_from_what_its_docstring_says():
    import hashlib

    table = a_table()
    facts = json.loads(msgspec.json.encode(table))
    del facts["hash"]
    facts["weights"] = {symbol: repr(weight) for symbol, weight in table.weights.items()}
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == table.hash


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8), st.floats(0, 0.05, allow_nan=False), min_size=1, max_size=9
    )
)
def test_a_table_that_was_written_is_read_as_the_same(weights):
    table = as_targets(weights, name="t", now_ns=NOW)
    again = msgspec.json.decode(msgspec.json.encode(table), type=TargetTable)
    assert again == table
    assert again.check().hash == table.hash


def test_the_order_of_symbols_makes_no_other_table():
    one = a_table({"AAPL": 0.5, "MSFT": 0.3})
    other = a_table({"MSFT": 0.3, "AAPL": 0.5})
    assert one.hash == other.hash


# --- the file ---------------------------------------------------------------------------------


def test_a_table_of_a_time_before_there_were_hashes_is_read_and_sealed(tmp_path):
    path = tmp_path / "targets.json"
    path.write_text('{"weights": {"AAPL": 0.5}, "name": "old", "made_ns": 5}')
    read = TargetTable.read(path)
    assert (read.universe, read.as_of_ns, read.hash) == (("AAPL",), 5, read.digest)
    assert TargetTable.read(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"weights": {"AAPL": 2}}',
        '{"weights": {"AAPL": NaN}}',
        '{"weights": {}}',
        '{"weights": {"AAPL": 0.5}, "hash": "' + "0" * 64 + '"}',
    ],
)
def test_a_file_that_holds_no_table_is_one_error(tmp_path, text):
    path = tmp_path / "targets.json"
    path.write_text(text)
    with pytest.raises(StoreError, match="must be readable"):
        TargetTable.read(path)


# --- the book ---------------------------------------------------------------------------------


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def audited():
    return []


@pytest.fixture
def book(tmp_path, clock, audited):
    def audit(kind, facts, *, actor):
        audited.append((kind, facts, actor))

    return TargetBook(tmp_path / "targets.json", SYMBOLS, audit=audit, now_ns=clock)


def test_what_is_accepted_is_audited_kept_and_found_again(book, audited, tmp_path):
    table = book.accept(a_table(run_id="run-7"), by="ana")
    assert book.current == table
    ((kind, facts, actor),) = audited
    assert (kind, actor, facts["hash"], facts["run"]) == ("targets.set", "ana", table.hash, "run-7")
    again = TargetBook(tmp_path / "targets.json", SYMBOLS, audit=lambda *a, **k: None)
    assert again.current == table


def refused(book, table, rule, tmp_path):
    before = book.current
    kept = (tmp_path / "targets.json").read_bytes() if before else None
    with pytest.raises(InputError, match=rule):
        book.accept(table, by="ana")
    assert book.current is before
    if before:
        assert (tmp_path / "targets.json").read_bytes() == kept


@pytest.mark.parametrize("there_was_one", [False, True])
@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: a_table(as_of_ns=NOW - 8 * DAY), "at most 7 days old"),
        (lambda: a_table(as_of_ns=NOW + 3 * 10**9), "of the future"),
        (lambda: a_table(now_ns=NOW + 3 * 10**9), "of the future"),
        (
            lambda: a_table(as_of_ns=NOW - 2 * DAY, valid_until_ns=NOW - DAY),
            "must still be valid",
        ),
        (lambda: a_table({"ZZZZ": 0.5}), "trade at the venue"),
        (lambda: msgspec.structs.replace(a_table(), weights={"AAPL": 1.0}), "cover its universe"),
        (lambda: msgspec.structs.replace(a_table(), name="x"), "what was hashed"),
        (lambda: TargetTable(weights={"AAPL": math.nan}, made_ns=NOW), "fraction from 0 to 1"),
    ],
)
def test_what_is_stale_partial_changed_or_of_the_future_is_refused(
    book, tmp_path, make, rule, there_was_one
):
    if there_was_one:
        book.accept(a_table({"XOM": 0.1}, as_of_ns=NOW - 6 * DAY, now_ns=NOW - 6 * DAY), by="ana")
    refused(book, make(), rule, tmp_path)


def test_a_hashed_table_must_say_as_of_when_it_is(book, tmp_path):
    undated = TargetTable(weights={"AAPL": 0.5}, made_ns=NOW)
    undated = msgspec.structs.replace(undated, hash=undated.digest)
    refused(book, undated, "must say its universe", tmp_path)


def test_an_older_table_never_takes_the_place_of_a_newer_one(book, tmp_path):
    book.accept(a_table(as_of_ns=NOW - DAY), by="ana")
    refused(book, a_table({"XOM": 0.2}, as_of_ns=NOW - 2 * DAY), "not be older", tmp_path)
    # Of the same data, the one that was made last counts.
    refused(
        book,
        a_table({"XOM": 0.2}, as_of_ns=NOW - DAY, now_ns=NOW - 1),
        "not be older",
        tmp_path,
    )
    assert book.accept(a_table({"XOM": 0.2}, as_of_ns=NOW - DAY, now_ns=NOW + 1), by="ana")


def test_the_same_table_may_come_twice(book):
    table = book.accept(a_table(), by="ana")
    assert book.accept(table, by="ana") == table


def test_a_clock_that_is_a_little_ahead_is_forgiven(book):
    assert book.accept(a_table(as_of_ns=NOW + 10**9, now_ns=NOW + 10**9), by="ana")


def test_a_table_runs_out_at_its_instant(clock):
    table = a_table(valid_until_ns=NOW + 10)
    assert not table.run_out(NOW + 9)
    assert table.run_out(NOW + 10)
    assert not as_targets({"AAPL": 0.5}, name="t", now_ns=NOW).run_out(NOW + 10_000 * DAY)


def test_what_cannot_be_audited_is_not_traded(tmp_path, clock):
    def full(kind, facts, *, actor):
        raise StoreError("the disk is full")

    book = TargetBook(tmp_path / "targets.json", SYMBOLS, audit=full, now_ns=clock)
    with pytest.raises(StoreError, match="disk is full"):
        book.accept(a_table(), by="ana")
    assert book.current is None
    assert not (tmp_path / "targets.json").exists()


def test_what_cannot_be_written_is_not_traded(tmp_path, clock, audited):
    book = TargetBook(
        tmp_path / "gone" / "targets.json",
        SYMBOLS,
        audit=lambda kind, facts, *, actor: audited.append(kind),
        now_ns=clock,
    )
    with pytest.raises(StoreError):
        book.accept(a_table(), by="ana")
    assert book.current is None


@pytest.mark.parametrize("days", [0, -1, math.nan, math.inf])
def test_the_age_of_tables_has_a_limit(tmp_path, days):
    with pytest.raises(InputError, match="limited to some days"):
        TargetBook(tmp_path / "t", SYMBOLS, audit=lambda *a, **k: None, max_age_days=days)


def test_a_kept_table_of_symbols_that_are_gone_is_refused(tmp_path):
    a_table({"ZZZZ": 0.5}).write(tmp_path / "targets.json")
    with pytest.raises(InputError, match="trade at the venue"):
        TargetBook(tmp_path / "targets.json", SYMBOLS, audit=lambda *a, **k: None)
