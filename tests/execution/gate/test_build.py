"""Settings say what a node's gate asks."""

import pytest
from pydantic import ValidationError

from nautilus_lab.config import TradingSettings, VenueSettings
from nautilus_lab.exceptions import ConfigError
from nautilus_lab.execution.gate import build_limits
from nautilus_lab.risk.adjustment import DrawdownRule

ALL = {
    "max_orders_per_second": 20,
    "duplicate_window_s": 1.0,
    "max_quote_age_s": 5.0,
    "price_band_bps": 300.0,
    "max_order_notional": 250_000.0,
    "max_position_units": 10_000.0,
    "max_position_notional": 400_000.0,
    "max_symbol_notional": 500_000.0,
    "max_strategy_notional": 300_000.0,
    "max_gross_exposure": 900_000.0,
    "max_daily_loss": 20_000.0,
    "max_daily_loss_fraction": 0.02,
}


def test_every_limit_becomes_a_check_cheap_ones_first():
    checks = build_limits(TradingSettings(**ALL))
    assert [(check.name, getattr(check, "per", "")) for check in checks] == [
        ("max_message_rate", "account"),
        ("duplicate_order", ""),
        ("stale_quote", ""),
        ("price_collar", ""),
        ("max_order_notional", ""),
        ("self_trade", ""),
        ("max_position_units", "instrument"),
        ("max_position_notional", "instrument"),
        ("max_position_notional", "symbol"),
        ("max_position_notional", "strategy"),
        ("max_gross_exposure", "account"),
        ("margin", ""),
        ("max_daily_loss", "account"),
    ]
    per_second, window, age, band, notional, own, units, *positions, gross, _, loss = checks
    assert per_second.per_second == 20
    assert (window.window_s, age.max_age_s, band.bps) == (1.0, 5.0, 300.0)
    assert notional.max_notional == 250_000
    assert (own.policy, own.reducing) == ("cancel_newest", "cancel_oldest")
    assert units.max_units == 10_000
    assert [one.max_notional for one in positions] == [400_000, 500_000, 300_000]
    assert gross.max_notional == 900_000
    assert (loss.max_loss, loss.max_fraction) == (20_000, 0.02)


def test_a_limit_that_is_off_is_no_check():
    off = dict.fromkeys(ALL) | {"max_order_notional": 1.0}
    checks = build_limits(TradingSettings(**off, check_margin=False, self_trade="off"))
    assert [check.name for check in checks] == ["max_order_notional"]


def test_each_venue_has_its_leverage():
    venues = (VenueSettings(name="ONE", leverage=1.0), VenueSettings(name="TWO", leverage=4.0))
    (margin,) = [c for c in build_limits(TradingSettings(venues=venues)) if c.name == "margin"]
    assert margin.leverage == {"ONE": 1.0, "TWO": 4.0}


@pytest.mark.parametrize("name", ["max_symbol_notional", "max_strategy_notional"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_limit_that_is_no_number_is_refused(name, value):
    with pytest.raises(ValidationError):
        TradingSettings(**{name: value})


def test_a_rule_comes_with_its_limit_behind_those_that_have_a_setting_of_their_own():
    rule = {"rule": "drawdown", "end": 0.2}
    book = build_limits(
        TradingSettings(limits=[{"limit": "max_leverage", "max_times": 2, "adjust": rule}])
    )
    ((place, one),) = book.adjusted.items()
    assert (place, one.key, one.rule) == (len(book) - 1, "max_leverage", DrawdownRule(end=0.2))


def test_a_rule_that_is_none_is_refused_by_name():
    limits = [{"limit": "max_leverage", "max_times": 2, "adjust": {"rule": "mood"}}]
    with pytest.raises(ConfigError, match="rule must be one of volatility, drawdown"):
        build_limits(TradingSettings(limits=limits))
