import numpy as np
import pandas as pd
import pytest

from nautilus_lab.factors.risk_models import CrossSectionalModel, standardised


class Book:
    """A declared synthetic panel of 80 names, and a portfolio that turns over."""

    def __init__(self):
        rng = np.random.default_rng(11)
        t, n = 260, 80
        self.days = pd.bdate_range("2019-01-01", periods=t, tz="UTC")
        self.symbols = [f"S{i:02d}" for i in range(n)]
        self.groups = pd.Series([("equity", "bond", "gold")[i % 3] for i in range(n)], self.symbols)
        caps = self.frame(np.tile(np.exp(rng.normal(8, 1, n)), (t, 1)))
        value = standardised(self.frame(np.tile(rng.normal(size=n), (t, 1))), caps)
        paid = rng.normal([0.0006, 0.0004], [0.01, 0.004], (t, 2))
        values = paid[:, [0]] + value.shift(1).to_numpy() * paid[:, [1]]
        self.returns = self.frame(values + rng.normal(0, 0.015, (t, n)))
        self.value, self.caps = value, caps
        self.fit = CrossSectionalModel().fit(
            self.returns, {"value": value}, caps=caps, groups=self.groups
        )
        raw = rng.dirichlet(np.ones(n), t)
        self.weights = self.frame(raw).rolling(20, min_periods=1).mean()
        self.benchmark = caps.div(caps.sum(axis=1), axis=0)

    def frame(self, values):
        return pd.DataFrame(values, self.days, self.symbols)


@pytest.fixture(scope="session")
def book():
    return Book()
