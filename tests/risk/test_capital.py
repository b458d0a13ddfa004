import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.risk import basel_25_style_capital, basel_style_capital, constrained_shortfall

DAYS = pd.date_range("2000-01-03", periods=80, tz="UTC")


def flat(value):
    return pd.Series(float(value), index=DAYS)


def test_quiet_times_are_charged_by_the_average_times_the_multiplier():
    found = basel_style_capital(flat(100), flat(10), multiplier=1.7)
    assert found.value == pytest.approx(1.7 * 100 + 10)
    assert found.latest == 110.0


def test_a_jump_on_the_last_day_is_charged_as_it_stands():
    jumped = flat(100)
    jumped.iloc[-1] = 400.0
    found = basel_style_capital(jumped, flat(10))
    assert found.value == found.latest == 410.0
    assert found.averaged == pytest.approx(1.5 * (59 * 100 + 400) / 60 + 10)


def test_only_the_last_sixty_days_are_averaged():
    older = flat(100)
    older.iloc[:20] = 1e9
    assert basel_style_capital(older, flat(0)).value == pytest.approx(150.0)


def test_the_older_form_takes_the_larger_for_each_of_both():
    jumped = flat(100)
    jumped.iloc[-1] = 5000.0
    found = basel_25_style_capital(jumped, flat(200), multiplier=3.4)
    assert found.value == pytest.approx(5000 + 3.4 * 200)


def test_it_says_that_it_is_no_regulatory_figure():
    assert "not a regulatory figure" in str(basel_style_capital(flat(100), flat(0)))


def test_half_of_the_diversification_counts():
    assert constrained_shortfall(100.0, {"equity": 90.0, "rates": 50.0}) == 120.0
    assert constrained_shortfall(100.0, {"equity": 90.0, "rates": 50.0}, weight=1.0) == 100.0


@pytest.mark.parametrize(
    ("call", "error", "rule"),
    [
        (lambda: constrained_shortfall(np.nan, {"a": 1.0}), InputError, "unconstrained: nan"),
        (lambda: constrained_shortfall(1.0, {"a": -1.0}), InputError, "a: -1"),
        (lambda: constrained_shortfall(1.0, {}), InputError, "a class of risk"),
        (lambda: constrained_shortfall(1.0, {"a": 1.0}, weight=2), InputError, "weight"),
        (lambda: basel_style_capital(flat(1), flat(1), multiplier=1.4), InputError, "least 1.5"),
        (lambda: basel_style_capital(flat(1), flat(1), multiplier=np.nan), InputError, "1.5"),
        (lambda: basel_25_style_capital(flat(1), flat(1), multiplier=2), InputError, "least 3"),
        (lambda: basel_style_capital(flat(1).tail(59), flat(1)), NotEnoughData, "60 rows"),
        (lambda: basel_style_capital(flat(1).tail(70), flat(1)), BadData, "same times"),
        (lambda: basel_style_capital(flat(-1), flat(1)), BadData, "modelled shortfall"),
        (lambda: basel_style_capital(flat(np.nan), flat(1)), BadData, "must not be NaN"),
    ],
)
def test_figures_that_cannot_be_charged_are_refused(call, error, rule):
    with pytest.raises(error, match=rule):
        call()
