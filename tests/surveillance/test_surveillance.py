"""All searches together, and how often honest flow looks like a pattern."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.provenance import Provenance, mark
from nautilus_lab.surveillance import ClosingTrades, LayeredOrders, Surveillance, WashTrades

LAYERS = [(after, 31 + after, "SELL", 500, 0, True) for after in (0, 1, 2)]


def test_a_day_with_two_patterns_names_both_and_what_it_could_not_see(orders, fills):
    traded = fills((30, "BUY", 100, 50), (30.5, "SELL", 100, 50))
    report = Surveillance().review(orders(*LAYERS), traded)
    assert [one.kind for one in report.patterns] == ["layering", "wash"]
    assert [one.kind for one in report.not_assessed] == ["marking the close"]
    assert (report.n_orders, report.n_fills) == (3, 2)
    assert "2 patterns to review" in repr(report)
    assert list(report.frame["kind"]) == ["layering", "wash"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.patterns[0].note = ""


def test_no_word_of_it_accuses(orders, fills):
    traded = fills((30, "BUY", 100, 50), (30.5, "SELL", 100, 50))
    sheet = Surveillance().review(orders(*LAYERS), traded).tear_sheet()
    for word in ("manipulat", "abuse", "fraud", "illegal", "violat", "guilty", "offence", "spoof"):
        assert word not in sheet.text.lower()
    assert "to review" in sheet.text


def test_nothing_at_all_is_no_error_and_no_pattern(orders, fills):
    report = Surveillance().review(orders(), fills())
    assert (report.patterns, report.n_orders, report.n_fills) == ((), 0, 0)
    market = pd.DataFrame(columns=["instrument", "time", "price", "quantity"])
    assert Surveillance().review(orders(), fills(), market).not_assessed == ()


def test_what_was_simulated_is_said(orders, fills):
    made = mark(fills((30, "BUY", 100, 50)), Provenance(simulated=True))
    assert "SIMULATED" in Surveillance().review(orders(*LAYERS), made).tear_sheet().text


def test_input_frames_are_left_as_they_were(orders, fills):
    book, traded = orders(*LAYERS), fills((30, "BUY", 100, 50))
    before = book.copy(), traded.copy()
    Surveillance().review(book, traded)
    pd.testing.assert_frame_equal(book, before[0])
    pd.testing.assert_frame_equal(traded, before[1])


def counted(days, honest, **flow):
    """Wash patterns, layering patterns, days with either, and fills, in so many honest days."""
    wash = layering = with_any = n_fills = 0
    for seed in range(days):
        book, traded = honest(seed, **flow)
        found = len(WashTrades().find(traded)), len(LayeredOrders().find(book, traded))
        wash, layering = wash + found[0], layering + found[1]
        with_any, n_fills = with_any + any(found), n_fills + len(traded)
    return wash, layering, with_any, n_fills


# docs/concepts/reports.md states these figures.
def test_honest_random_flow_is_taken_for_a_pattern_on_one_day_in_forty(honest):
    assert counted(200, honest) == (5, 0, 5, 31_866)


def test_ten_times_as_dense_it_is_on_every_day(honest):
    assert counted(10, honest, orders=4_000) == (16, 21, 10, 16_052)


def test_who_is_much_of_a_close_is_taken_for_one_that_marks_it_on_a_third_of_days():
    """A quarter of the volume in a random direction, and a price that walks by 1.5 % a day."""
    rng = np.random.default_rng(1)
    found = 0
    for day in pd.bdate_range("2022-01-03", periods=500, tz="America/New_York"):
        minutes = day + pd.Timedelta(hours=15, minutes=30) + pd.to_timedelta(range(31), "min")
        path = 100 * np.exp(np.cumsum(rng.normal(0, 0.015 / np.sqrt(390), 31)))
        tape = pd.DataFrame(
            {"instrument": "AAPL", "time": minutes, "price": path, "quantity": 1_000.0}
        )
        side = "BUY" if rng.random() < 0.5 else "SELL"
        fill = pd.DataFrame(
            {
                "trade_id": ["T-1"],
                "client_order_id": "O-1",
                "owner": "ana",
                "instrument": "AAPL",
                "side": side,
                "quantity": 2_500.0,
                "price": 100.0,
                "time": day + pd.Timedelta(hours=15, minutes=55),
            }
        )
        patterns, lost = ClosingTrades().find(fill, tape)
        assert lost == ()
        found += len(patterns)
    assert found == 155
