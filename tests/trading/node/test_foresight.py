"""What a node warns of before it happens: once, not while it begins, and not when told not to."""

import math
import random

import pytest

from nautilus_lab.config import EarlyWarningSettings
from nautilus_lab.risk.limits import LimitReport, LimitUtilisation
from nautilus_lab.trading.node._foresight import Foresight

SECOND = 1_000_000_000
LATE = 1_000 * SECOND


def used(utilisation, limit="max_leverage"):
    row = LimitUtilisation(
        limit=limit, scope="account", value=utilisation, limit_value=1.0,
        utilisation=utilisation, level="ok",
    )  # fmt: skip
    return LimitReport(rows=(row,))


def rise(foresight, begins_ns, *, looks=30, to=0.9):
    told = []
    for look in range(looks):
        at = 0.3 + (to - 0.3) * look / looks
        told += foresight.look(used(at), begins_ns + look * 5 * SECOND)
    return told


def quiet(**more):
    return EarlyWarningSettings(warm_up_s=0, **more)


def test_a_limit_that_is_about_to_be_exceeded_is_warned_of_once():
    foresight = Foresight(quiet())
    (alert,) = rise(foresight, 0)
    assert (alert.severity, alert.component) == ("warning", "risk")
    assert alert.rule == "max_leverage must hold for the next 300 s"
    assert alert.detail.startswith("max_leverage of account is used by ")
    left = foresight.eta_s("max_leverage", "account")
    # a straight line by 0.6 within 150 s, from 0.88
    assert left == pytest.approx(0.12 / 0.004, rel=0.05)
    assert foresight.eta_s("max_leverage", "nobody") is None


def test_a_book_that_is_built_up_as_the_node_begins_is_not():
    assert rise(Foresight(), 0) == []


def test_and_later_it_is():
    foresight = Foresight()
    list(foresight.look(used(0.1), 0))
    assert len(rise(foresight, LATE)) == 1


def test_what_goes_to_and_fro_is_not_told_of_again_for_half_an_hour():
    foresight, told = Foresight(quiet()), []
    for time in range(20):
        told += rise(foresight, time * 200 * SECOND)
        told += foresight.look(used(0.1), (time * 200 + 190) * SECOND)
    assert len(told) == 3  # within 4 000 s


def test_utilisation_that_wanders_far_from_its_limit_warns_of_nothing():
    random_ = random.Random(7)
    foresight, told, at = Foresight(quiet()), [], 0.5
    for look in range(2_000):
        at = min(0.65, max(0.35, at + random_.gauss(0, 0.002)))
        told += foresight.look(used(at), look * 5 * SECOND)
    assert told == []


@pytest.mark.parametrize("utilisation", [0.2, 1.3, math.nan, math.inf])
def test_far_from_it_over_it_or_not_known_there_is_no_time_to_a_breach(utilisation):
    foresight = Foresight(quiet())
    for look in range(20):
        list(foresight.look(used(utilisation), look * 5 * SECOND))
    assert foresight.eta_s("max_leverage", "account") is None


@pytest.mark.parametrize(("step", "is_told"), [(1e-4, True), (1e-6, False)])
def test_a_breach_is_foreseen_hours_and_not_weeks_ahead(step, is_told):
    foresight = Foresight(quiet())
    for look in range(60):
        list(foresight.look(used(0.6 + look * step), look * 5 * SECOND))
    left = foresight.eta_s("max_leverage", "account")  # 0.4, at a step each 5 s
    assert left == (pytest.approx(0.4 / step * 5, rel=0.05) if is_told else None)


def test_it_can_be_turned_off():
    foresight = Foresight(EarlyWarningSettings(enabled=False, warm_up_s=0))
    assert rise(foresight, 0) == []
    assert foresight.eta_s("max_leverage", "account") is None
    assert burst(foresight) == []


# --- patterns -----------------------------------------------------------------------------


def stream(foresight, begins, orders, equity, looks):
    """Sample each ten seconds; `orders` and `equity` say how many left, and what there is."""
    told = []
    for look in range(begins, begins + looks):
        for _ in range(orders(look)):
            foresight.count_order()
        told += foresight.sample(equity(look), LATE + look * 10 * SECOND)
    return told


def flat(look):
    return 1e6


def burst(foresight):
    told = stream(foresight, 0, lambda look: look % 3, flat, 300)
    return told + stream(foresight, 300, lambda look: 100, flat, 100)


def test_a_burst_of_orders_is_told_of_once_while_it_lasts():
    (alert,) = burst(Foresight())
    assert (alert.severity, alert.rule) == ("warning", "orders should be as usual")
    assert alert.detail.startswith("100 within 10 s: ")


def test_a_second_burst_after_quiet_is_told_of_again():
    foresight = Foresight()
    assert len(burst(foresight)) == 1
    assert stream(foresight, 400, lambda look: 1, flat, 200) == []
    assert len(stream(foresight, 600, lambda look: 100, flat, 5)) == 1


def test_the_first_orders_of_a_quiet_desk_are_not_unusual():
    foresight = Foresight()
    told = stream(foresight, 0, lambda look: 0, flat, 300)
    told += stream(foresight, 300, lambda look: 3 * (look % 4 == 0), flat, 100)
    assert told == []


def test_denials_are_watched_apart_from_orders():
    foresight = Foresight()
    stream(foresight, 0, lambda look: 1, flat, 300)
    for _ in range(60):
        foresight.count_refusal()
    (alert,) = foresight.sample(1e6, LATE + 3_000 * SECOND)
    assert alert.rule == "denials and rejections should be as usual"


def test_a_jump_of_equity_is_told_of_and_its_noise_is_not():
    random_, made = random.Random(3), [1e6]
    for _ in range(400):
        made.append(made[-1] * (1 + random_.gauss(0, 2e-4)))
    foresight = Foresight()
    assert stream(foresight, 0, lambda look: 1, lambda look: made[look], 400) == []
    (alert,) = foresight.sample(made[400] * 0.97, LATE + 4_000 * SECOND)
    assert alert.rule == "profit and loss should be as usual"


def test_an_equity_that_is_not_known_is_no_jump():
    foresight = Foresight()
    told = stream(foresight, 0, lambda look: 1, flat, 300)
    told += stream(foresight, 300, lambda look: 1, lambda look: math.nan, 5)
    told += stream(foresight, 305, lambda look: 1, flat, 5)
    assert told == []


def test_a_pause_is_no_burst():
    foresight = Foresight()
    stream(foresight, 0, lambda look: 1, flat, 300)
    for _ in range(200):
        foresight.count_order()
    assert list(foresight.sample(1e6, LATE + 90_000 * SECOND)) == []


def test_a_day_of_usual_orders_and_one_that_opens_raise_no_alarm():
    random_, foresight = random.Random(11), Foresight()
    shares = [0.0] * 1_000 + [0.05] * 4_000 + [0.15] * 1_000 + [0.01] * 2_640
    counts = [sum(random_.random() < share for _ in range(40)) for share in shares]
    assert stream(foresight, 0, counts.__getitem__, flat, len(counts)) == []
