import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.risk import (
    average_correlation,
    ewma_volatility,
    range_volatility,
    turbulence,
    volatility_regimes,
)


def test_labels_follow_the_rank_among_what_was_known(frame):
    found = volatility_regimes(frame["A"], calm=0.3, stressed=0.9, history=252)
    volatility = ewma_volatility(frame["A"])
    for at in (252 - 1, 600, len(volatility) - 1):
        known = volatility.iloc[: at + 1]
        rank = known.rank().iloc[-1] / len(known)
        time = known.index[-1]
        assert found.rank[time] == pytest.approx(rank, abs=1e-12)
        expected = "calm" if rank <= 0.3 else "stressed" if rank > 0.9 else "normal"
        assert found.labels[time] == expected


def test_a_rank_on_a_bound_belongs_below_it(frame):
    ranks = volatility_regimes(frame["A"]).rank
    middle = ranks[ranks.between(0.4, 0.6)]
    time, bound = middle.index[0], middle.iloc[0]
    assert volatility_regimes(frame["A"], calm=bound).labels[time] == "calm"
    assert volatility_regimes(frame["A"], stressed=bound).labels[time] == "normal"


def test_what_moves_as_much_every_day_is_normal(frame):
    even = pd.Series(np.resize([0.01, -0.01], 500), index=frame.index[:500])
    assert set(volatility_regimes(even).labels) == {"normal"}


def test_the_future_does_not_change_a_label(frame):
    whole = volatility_regimes(frame["A"])
    cut = volatility_regimes(frame["A"].head(1500))
    pd.testing.assert_series_equal(whole.labels.head(len(cut.labels)), cut.labels, check_freq=False)


def test_a_storm_is_stressed(frame):
    stormy = frame["A"].copy()
    stormy.iloc[-20:] *= 5
    assert volatility_regimes(stormy).current == "stressed"
    quiet = frame["A"].copy()
    quiet.iloc[-60:] /= 10
    assert volatility_regimes(quiet).current == "calm"


def test_regimes_of_covid_and_of_the_summer_before_it(sp500):
    labels = volatility_regimes(sp500["SP500"]).labels
    assert (labels["2020-03-10":"2020-04-10"] == "stressed").all()
    assert (labels["2017-07-01":"2017-07-31"] == "calm").all()


def test_turbulence_is_the_mahalanobis_distance_by_the_covariance_before(frame):
    found = turbulence(frame.head(300), window=250)
    assert len(found) == 50
    before, today = frame.iloc[20:270], frame.iloc[270]
    off = today - before.mean()
    expected = off @ np.linalg.inv(before.cov()) @ off / 4
    assert found[frame.index[270]] == pytest.approx(expected, rel=1e-9)


def test_turbulence_is_about_one_on_ordinary_days_and_sees_a_broken_pattern(frame):
    assert turbulence(frame, window=500).mean() == pytest.approx(1.0, abs=0.1)
    odd = frame.copy()
    # Moves of an ordinary size, against each other where they go together.
    odd.iloc[-1] = [0.02, -0.02, 0.02, -0.02]
    together = frame.copy()
    together.iloc[-1] = [0.02, 0.02, 0.02, 0.02]
    assert turbulence(odd).iloc[-1] > 1.7 * turbulence(together).iloc[-1]


def test_average_correlation_is_the_mean_of_pandas_matrix(frame):
    matrix = frame.corr().to_numpy()
    expected = matrix[np.triu_indices(4, 1)].mean()
    assert average_correlation(frame) == pytest.approx(expected, abs=1e-12)
    copies = pd.DataFrame({"A": frame["A"], "B": 3 * frame["A"]})
    assert average_correlation(copies) == pytest.approx(1.0)


def bars(n_days=4000, steps=400, volatility=0.02, drift=0.0):
    """Bars of a Brownian log price seen `steps` times a day."""
    rng = np.random.default_rng(6)
    moves = drift / steps + volatility / np.sqrt(steps) * rng.standard_normal((n_days, steps))
    paths = np.exp(np.hstack([np.zeros((n_days, 1)), moves.cumsum(axis=1)])) * 100
    index = pd.MultiIndex.from_product(
        [pd.date_range("2000-01-03", periods=n_days, tz="UTC"), ["A"]],
        names=["timestamp", "symbol"],
    )
    columns = {
        "open": paths[:, 0],
        "high": paths.max(axis=1),
        "low": paths.min(axis=1),
        "close": paths[:, -1],
        "volume": np.ones(n_days),
    }
    return pd.DataFrame(columns, index=index)


@pytest.mark.parametrize("estimator", ["parkinson", "garman_klass", "rogers_satchell"])
def test_ranges_tell_the_volatility_they_were_made_with(estimator):
    made = bars()
    found = range_volatility(made, window=len(made), estimator=estimator)["A"].iloc[-1]
    # Seen 400 times a day, the range is some 5 % narrower than the true one.
    assert found == pytest.approx(0.02, rel=0.07)


def test_only_rogers_and_satchell_are_not_fooled_by_a_drift():
    made = bars(drift=0.04)
    found = {
        name: range_volatility(made, window=len(made), estimator=name)["A"].iloc[-1]
        for name in ("parkinson", "garman_klass", "rogers_satchell")
    }
    assert found["rogers_satchell"] == pytest.approx(0.02, rel=0.07)
    assert found["parkinson"] > 0.026


def test_one_bar_is_its_formula():
    one = bars(n_days=1)
    o, h, low, c = np.log(one[["open", "high", "low", "close"]].to_numpy()[0])
    by_hand = {
        "parkinson": (h - low) ** 2 / (4 * np.log(2)),
        "garman_klass": 0.5 * (h - low) ** 2 - (2 * np.log(2) - 1) * (c - o) ** 2,
        "rogers_satchell": (h - c) * (h - o) + (low - c) * (low - o),
    }
    for name, squared in by_hand.items():
        found = range_volatility(one, window=1, estimator=name)["A"].iloc[0]
        assert found == pytest.approx(np.sqrt(squared), rel=1e-12)


def test_what_cannot_be_told_is_refused(frame):
    with pytest.raises(InputError, match="0 < calm < stressed < 1"):
        volatility_regimes(frame["A"], calm=0.9, stressed=0.3)
    with pytest.raises(NotEnoughData, match="at least 273 rows"):
        volatility_regimes(frame["A"].head(272))
    with pytest.raises(InputError, match="twice the number of symbols"):
        turbulence(frame, window=7)
    with pytest.raises(BadData, match="must have an inverse"):
        turbulence(frame.assign(E=frame["A"]), window=100)
    with pytest.raises(InputError, match="two symbols"):
        average_correlation(frame[["A"]])
    with pytest.raises(BadData, match="every symbol must move; got E"):
        average_correlation(frame.assign(E=0.01))
    with pytest.raises(InputError, match="window must be at least 1"):
        range_volatility(bars(n_days=2), window=0)
    with pytest.raises(InputError, match="a formula of ranges; got yang"):
        range_volatility(bars(n_days=2), estimator="yang")
