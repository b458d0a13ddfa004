"""The gate's sums, kept order by order, are those of a snapshot added up anew.

And a limit finds of an order at the gate what it finds of the same order in a notebook.
"""

import math

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nautilus_lab.execution.gate import Proposal
from nautilus_lab.risk.limits import (
    EnoughMargin,
    LimitBook,
    MaxConcentration,
    MaxDaysToLiquidate,
    MaxGrossExposure,
    MaxHerfindahl,
    MaxInstruments,
    MaxLeverage,
    MaxNetExposure,
    MaxOrderNotional,
    MaxOrderQuantity,
    MaxParticipation,
    MaxPositionNotional,
    MaxPositionUnits,
    Measures,
    Order,
)
from nautilus_lab.risk.limits._asking import HeldNow
from tests.execution.gate.stand import AAPL, CASH, Stand, equity

MSFT, ELSEWHERE = equity("MSFT"), equity("AAPL", "OTHER")
STOCKS = (AAPL, MSFT, ELSEWHERE)
SECTORS = {"AAPL": "tech", "MSFT": "tech"}
BETAS = {"AAPL": 1.5, "MSFT": -0.5}
BOOK = LimitBook(
    [
        MaxOrderQuantity(max_units=1e9),
        MaxOrderNotional(max_notional=1e12),
        MaxParticipation(max_fraction=1e9),
        MaxPositionUnits(max_units=1e9),
        MaxPositionUnits(max_units=1e9, per="symbol"),
        MaxPositionUnits(max_units=1e9, per="strategy"),
        MaxPositionNotional(max_notional=1e12),
        MaxDaysToLiquidate(max_days=1e9),
        MaxGrossExposure(max_notional=1e12),
        MaxGrossExposure(max_notional=1e12, per="strategy"),
        MaxNetExposure(max_notional=1e12),
        MaxNetExposure(max_notional=1e12, betas=BETAS),
        MaxNetExposure(max_notional=1e12, per="strategy"),
        MaxLeverage(max_times=1e9),
        MaxConcentration(max_fraction=1e9),
        MaxConcentration(max_fraction=1e9, groups=SECTORS),
        MaxHerfindahl(max_index=1e9),
        MaxInstruments(most=99),
        MaxInstruments(most=99, per="strategy"),
        EnoughMargin(leverage={"PAPER": 50.0, "OTHER": 50.0}),
    ]
)
VOLUMES = Measures.at(0, volume={"AAPL": 1e4, "MSFT": 1e3})
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["market", "limit", "cancel", "quote"]),
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(-40, 40).filter(bool),
    ),
    min_size=1,
    max_size=12,
)


def step(stand, what, hand, at, units):
    on = STOCKS[at]
    if what == "market":
        stand.do(lambda s: s.market(units, on=on), hand=hand)
    elif what == "limit":
        price = "90.00" if units > 0 else "110.00"
        stand.do(lambda s: s.limit(units, price, on=on), hand=hand)
    elif what == "cancel":
        stand.do(lambda s: s.cancel_all_orders(on.id), hand=hand)
    else:
        middle = 100 + units / 10
        stand.quote(f"{middle:.2f}", f"{middle:.2f}", on=on)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(0, 2), st.integers(-60, 60).filter(bool))
def test_the_gate_finds_what_a_notebook_finds(steps, at, units):
    with Stand(*BOOK.blocking, instruments=STOCKS, hands=2) as stand:
        for stock in STOCKS:
            stand.quote("100.00", "100.00", on=stock)
        stand.book.measures = VOLUMES
        for what, hand, on, size in steps:
            step(stand, what, hand, on, size)
        stand.do(lambda s: s.market(1, on=STOCKS[at]), hand=0)  # its line is in the book
        assert stand.denials == []
        book, now, name_ = stand.book, stand.now, STOCKS[at].id.value
        held = book.holdings(now)
        # A snapshot has what is held or works, and a notebook asks about no other.
        assume(any(one.instrument == name_ for one in held.positions))
        pure = HeldNow(held)
        for limit in BOOK:
            limit.prepare(pure)
        label = BOOK.limits[11]._label
        for mine, theirs in (
            (book.total, pure.total),
            (book.sums_of("Hand-001"), pure.sums_of("Hand-001")),
            (book.grouped(BOOK.limits[15]._label, name_),
             pure.grouped(BOOK.limits[15]._label, name_)),
        ):  # fmt: skip
            for name in ("gross", "long", "short", "squares", "count"):
                assert getattr(mine, name) == pytest.approx(getattr(theirs, name), abs=1e-4), name
        for name in ("long", "short"):
            assert getattr(book.grouped(label, name_), name) == pytest.approx(
                getattr(pure.grouped(label, name_), name), abs=1e-4
            )
        assert book.equity == pytest.approx(math.fsum(held.equity.values()))
        order = stand.hands[0].market(units, on=STOCKS[at], send=False)
        proposal = Proposal(order, None, book, stand.cache, now)
        asked = Order(
            instrument=STOCKS[at].id.value, units=float(units), strategy=stand.hands[0].id.value
        )
        found = [
            limit.judge(proposal, book)
            for limit in BOOK.blocking
            if proposal.increases or not limit.exposure
        ]
        for at_gate, in_notebook in zip(found, BOOK.ask(asked, held), strict=True):
            assert (at_gate.limit, at_gate.scope) == (in_notebook.limit, in_notebook.scope)
            assert at_gate.value == pytest.approx(in_notebook.value, rel=1e-9, abs=1e-9)
            assert at_gate.bound == pytest.approx(in_notebook.bound)
            assert at_gate.passed is in_notebook.passed


def test_sums_forget_nothing_over_ten_thousand_changes():
    with Stand(*BOOK.blocking, instruments=STOCKS) as stand:
        for stock in STOCKS:
            stand.quote("100.00", "100.00", on=stock)
        stand.book.measures = VOLUMES
        stand.do(lambda s: [s.market(30), s.market(-20, on=MSFT), s.market(7, on=ELSEWHERE)])
        book = stand.book
        found = book.instruments["AAPL.PAPER"]
        for n in range(10_000):
            found.mark = 100 + (n % 977) / 7
            book._value(found)
        held = book.holdings(stand.now)
        assert book.total.gross == pytest.approx(held.total.gross, rel=1e-12)
        assert book.total.squares == pytest.approx(held.total.squares, rel=1e-12)
        assert book.equity == pytest.approx(2 * CASH + 30 * (found.mark - 100), rel=1e-12)
