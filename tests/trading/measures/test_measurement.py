"""What was measured, read by a node: of which positions it is true, and for how long."""

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.trading import Measurement

MADE = Measurement(
    as_of_ns=100,
    market_ns=0,
    held={"AAPL.PAPER": 10.0},
    values={"value_at_risk": 5.0, "volume:AAPL": 7.0},
    missing={"volume:JPM": "the catalog has no volumes of it"},
)


def test_it_says_which_positions_moved():
    assert MADE.moved({"AAPL.PAPER": 10.0}) == []
    assert MADE.moved({"AAPL.PAPER": 11.0, "JPM.PAPER": 1.0}) == ["AAPL.PAPER", "JPM.PAPER"]
    assert MADE.moved({}) == ["AAPL.PAPER"]
    assert MADE.moved({"AAPL.PAPER": float("nan")}) == ["AAPL.PAPER"]


def test_what_is_of_the_account_is_none_once_positions_moved():
    whole = MADE.measures()
    assert {name: one.value for name, one in whole.values.items()} == MADE.values
    assert whole.missing == MADE.missing
    left = MADE.measures(moved=["AAPL.PAPER", "JPM.PAPER"])
    assert set(left.values) == {"volume:AAPL"}  # which is of no position
    assert left.missing["value_at_risk"] == (
        "since it was made positions changed: AAPL.PAPER, JPM.PAPER"
    )


def test_it_comes_back_from_its_file(tmp_path):
    MADE.write(tmp_path / "m.json")
    assert Measurement.read(tmp_path / "m.json") == MADE
    assert Measurement.read(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"as_of_ns": 1, "market_ns": 1, "values": {"mood": 1}}',
     '{"as_of_ns": 1, "market_ns": 1, "values": {"delta": NaN}}',
     '{"as_of_ns": 1, "market_ns": 1, "missing": {"mood": "?"}}',
     '{"as_of_ns": 1, "market_ns": 1, "more": 1}'],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path, text):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(StoreError, match="what was measured must be readable"):
        Measurement.read(tmp_path / "m.json")


def test_a_measure_that_is_not_finite_is_not_written(tmp_path):
    bad = Measurement(as_of_ns=1, market_ns=1, values={"delta": float("nan")})
    with pytest.raises(InputError, match="delta"):
        bad.write(tmp_path / "m.json")
    assert not (tmp_path / "m.json").exists()
