import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk import CashFlow, bond_value, level_coupons

FLOWS = level_coupons(face=100, coupon=0.10, years=3)


def test_hulls_bond_of_three_years_has_a_duration_of_2_653():
    # Hull, 9th ed., table 4.6: 10 % semi-annual, 12 % continuously compounded
    bond = bond_value(FLOWS, bond_yield=0.12, compounding="continuous")
    assert bond.price == pytest.approx(94.213, abs=0.0005)
    assert bond.macaulay_duration == pytest.approx(2.653, abs=0.0005)
    # His check: a rise by 10 basis points costs 0.250.
    assert 10 * bond.dv01 == pytest.approx(0.250, abs=0.0005)
    assert bond.modified_duration == bond.macaulay_duration


def test_hulls_modified_duration_with_semi_annual_compounding():
    # The same bond at 12.3673 % semi-annually: 2.499
    bond = bond_value(FLOWS, bond_yield=0.123673, compounding=2)
    assert bond.price == pytest.approx(94.213, abs=0.0005)
    assert bond.modified_duration == pytest.approx(2.499, abs=0.0005)


def test_a_bond_whose_coupon_is_its_yield_is_worth_its_face():
    assert bond_value(FLOWS, bond_yield=0.10).price == pytest.approx(100.0, abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(
    coupon=st.floats(0, 0.15),
    years=st.floats(0.1, 30),
    bond_yield=st.floats(-0.02, 0.2),
    compounding=st.sampled_from([1, 2, 4, 12, "continuous"]),
)
def test_dv01_and_convexity_are_the_slopes_of_the_price(coupon, years, bond_yield, compounding):
    flows = level_coupons(face=100, coupon=coupon, years=years)

    def price(at):
        return bond_value(flows, bond_yield=at, compounding=compounding).price

    bond = bond_value(flows, bond_yield=bond_yield, compounding=compounding)
    step = 1e-4
    up, down = price(bond_yield + step), price(bond_yield - step)
    assert bond.dv01 == pytest.approx((down - up) / 2, rel=1e-4)
    bent = (up - 2 * bond.price + down) / step**2 / bond.price
    assert bond.convexity == pytest.approx(bent, rel=1e-3, abs=1e-3)


def test_what_is_owed_has_the_opposite_dv01():
    owed = [CashFlow(years=flow.years, amount=-flow.amount) for flow in FLOWS]
    assert bond_value(owed, bond_yield=0.1).dv01 == -bond_value(FLOWS, bond_yield=0.1).dv01


@pytest.mark.parametrize(("years", "count"), [(3, 6), (0.5, 1), (2.9999999999, 6), (0.1, 1)])
def test_coupons_are_counted_back_from_the_end(years, count):
    flows = level_coupons(face=100, coupon=0.05, years=years)
    assert len(flows) == count
    assert flows[-1].years == years
    assert all(flow.years > 0 for flow in flows)
    assert sum(flow.amount for flow in flows) == pytest.approx(100 + 2.5 * count)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: bond_value([], bond_yield=0.1), "worth something together"),
        (lambda: bond_value(FLOWS, bond_yield=float("nan")), "a yield must be finite"),
        (lambda: bond_value(FLOWS, bond_yield=-2.0), "leave something"),
        (lambda: bond_value(FLOWS, bond_yield=0.1, compounding=0), "times a year"),
        (lambda: bond_value(FLOWS, bond_yield=0.1, compounding=2.5), "times a year"),
        (lambda: bond_value([CashFlow(years=0, amount=1)], bond_yield=0.1), "a time to come"),
        (
            lambda: bond_value([CashFlow(years=1, amount=float("nan"))], bond_yield=0.1),
            "finite amount",
        ),
        (lambda: level_coupons(face=0, coupon=0.1, years=1), "a positive face"),
        (lambda: level_coupons(face=100, coupon=float("nan"), years=1), "a coupon of at least 0"),
        (lambda: level_coupons(face=100, coupon=0.1, years=1, frequency=0), "at least 1 a year"),
    ],
)
def test_bonds_that_cannot_be_are_refused(call, rule):
    with pytest.raises(InputError, match=rule):
        call()
