"""Whether value at risk kept its promise: exceptions counted, tests, zones."""

from nautilus_lab.risk.backtests._attribution import AttributionTest, attribution_test
from nautilus_lab.risk.backtests._backtest import VarBacktest, backtest_value_at_risk
from nautilus_lab.risk.backtests._coverage_tests import (
    CoverageTest,
    christoffersen_test,
    conditional_coverage_test,
    kupiec_test,
)
from nautilus_lab.risk.backtests._desk import desk_eligible
from nautilus_lab.risk.backtests._rolling import rolling_risk
from nautilus_lab.risk.backtests._traffic_light import TrafficLight, Zone, traffic_light

__all__ = [
    "AttributionTest",
    "CoverageTest",
    "TrafficLight",
    "VarBacktest",
    "Zone",
    "attribution_test",
    "backtest_value_at_risk",
    "christoffersen_test",
    "conditional_coverage_test",
    "desk_eligible",
    "kupiec_test",
    "rolling_risk",
    "traffic_light",
]
