"""Dynamic limits from settings: the same values, or a message that names the key."""

import math

import pytest

from nautilus_lab.exceptions import ConfigError
from nautilus_lab.risk.adjustment import (
    AdjustmentBounds,
    BreachProbabilityRule,
    DrawdownRule,
    DynamicLimit,
    RegimeRule,
    Tightest,
    VolatilityRule,
    dynamic_of,
    rule_of,
)
from nautilus_lab.risk.limits import MaxGrossExposure, MaxOrderNotional

GROSS = MaxGrossExposure(max_fraction=1.5)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"rule": "volatility", "target": 0.15}, VolatilityRule(target=0.15)),
        ({"rule": "drawdown", "begin": 0.05, "end": 0.1}, DrawdownRule(begin=0.05, end=0.1)),
        ({"rule": "regime", "factors": {"calm": 1}}, RegimeRule(factors={"calm": 1})),
        (
            {"rule": "breach_probability", "forecast": "max_leverage"},
            BreachProbabilityRule(forecast="max_leverage"),
        ),
    ],
)
def test_plain_values_make_the_rule_they_name(given, rule):
    assert rule_of(given) == rule
    assert dynamic_of(GROSS, {"rules": [given]}) == DynamicLimit(limit=GROSS, rule=rule)


def test_several_rules_are_the_tightest_of_them():
    found = dynamic_of(
        GROSS,
        {
            "rules": [{"rule": "volatility", "target": 0.15}, {"rule": "drawdown", "end": 0.2}],
            "floor": 0.5,
            "ceiling": 1.2,
            "key": "gross",
        },
    )
    assert found == DynamicLimit(
        limit=GROSS,
        rule=Tightest((VolatilityRule(target=0.15), DrawdownRule(end=0.2))),
        bounds=AdjustmentBounds(floor=0.5, ceiling=1.2),
        key="gross",
    )


@pytest.mark.parametrize(
    ("limit", "given", "message"),
    [
        (GROSS, {}, "rules"),
        (GROSS, {"rules": "volatility"}, "rules"),
        (GROSS, {"rules": [{"rule": "vol"}]}, "volatility"),
        (GROSS, {"rules": [{"rule": "volatility"}]}, "target"),
        (GROSS, {"rules": [{"rule": "volatility", "aim": 1}]}, "aim"),
        (GROSS, {"rules": [{"rule": "volatility", "target": "x"}]}, "the rule volatility"),
        (GROSS, {"rules": [{"rule": "volatility", "target": math.nan}]}, "positive"),
        (GROSS, {"rules": [{"rule": "regime", "factors": [1]}]}, "the rule regime"),
        (GROSS, {"rules": [{"rule": "regime"}], "ground": 0.5}, "ground"),
        (GROSS, {"rules": [{"rule": "regime"}], "floor": 0}, "floor"),
        (MaxOrderNotional(max_notional=1), {"rules": [{"rule": "regime"}]}, "max_order_notional"),
    ],
)
def test_what_is_no_setting_is_refused_by_name(limit, given, message):
    with pytest.raises(ConfigError, match=message):
        dynamic_of(limit, given)
