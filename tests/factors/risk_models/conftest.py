import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def french():
    """Fama and French's monthly factors, 1926 to 2018, as arch ships them; fractions."""
    from arch.data import frenchdata

    data = frenchdata.load() / 100
    months = pd.period_range("1926-07", periods=len(data), freq="M").to_timestamp(how="end")
    return data.set_axis(months.normalize().tz_localize("UTC"))


@pytest.fixture(scope="session")
def shared_data():
    """Data sets that the project does not ship: beside it, or where `SHARED_DATA` says."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("SHARED_DATA", beside))
    if not (folder / "ff5_daily_2016_2023.parquet").exists():
        pytest.skip("the data sets beside the project are not there")
    return folder


class Panel:
    """A declared synthetic panel: known factor returns, exposures and specific volatilities."""

    def __init__(self, *, n=200, t=500, seed=3):
        rng = np.random.default_rng(seed)
        self.days = pd.bdate_range("2015-01-01", periods=t, tz="UTC", name="time")
        self.symbols = [f"S{i:03d}" for i in range(n)]
        self.groups = pd.Series([f"G{i % 5}" for i in range(n)], self.symbols)
        caps = np.exp(rng.normal(8, 1.2, n))
        self.caps = self.frame(np.tile(caps, (t, 1)))
        styles = ["size", "value", "momentum"]
        raw = {name: rng.normal(size=n) + 0.05 * rng.normal(size=(t, n)) for name in styles}
        raw["size"] = np.tile(np.log(caps), (t, 1)) + 0.01 * rng.normal(size=(t, n))
        self.raw = {name: self.frame(values) for name, values in raw.items()}
        deviations = np.array([0.010, 0.005, 0.004, 0.006])
        related = np.eye(4)
        related[0, 3] = related[3, 0] = -0.4
        self.factor_covariance = related * np.outer(deviations, deviations)
        self.paid = rng.multivariate_normal(np.zeros(4), self.factor_covariance, t)
        self.group_paid = rng.normal(0, 0.008, (t, 5))
        self.specific = rng.uniform(0.008, 0.025, n)
        self.rng = rng

    def frame(self, values):
        return pd.DataFrame(values, self.days, self.symbols)

    def earn(self, exposures):
        """Make returns from exposures of the day before; group returns sum to 0 by size."""
        codes = np.array([int(name[1]) for name in self.groups])
        weights = self.caps.iloc[0].groupby(self.groups).sum()
        shares = (weights / weights.sum()).to_numpy()
        self.group_paid -= (self.group_paid @ shares)[:, None]
        total = self.paid[:, [0]] + self.group_paid[:, codes]
        for place, one in enumerate(exposures.values(), start=1):
            total = total + one.shift(1).to_numpy() * self.paid[:, [place]]
        noise = self.rng.normal(size=total.shape) * self.specific
        return self.frame(total + noise)


@pytest.fixture(scope="session")
def panel():
    from nautilus_lab.factors.risk_models import CrossSectionalModel, standardised

    made = Panel()
    made.exposures = {name: standardised(one, made.caps) for name, one in made.raw.items()}
    made.returns = made.earn(made.exposures)
    made.fit = CrossSectionalModel().fit(
        made.returns, made.exposures, caps=made.caps, groups=made.groups
    )
    return made
