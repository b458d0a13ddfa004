"""What was measured, read by a node: of which positions it is true, and for how long."""

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.trading import Measurement

NS = 1_000_000_000
MADE = Measurement(
    as_of_ns=100 * NS,
    market_ns=0,
    held={"AAPL.PAPER": 10.0},
    values={"value_at_risk": 5.0, "volume:AAPL": 7.0},
    missing={"volume:JPM": "the catalog has no volumes of it"},
)


def read(held, at_s):
    found = MADE.measures(held, now_ns=at_s * NS, grace_s=10)
    return {name: one.value for name, one in found.values.items()}, dict(found.missing)


def test_it_holds_for_the_positions_that_were_measured():
    values, missing = read({"AAPL.PAPER": 10.0}, 1_000)
    assert values == MADE.values
    assert missing == MADE.missing


def test_of_other_positions_it_holds_for_the_grace_and_then_says_which():
    assert read({"AAPL.PAPER": 11.0}, 110)[0] == MADE.values
    values, missing = read({"AAPL.PAPER": 11.0, "JPM.PAPER": 1.0}, 111)
    assert values == {"volume:AAPL": 7.0}  # which is of no position
    assert missing["value_at_risk"] == (
        "since it was made positions changed: AAPL.PAPER, JPM.PAPER"
    )


def test_a_measurement_of_the_future_is_none_of_other_positions():
    assert "value_at_risk" not in read({}, 99)[0]


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
