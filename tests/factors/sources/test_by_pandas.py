"""Every factor of series once more, by pandas: a table of operators and a calendar of its own."""

import numpy as np
import pandas as pd
import pytest
from pandas.tseries.holiday import USFederalHolidayCalendar
from pandas.tseries.offsets import CustomBusinessDay

from nautilus_lab.factors.sources import source_family, synthesise

SERIES = [
    factor
    for name in ("fred", "data_gov", "dbnomics", "trading_economics")
    for factor in source_family(name).factors
    if all(one.table.kind == "series" for one in factor.inputs)
]
BUSINESS = CustomBusinessDay(calendar=USFederalHolidayCalendar())
LAST_DAY = {"monthly": "M", "quarterly": "Q", "annual": "Y"}
PANDAS = {
    "delay": lambda x, d: x.shift(d),
    "delta": lambda x, d: x.diff(d),
    "pct_change": lambda x, d=1: x.pct_change(d, fill_method=None),
    "ts_mean": lambda x, d: x.rolling(d).mean(),
    "ts_sum": lambda x, d: x.rolling(d).sum(),
    "ts_std": lambda x, d: x.rolling(d).std(),
    "ts_min": lambda x, d: x.rolling(d).min(),
    "where": lambda p, a, b: pd.Series(np.where(p, float(a), float(b)), p.index),
    "log": np.log,
    "max": np.maximum,
    "min": np.minimum,
}


def told(frames, one):
    """Return a series by its periods, and when each of the last 120 was known."""
    frame, columns = frames[one.table.name], one.table.columns
    names = frame
    for sign in ("|", "/"):
        if sign in columns["series"]:
            parts = columns["series"].split(sign)
            others = [frame[part] for part in parts[1:]]
            names = frame.assign(name=frame[parts[0]].str.cat(others, sep=sign))
    column = "name" if "name" in names else columns["series"]
    rows = names[names[column] == one.of]
    series = rows.set_index(columns["period"])[columns["value"]].sort_index()
    rule = one.release
    last = series.index[-120:]
    if rule.frequency:
        last = last.to_period(LAST_DAY[rule.frequency]).to_timestamp(how="end").normalize()
    last = last + pd.Timedelta(days=rule.days)
    if rule.business_days:
        last = pd.DatetimeIndex([BUSINESS.rollforward(day) for day in last])
        for _ in range(rule.business_days):
            last = pd.DatetimeIndex([day + BUSINESS for day in last])
    hour, minute = map(int, rule.at.split(":"))
    at = last + pd.Timedelta(hours=hour, minutes=minute)
    return series, at.tz_localize(rule.zone, ambiguous=False, nonexistent="shift_forward")


@pytest.mark.parametrize("factor", SERIES, ids=[one.name for one in SERIES])
def test_it_is_what_pandas_makes_of_it(frames, prices, factor):
    like = prices.iloc[-80:]
    closes = [pd.Timestamp(f"{day:%Y-%m-%d} 16:00", tz="America/New_York") for day in like.index]
    fields = {}
    for one in factor.inputs:
        series, known = told(frames, one)
        values = eval(one.each, PANDAS | {"x": series}) if one.each else series
        assert known[0] < closes[0]
        seen = [len(series) - len(known) + int((known <= close).sum()) - 1 for close in closes]
        fields[one.name] = pd.Series(values.to_numpy()[seen], like.index)
    expected = eval(factor.expression, PANDAS | fields)
    found = synthesise(factor.name, frames, like=like)[factor.name]["A"]
    assert found.iloc[-10:].notna().all()
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=1e-9, atol=1e-12)
