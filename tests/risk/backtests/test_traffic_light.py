import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk import desk_eligible, traffic_light

# Basel (1996) table 2: exceptions -> zone, add-on to 3, cumulative %; MAR32 (2019): add-on to 1.5
TABLE = [
    (0, "green", 0.00, 8.11, 0.00),
    (1, "green", 0.00, 28.58, 0.00),
    (2, "green", 0.00, 54.32, 0.00),
    (3, "green", 0.00, 75.81, 0.00),
    (4, "green", 0.00, 89.22, 0.00),
    (5, "yellow", 0.40, 95.88, 0.20),
    (6, "yellow", 0.50, 98.63, 0.26),
    (7, "yellow", 0.65, 99.60, 0.33),
    (8, "yellow", 0.75, 99.89, 0.38),
    (9, "yellow", 0.85, 99.97, 0.42),
    (10, "red", 1.00, 99.99, 0.50),
    (17, "red", 1.00, 100.00, 0.50),
]


@pytest.mark.parametrize(("exceptions", "zone", "old", "percent", "new"), TABLE)
def test_two_hundred_and_fifty_days_are_the_committees_table(exceptions, zone, old, percent, new):
    light = traffic_light(exceptions)
    assert light.zone == zone
    assert light.cumulative * 100 == pytest.approx(percent, abs=0.005)
    assert light.multiplier_1996 == pytest.approx(3 + old, abs=1e-12)
    assert light.multiplier_2019 == pytest.approx(1.5 + new, abs=1e-12)


def test_the_general_rule_finds_the_zones_of_the_table():
    for exceptions, zone, *_ in TABLE:
        # One period less leaves the table's case, and the chances nearly as they are.
        assert traffic_light(exceptions, 249).zone == zone


def test_other_lengths_and_confidences_have_a_zone_and_no_add_on():
    light = traffic_light(12, 250, confidence=0.975)
    assert (light.zone, light.multiplier_1996, light.multiplier_2019) == ("yellow", None, None)


def test_more_exceptions_than_periods_are_refused():
    with pytest.raises(InputError, match="got 5 of 4"):
        traffic_light(5, 4)


@pytest.mark.parametrize(
    ("at_99", "at_97_5", "eligible"),
    [(0, 0, True), (12, 30, True), (13, 30, False), (12, 31, False)],
)
def test_a_desk_may_have_twelve_exceptions_at_99_and_thirty_at_97_5(at_99, at_97_5, eligible):
    assert desk_eligible(at_99, at_97_5) is eligible


@pytest.mark.parametrize(("at_99", "at_97_5"), [(-1, 0), (0, 251), (2.5, 0), (0, float("nan"))])
def test_a_count_that_no_250_days_can_have_is_refused(at_99, at_97_5):
    with pytest.raises(InputError):
        desk_eligible(at_99, at_97_5)
