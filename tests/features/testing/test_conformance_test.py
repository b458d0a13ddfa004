"""The one line of a user's own test file."""

import numpy as np
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.features import FeatureRegistry, Parameter, drawn_bars
from nautilus_lab.features.testing import conformance_test

MINE, SPOILT = FeatureRegistry(), FeatureRegistry()
USUAL = {"group": "mine", "inputs": ("close",), "reference": "of this test"}


@MINE.define(
    title="Change",
    parameters={"bars": Parameter(default=1)},
    warm_up=lambda settings: int(settings["bars"]),
    history=lambda settings: int(settings["bars"]) + 1,
    **USUAL,
)
def change(close, bars=1):
    return np.r_[np.full(min(bars, len(close)), np.nan), close[bars:] - close[:-bars]]


SPOILT.define(title="Ahead", name="ahead", warm_up=0, history=1, **USUAL)(lambda c: c / c[-1])

test_mine_conform = conformance_test(MINE, "change(bars=5)")
test_of_columns_of_ones_own = conformance_test(MINE, columns=drawn_bars(300, seed=5))


def test_one_that_does_not_conform_fails_with_what_is_wrong():
    (case,) = conformance_test(SPOILT).pytestmark[0].args[1]
    with pytest.raises(pytest.fail.Exception, match=r"ahead: its values before bar \d+ change"):
        conformance_test(SPOILT)(case)


def test_each_feature_is_a_case_of_its_own():
    (mark,) = conformance_test(MINE, "change(bars=5)").pytestmark
    assert mark.kwargs["ids"] == ["change", "change(bars=5)"]


def test_a_test_of_nothing_is_refused():
    with pytest.raises(InputError, match="must have features"):
        conformance_test(FeatureRegistry())
    with pytest.raises(InputError, match="in the catalog"):
        conformance_test(MINE, "rsi")
