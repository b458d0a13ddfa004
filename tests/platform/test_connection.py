"""How long to wait before trying again."""

import itertools
import random

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.connection import Backoff, ConnectionState


def test_a_connection_has_the_five_states_of_the_platform():
    assert [state.name for state in ConnectionState] == [
        "DISCONNECTED",
        "CONNECTING",
        "CONNECTED",
        "RECONNECTING",
        "ERROR",
    ]


def test_there_are_ten_waits_and_then_none():
    assert len(list(Backoff())) == 10


def test_the_bound_doubles_up_to_the_cap():
    """Full jitter draws from [0, bound]; the top of the range shows the bound."""

    class Top(random.Random):
        def uniform(self, a, b):
            return b

    waits = list(Backoff(base_s=1, cap_s=60, attempts=10, random=Top()))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert sum(waits) == 303


def test_waits_are_uniform_between_nothing_and_the_bound():
    backoff = Backoff(base_s=8, cap_s=8, attempts=20_000, random=random.Random(1))
    waits = list(backoff)
    assert 0 <= min(waits) < 0.01
    assert 7.99 < max(waits) <= 8
    assert sum(waits) / len(waits) == pytest.approx(4, abs=0.06)  # 4 standard errors are 0.065


def test_two_that_start_together_do_not_wait_together():
    assert list(Backoff()) != list(Backoff())


def test_a_backoff_may_be_used_again():
    backoff = Backoff(attempts=3)
    assert len(list(backoff)) == len(list(backoff)) == 3


def test_without_an_end_of_attempts_the_waits_stay_finite():
    waits = list(itertools.islice(Backoff(attempts=5_000), 5_000))
    assert max(waits) <= 60


@pytest.mark.parametrize(
    ("base_s", "cap_s", "attempts"),
    [
        (0, 60, 10),
        (-1, 60, 10),
        (float("nan"), 60, 10),
        (float("inf"), 60, 10),
        (2, 1, 10),
        (1, float("nan"), 10),
        (1, float("inf"), 10),
        (1, 60, -1),
    ],
)
def test_settings_out_of_bounds_are_refused(base_s, cap_s, attempts):
    with pytest.raises(InputError):
        Backoff(base_s=base_s, cap_s=cap_s, attempts=attempts)
