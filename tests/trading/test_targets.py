"""Target weights are one number a symbol."""

import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.trading._targets import as_targets


def test_a_series_that_names_a_symbol_twice_is_refused():
    twice = pd.Series([0.4, 0.2], ["AAPL", "AAPL"])
    with pytest.raises(InputError, match="one target weight"):
        as_targets(twice, name="t", now_ns=0)
    once = as_targets(twice.groupby(level=0).sum(), name="t", now_ns=0)
    assert once.weights == pytest.approx({"AAPL": 0.6})
