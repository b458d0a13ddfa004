"""An alert over a floor is over when the limit is: one that stays open climbs, and may halt."""

import pytest

from nautilus_lab.execution.gate import Adjusting
from nautilus_lab.risk import DynamicLimit, LimitBook
from nautilus_lab.risk.adjustment import AdjustmentBounds, VolatilityRule
from nautilus_lab.risk.limits import Holdings, MaxPositionUnits, Measures
from nautilus_lab.trading.node._floors import Floors

MINUTE = 60
NS = 1_000_000_000


class Stand:
    """A limit that goes to its floor at a volatility of 2, and back by 20 % a minute."""

    def __init__(self):
        limit = MaxPositionUnits(max_units=100)
        rule = DynamicLimit(
            limit=limit,
            rule=VolatilityRule(target=0.2),
            bounds=AdjustmentBounds(floor=0.1, per_minute=0.2, per_day=1.0),
        )
        self.now_s = 1_000
        self.adjusting = Adjusting(LimitBook([limit], dynamic=[rule]))
        self.told = []
        self.floors = Floors(self.adjusting, alert=self.told.append, now_s=lambda: self.now_s)

    def look(self, volatility, minutes=0):
        self.now_s += minutes * MINUTE
        now_ns = self.now_s * NS
        measures = Measures.at(now_ns, volatility=volatility)
        for record in self.adjusting.look(Holdings(positions=(), now_ns=now_ns, measures=measures)):
            self.floors.changed(record)
        self.floors.look()

    @property
    def levels(self):
        return [(alert.level, alert.severity) for alert in self.told]


@pytest.fixture
def stand():
    made = Stand()
    made.look(0.2)
    return made


def test_it_is_told_once_and_is_over_when_the_limit_is_back_at_its_base(stand):
    stand.look(2.0)
    assert stand.levels == [("warn", "warning")]
    for _ in range(4):
        stand.look(0.1, minutes=1)
    assert stand.levels == [("warn", "warning")]
    stand.look(0.1, minutes=1)
    assert stand.levels[1:] == [("ok", "info")]
    assert stand.told[0].rule == stand.told[1].rule
    stand.look(2.0, minutes=1)  # a new matter
    assert stand.levels[2:] == [("warn", "warning")]


def test_arriving_again_and_again_is_one_matter(stand):
    for _ in range(10):
        stand.look(2.0, minutes=1)
        stand.look(0.1, minutes=1)
    assert stand.levels == [("warn", "warning")]


def test_above_its_floor_for_half_an_hour_it_is_over_too(stand):
    stand.look(2.0)
    for _ in range(32):
        stand.look(0.4, minutes=1)
    assert stand.levels == [("warn", "warning"), ("ok", "info")]
    assert stand.told[1].detail == "it stands at 50% of its base"


def test_what_an_earlier_process_told_is_over_when_this_one_sees_it(stand):
    stand.look(2.0)
    later = Floors(stand.adjusting, alert=stand.told.append, now_s=lambda: stand.now_s)
    later.begin()
    stand.floors, stand.told[:] = later, []
    for _ in range(5):
        stand.look(0.1, minutes=1)
    assert stand.levels == [("ok", "info")]
