import numpy as np
import pandas as pd

from nautilus_lab.display import line_trace


def line(n, freq="D"):
    values = np.random.default_rng(n).normal(size=n).cumsum()
    return pd.Series(values, pd.date_range("1990-01-01", periods=n, freq=freq, tz="UTC"))


def test_a_line_of_some_thousand_points_is_drawn_whole():
    short = line(4000)
    trace = line_trace(short, "equity")
    np.testing.assert_array_equal(trace.y, short.to_numpy(dtype=np.float32))
    assert trace.x[0] == "1990-01-01"
    assert trace.name == "equity"


def test_a_long_line_keeps_its_ends_its_peak_and_its_trough():
    long = line(50_000, freq="min")
    trace = line_trace(long, "equity")
    assert len(trace.y) <= 4_002
    y = long.to_numpy(dtype=np.float32)
    assert (trace.y.max(), trace.y.min()) == (y.max(), y.min())
    assert (trace.y[0], trace.y[-1]) == (y[0], y[-1])
    assert list(trace.x) == sorted(trace.x)
    assert trace.x[0] == "1990-01-01T00:00:00"


def test_a_gap_stays_a_gap():
    gappy = line(10_000)
    gappy.iloc[:5_000] = np.nan
    trace = line_trace(gappy, "smooth")
    assert np.isnan(trace.y[0])
    assert np.isfinite(trace.y[-1])


def test_times_of_another_zone_are_drawn_in_utc():
    there = line(3, freq="h").tz_convert("America/New_York")
    assert line_trace(there, "x").x[0] == "1990-01-01T00:00:00"
