import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk import NotionalLimit


@pytest.mark.parametrize(
    ("notional", "level"),
    [
        (0.0, "ok"),
        (799.99, "ok"),
        (800.0, "warn"),
        (949.99, "warn"),
        (950.0, "critical"),
        (1000.0, "critical"),
        (1000.01, "breach"),
        (math.inf, "breach"),
        (math.nan, "breach"),
    ],
)
def test_levels_follow_the_share_of_the_limit_in_use(notional, level):
    check = NotionalLimit(max_notional=1000.0).check(notional)
    assert check.level == level
    assert check.passed == (level != "breach")


def test_utilisation_is_value_over_limit():
    check = NotionalLimit(max_notional=250_000).check(100_000)
    assert (check.value, check.limit, check.utilisation) == (100_000.0, 250_000.0, 0.4)


def test_a_limit_of_zero_lets_nothing_through_but_nothing_itself():
    limit = NotionalLimit(max_notional=0.0)
    assert limit.check(0.0).passed
    assert not limit.check(0.01).passed
    assert limit.check(0.01).utilisation == math.inf
    assert not limit.check(math.nan).passed


@pytest.mark.parametrize("bad", [-1.0, -1e-12, math.nan, math.inf])
def test_a_limit_that_is_negative_or_not_finite_is_refused(bad):
    with pytest.raises(InputError, match="max_notional must be finite and at least 0"):
        NotionalLimit(max_notional=bad)


@pytest.mark.parametrize(
    ("warn", "critical"), [(0.0, 0.9), (0.9, 0.8), (0.5, 1.1), (math.nan, 0.9), (0.8, math.nan)]
)
def test_thresholds_out_of_order_are_refused(warn, critical):
    with pytest.raises(InputError, match="0 < warn <= critical <= 1"):
        NotionalLimit(max_notional=1.0, warn=warn, critical=critical)


def test_a_negative_notional_is_an_error_and_names_its_value():
    with pytest.raises(InputError, match="must not be negative") as caught:
        NotionalLimit(max_notional=1000.0).check(-5.0)
    assert caught.value.value == -5.0


@given(
    limit=st.floats(min_value=0, max_value=1e15, allow_subnormal=False),
    notional=st.floats(min_value=0, allow_subnormal=False),
)
def test_what_passes_is_never_above_the_limit(limit, notional):
    assert NotionalLimit(max_notional=limit).check(notional).passed == (notional <= limit)


def test_importing_the_room_loads_neither_pandas_nor_numpy():
    code = (
        "import sys, json, nautilus_lab.risk\n"
        "nautilus_lab.risk.RiskLimitEngine()\n"
        "print(json.dumps([m for m in ('pandas', 'numpy', 'scipy', 'plotly') if m in sys.modules]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == []
