from datetime import UTC, date, time

import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.surveillance import ClosingTrades

DAY = date(2026, 3, 2)
CLOSE = pd.Timestamp("2026-03-02T21:00:00Z")  # New York, winter


def own(*rows, owner="ana", instrument="AAPL"):
    return pd.DataFrame(
        [
            {
                "trade_id": f"T-{n}",
                "client_order_id": f"O-{n}",
                "owner": owner,
                "instrument": instrument,
                "side": side,
                "quantity": float(quantity),
                "price": 101.0,
                "time": CLOSE + pd.Timedelta(seconds=at),
            }
            for n, (at, side, quantity) in enumerate(rows)
        ]
    )


def market(*rows, instrument="AAPL"):
    return pd.DataFrame(
        [
            {
                "instrument": instrument,
                "time": CLOSE + pd.Timedelta(seconds=at),
                "price": float(price),
                "quantity": float(quantity),
            }
            for at, price, quantity in rows
        ]
    )


TAPE = market((-3_600, 100, 5_000), (-300, 100.5, 500), (0, 101, 500))


def test_much_of_a_close_that_went_the_own_way_is_a_pattern_with_its_evidence():
    (found,), lost = ClosingTrades().find(own((-60, "BUY", 200), (-5, "BUY", 200)), TAPE)
    assert lost == ()
    assert (found.kind, found.owner, found.instrument) == ("marking the close", "ana", "AAPL")
    assert found.trade_ids == ("T-0", "T-1")
    assert (found.begin, found.end) == (
        CLOSE - pd.Timedelta("60s"),
        CLOSE - pd.Timedelta("5s"),
    )
    share, move, net = found.figures
    assert (share.value, net.value) == (0.4, 1.0)
    assert move.value == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([(-60, "BUY", 100)], "a tenth of the volume"),
        ([(-60, "SELL", 400)], "against the price"),
        ([(-60, "BUY", 200), (-50, "SELL", 200)], "no net change"),
        ([(-601, "BUY", 400)], "before the last minutes"),
        ([(1, "BUY", 400)], "after the close"),
    ],
)
def test_what_is_no_marking_is_not_found(rows, why):
    assert ClosingTrades().find(own(*rows), TAPE) == ((), ()), why


def test_a_price_that_hardly_moved_is_none():
    tape = market((-3_600, 100, 5_000), (-10, 100.05, 1_000))
    assert ClosingTrades().find(own((-60, "BUY", 400)), tape) == ((), ())


def test_selling_into_a_fall_is_one_too():
    tape = market((-3_600, 100, 5_000), (-10, 99, 1_000))
    ((found,), _) = ClosingTrades().find(own((-60, "SELL", 400)), tape)
    assert found.figures[1].value == pytest.approx(100.0)


@pytest.mark.parametrize(
    "tape",
    [
        TAPE.assign(instrument="MSFT"),
        TAPE[:1],  # nothing in the last minutes
        TAPE[1:],  # nothing before them
        TAPE.assign(time=TAPE["time"] - pd.Timedelta("1D")),
        TAPE.assign(quantity=0.0),
    ],
)
def test_a_day_that_the_market_cannot_tell_is_not_assessed(tape):
    found, (lost,) = ClosingTrades().find(own((-60, "BUY", 400)), tape)
    assert found == ()
    assert lost.what == "AAPL on 2026-03-02"


def test_an_early_close_and_summer_time_are_kept():
    summer = pd.Timedelta(days=120)
    shift = summer - pd.Timedelta("1h")
    fills = own((-60, "BUY", 400))
    fills, tape = (f.assign(time=f["time"] + shift) for f in (fills, TAPE))
    assert len(ClosingTrades().find(fills, tape)[0]) == 1
    early = ClosingTrades(early={DAY: time(13)})
    three_hours = pd.Timedelta("3h")
    fills = own((-60, "BUY", 400))
    assert early.find(fills, TAPE) == ((), ())
    fills, tape = (f.assign(time=f["time"] - three_hours) for f in (fills, TAPE))
    assert len(early.find(fills, tape)[0]) == 1


def test_a_market_smaller_than_its_part_is_refused():
    with pytest.raises(BadData, match="at least what one owner did"):
        ClosingTrades().find(own((-60, "BUY", 1_001)), TAPE)


def test_settings_out_of_bounds_are_refused():
    for wrong in (
        {"minutes": 0.0},
        {"min_share": 1.5},
        {"min_move_bp": float("nan")},
        {"zone": "Mars/Olympus"},
        {"zone": "../etc"},
        {"close": time(16, tzinfo=UTC)},
    ):
        with pytest.raises(InputError):
            ClosingTrades(**wrong)
