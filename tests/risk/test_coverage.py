import numpy as np
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark
from nautilus_lab.risk import HistoricalRisk, Proxy, RiskLimitEngine, cover


@pytest.fixture
def young(frame):
    """D is listed after half of the time, and never paid for before."""
    gap = frame.copy()
    gap.loc[gap.index[:1000], "D"] = np.nan
    return gap


BOOK = {"A": 0.6, "B": -0.3, "D": 0.1}


def test_a_symbol_without_history_is_left_out_and_counted_by_gross_weight(young):
    covered = cover(young, BOOK, max_uncovered=0.1)
    assert covered.uncovered == ("D",)
    assert covered.uncovered_share == pytest.approx(0.1)
    assert covered.weights.to_dict() == {"A": 0.6, "B": -0.3}
    assert "D, 10.0% of the gross weights" in covered.notices[0]


def test_above_the_bound_it_is_refused_and_on_it_it_is_not(young):
    with pytest.raises(NotEnoughData, match=r"at most 9\.9% .* got 10\.0%: D"):
        cover(young, BOOK, max_uncovered=0.099)
    quarter = {"A": 0.75, "D": 0.25}
    assert cover(young, quarter, max_uncovered=0.25).uncovered == ("D",)


def test_a_short_position_is_covered_no_better_than_a_long_one(young):
    with pytest.raises(NotEnoughData, match=r"got 40\.0%"):
        cover(young, {"A": 0.6, "D": -0.4}, max_uncovered=0.3)


def test_a_proxy_fills_what_is_missing_and_own_returns_stay(young, frame):
    covered = cover(young, BOOK, proxies={"D": Proxy(symbol="C", beta=1.2)}, max_uncovered=0)
    made = covered.returns["D"].to_numpy()
    assert made[:1000] == pytest.approx(1.2 * frame["C"].to_numpy()[:1000])
    assert (made[1000:] == frame["D"].to_numpy()[1000:]).all()
    assert covered.proxied == ("D",)
    assert "C" not in covered.returns


def test_a_symbol_without_a_column_takes_its_proxy_throughout(frame):
    covered = cover(frame, {"NEW": 1.0}, proxies={"NEW": Proxy(symbol="A")})
    assert (covered.returns["NEW"] == frame["A"]).all()
    assert cover(frame, {"A": 0.99, "NEW": 0.01}).uncovered == ("NEW",)


def test_a_hole_is_bad_data_and_no_short_history(frame):
    hole = frame.copy()
    hole.loc[hole.index[7], "A"] = np.nan
    with pytest.raises(BadData, match="after a symbol's first one; got A at 2000-01-10"):
        cover(hole, {"A": 1.0}, proxies={"A": Proxy(symbol="B")})
    assert cover(hole, {"B": 1.0}).uncovered == ()


def test_a_proxy_must_have_the_history_itself(young):
    with pytest.raises(InputError, match="whole history itself; got D for NEW"):
        cover(young, {"A": 1.0, "NEW": 1.0}, proxies={"NEW": Proxy(symbol="D")})
    with pytest.raises(InputError, match="got GONE for NEW"):
        cover(young, {"A": 1.0, "NEW": 1.0}, proxies={"NEW": Proxy(symbol="GONE")})


def test_a_book_of_nothing_has_nothing_to_measure(frame):
    with pytest.raises(NotEnoughData, match="nothing is held"):
        cover(frame, {"A": 0.0})


@pytest.mark.parametrize("bound", [-0.1, 1.0, float("nan")])
def test_a_bound_that_is_none_is_refused(frame, bound):
    with pytest.raises(InputError, match="max_uncovered must lie in"):
        cover(frame, {"A": 1.0}, max_uncovered=bound)


def test_numbers_that_are_none_are_refused(frame):
    with pytest.raises(InputError, match="weights must be finite; got A"):
        cover(frame, {"A": float("nan")})
    with pytest.raises(InputError, match="beta must be finite"):
        Proxy(symbol="A", beta=float("inf"))


def test_the_engine_measures_what_is_covered_and_says_what_is_not(young):
    engine = RiskLimitEngine(model=HistoricalRisk(), max_uncovered=0.15)
    report = engine.measure(young, BOOK, proxies={})
    assert report.uncovered_share == pytest.approx(0.1)
    assert "Not measured, for want of a history: D" in report.tear_sheet().text
    expected = HistoricalRisk().measure(young[["A", "B"]], {"A": 0.6, "B": -0.3})
    assert report.expected_shortfall == expected.expected_shortfall


def test_the_engine_refuses_above_its_bound_and_without_being_asked_to_cover(young):
    with pytest.raises(NotEnoughData, match=r"at most 5\.0%"):
        RiskLimitEngine().measure(young, BOOK, proxies={})
    with pytest.raises(BadData, match="D at 2000-01-03"):
        RiskLimitEngine().measure(young, BOOK)
    with pytest.raises(InputError, match="max_uncovered"):
        RiskLimitEngine(max_uncovered=1.0)


def test_where_the_returns_came_from_is_kept(young):
    marked = mark(young, Provenance(notices=(SURVIVORS_ONLY,)))
    report = RiskLimitEngine().measure(marked, BOOK, proxies={"D": Proxy(symbol="C")})
    assert report.provenance.notices == (SURVIVORS_ONLY,)
