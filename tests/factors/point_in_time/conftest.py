import pandas as pd
import pytest


@pytest.fixture
def prices():
    """Eight business days, the fifth after a weekend, of three symbols."""
    days = pd.bdate_range("2024-05-01", periods=8, tz="UTC")
    return pd.DataFrame(100.0, days, ["A", "B", "C"])
