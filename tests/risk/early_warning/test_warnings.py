"""One warning before a breach, and none where there is nothing to warn of."""

import math

import numpy as np
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.early_warning import BreachForecast, EarlyWarning, Persistence
from nautilus_lab.risk.limits import LimitReport, LimitUtilisation

SECOND = 1_000_000_000


def report(*used, level="ok", limit="max_leverage"):
    return LimitReport(
        rows=tuple(
            LimitUtilisation(
                limit=limit,
                scope=f"s{at}",
                value=value,
                limit_value=1.0,
                utilisation=value,
                level=level,
            )
            for at, value in enumerate(used)
        )
    )


def warnings(early, paths):
    found = []
    for look, used in enumerate(paths):
        told = early.look(report(*np.atleast_1d(used)), look * 5 * SECOND)
        found += [(look, warning.scope) for warning in told]
    return found


def test_a_warning_comes_once_and_before_the_breach():
    rising = np.linspace(0.4, 1.1, 71)
    found = warnings(EarlyWarning(horizon_s=60), rising)
    assert [scope for _, scope in found] == ["s0"]
    breach = int(np.argmax(rising > 1.0))
    assert 8 <= breach - found[0][0] <= 16  # a minute is twelve looks


def test_a_warning_may_come_again_once_it_was_clear():
    wave = np.concatenate([np.linspace(0.4, 0.9, 50), np.linspace(0.9, 0.4, 50)] * 2)
    found = warnings(EarlyWarning(horizon_s=120), wave)
    assert [look // 100 for look, _ in found] == [0, 1]


def test_false_warnings_are_rare_where_utilisation_only_wobbles():
    """Ten scopes around 60 % over 600 looks, with an autocorrelation of 0.95."""
    rng = np.random.default_rng(8)
    early, told, n_looks = EarlyWarning(horizon_s=300), 0, 600
    used = np.full(10, 0.6)
    for look in range(n_looks):
        used = 0.6 + 0.95 * (used - 0.6) + 0.005 * rng.standard_normal(10)
        told += len(early.look(report(*used), look * 5 * SECOND))
    assert told / (10 * n_looks) < 0.001


def test_what_is_exceeded_or_not_known_is_no_early_warning():
    assert warnings(EarlyWarning(), [1.2] * 30) == []
    assert warnings(EarlyWarning(), [math.nan] * 30) == []
    assert EarlyWarning().look(report(0.99, level="never"), 0) == ()


def test_what_is_gone_is_forgotten():
    early = EarlyWarning()
    early.look(report(0.6, 0.7), 0)
    assert early.forecast("max_leverage", "s1", 0) is not None
    early.look(report(0.6), 5 * SECOND)
    assert early.forecast("max_leverage", "s1", 0) is None


def test_of_two_limits_of_one_kind_the_most_used_counts_and_nan_most_of_all():
    early = EarlyWarning(forecaster=Persistence)
    for used, expected in (((0.6, 0.9), 0.0), ((0.6, math.nan), math.nan)):
        rows = tuple(row for one in used for row in report(one))
        for ordered in (rows, rows[::-1]):
            early.look(LimitReport(rows=ordered), 0)
            told = early.forecast("max_leverage", "s0", 0).probability
            assert told == pytest.approx(expected, nan_ok=True)


class Model:
    """Stands for one that was learned."""

    def __init__(self, probability=0.9, in_service=True):
        self.told = BreachForecast(
            probability=probability,
            horizon_s=300.0,
            as_of_ns=0,
            model="sha256:ab",
            in_service=in_service,
        )

    def observe(self, utilisation, ts_ns):
        pass

    def forecast(self, horizon_s, now_ns):
        return self.told


def test_a_learned_model_takes_the_place_of_the_trend():
    (warning,) = EarlyWarning(forecaster=Model).look(report(0.6), 0)
    assert warning.forecast.model == "sha256:ab"
    assert warning.text == (
        "max_leverage of s0 is used by 60.0%, and exceeded within 300 s with a probability of 90%"
    )
    assert EarlyWarning(forecaster=lambda: Model(in_service=False)).look(report(0.6), 0) == ()
    assert EarlyWarning(forecaster=lambda: Model(math.nan)).look(report(0.6), 0) == ()
    assert EarlyWarning(forecaster=Model).look(report(0.4), 0) == ()


def test_settings_that_can_be_none_are_refused():
    for settings in (
        {"horizon_s": 0},
        {"probability": 0},
        {"clear": 0.6},
        {"watch_from": 1.1},
        {"horizon_s": math.inf},
    ):
        with pytest.raises(InputError):
            EarlyWarning(**settings)
