"""A drawn market: what every source would deliver of three companies, in its own layout."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.factors.sources import source_family

SYMBOLS = ["A", "B", "C"]
DAYS = pd.bdate_range("2019-10-01", "2022-12-30", tz="UTC")
STAMPS = {"daily": "B", "weekly": "W-FRI", "monthly": "MS", "quarterly": "QS", "annual": "YS"}


@pytest.fixture(scope="session")
def prices():
    return drawn_walk(1)


@pytest.fixture(scope="session")
def frames(prices):
    found = {}
    for name in ("fred", "data_gov", "dbnomics", "trading_economics"):
        found[name] = drawn_series(source_family(name))
    found["trading_economics_calendar"] = drawn_events()
    found["edgar"] = drawn_facts()
    found["alpha_vantage_statements"] = drawn_statements()
    found["alpha_vantage_overview"] = drawn_overviews()
    for name in ("alpha_vantage", "yahoo", "ibkr"):
        found[name] = drawn_bars(prices, source_family(name))
    return found


def drawn_walk(seed, symbols=SYMBOLS):
    draw = np.random.default_rng(seed)
    steps = draw.normal(0.0003, 0.015, (len(DAYS), len(symbols)))
    return pd.DataFrame(50 * np.exp(np.cumsum(steps, axis=0)), DAYS, symbols)


def drawn_series(family):
    """Return values of each series as long tables have them, shuffled, with no release told."""
    draw = np.random.default_rng(2)
    rates = {}
    for factor in family.factors:
        for one in factor.inputs:
            if one.table.kind == "series":
                short = "daily" if one.release.business_days or "1" in one.max_age[:1] else "weekly"
                rates[one.of] = one.release.frequency or short
    columns = next(t for t in family.tables if t.kind == "series").columns
    parts = []
    for name in rates:
        periods = pd.date_range("2016-01-01", "2022-12-30", freq=STAMPS[rates[name]])
        walk = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, len(periods))))
        parts.append(pd.DataFrame({"name": name, "period": periods, "value": walk}))
    table = pd.concat(parts, ignore_index=True).sample(frac=1, random_state=3)
    table = table.rename(columns={"period": columns["period"], "value": columns["value"]})
    names = table.pop("name")
    if "|" in columns["series"] or "/" in columns["series"]:
        sign = "|" if "|" in columns["series"] else "/"
        into = columns["series"].split(sign)
        split = names.str.split(sign, n=len(into) - 1, expand=True)
        return table.assign(**{column: split[n] for n, column in enumerate(into)})
    return table.assign(**{columns["series"]: names})


def drawn_events():
    draw = np.random.default_rng(4)
    parts = []
    for factor in source_family("trading_economics").factors:
        for one in factor.inputs:
            if one.table.kind != "events":
                continue
            country, event = one.of.split("|")
            times = pd.date_range("2017-01-10 13:30", "2022-12-20", freq="30D")
            expected = draw.normal(2, 0.5, len(times))
            told = expected + draw.normal(0, 0.2, len(times))
            parts.append(
                pd.DataFrame(
                    {
                        "Country": country,
                        "Event": event,
                        "Date": times.strftime("%Y-%m-%dT%H:%M:%S"),
                        "Actual": [f"{x:.2f}%" for x in told],
                        "Forecast": [f"{x:.2f}%" for x in expected],
                        "Previous": [f"{x:.2f}%" for x in [2.0, *told[:-1]]],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=5)


def drawn_facts():
    """Return facts of filings: quarters, years to date, balances, a restatement a year."""
    draw = np.random.default_rng(6)
    concepts = {
        one.of: one
        for factor in source_family("edgar").factors
        for one in factor.inputs
        if one.table.kind == "facts"
    }
    rows = []
    for symbol in SYMBOLS:
        for one in concepts.values():
            level = draw.uniform(50, 200)
            year_to_date = 0.0
            for begin in pd.date_range("2016-01-01", "2022-07-01", freq="QS"):
                end = begin + pd.DateOffset(months=3) - pd.Timedelta(days=1)
                filed = end + pd.Timedelta(days=int(draw.integers(25, 60)))
                level *= np.exp(draw.normal(0.01, 0.05))
                if one.measure == "instant":
                    rows.append((symbol, one.tags[0], one.unit, None, end, level, filed))
                    continue
                year = pd.Timestamp(begin.year, 1, 1)
                year_to_date = level if begin == year else year_to_date + level
                rows.append((symbol, one.tags[0], one.unit, year, end, year_to_date, filed))
                if begin.month == 7:  # a year later it is told again, restated
                    again = filed + pd.Timedelta(days=365)
                    rows.append(
                        (symbol, one.tags[0], one.unit, year, end, year_to_date * 1.1, again)
                    )
    columns = ["symbol", "tag", "unit", "start", "end", "val", "filed"]
    table = pd.DataFrame(rows, columns=columns)
    for column in ("start", "end", "filed"):
        table[column] = pd.to_datetime(table[column]).dt.strftime("%Y-%m-%d")
    return table.sample(frac=1, random_state=7)


def drawn_statements():
    draw = np.random.default_rng(8)
    items = {
        one.of
        for factor in source_family("alpha_vantage").factors
        for one in factor.inputs
        if one.table.kind == "statements"
    }
    ends = pd.date_range("2016-03-31", "2022-09-30", freq="QE")
    parts = []
    for symbol in SYMBOLS:
        walk = {
            item: 100 * np.exp(np.cumsum(draw.normal(0.01, 0.05, len(ends))))
            for item in sorted(items)
        }
        told = {item: [f"{x:.0f}" for x in 1e6 * values] for item, values in walk.items()}
        dates = ends.strftime("%Y-%m-%d")
        parts.append(pd.DataFrame({"symbol": symbol, "fiscalDateEnding": dates, **told}))
    return pd.concat(parts, ignore_index=True)


def drawn_overviews():
    draw = np.random.default_rng(9)
    asked = pd.date_range("2018-12-01 15:00", "2022-12-30", freq="30D", tz="UTC")
    parts = [
        pd.DataFrame(
            {
                "Symbol": symbol,
                "asked": asked,
                "ForwardPE": [f"{x:.2f}" for x in draw.uniform(8, 30, len(asked))],
                "AnalystTargetPrice": [f"{x:.2f}" for x in draw.uniform(40, 80, len(asked))],
                "PriceToSalesRatioTTM": [f"{x:.2f}" for x in draw.uniform(1, 9, len(asked))],
                "DividendYield": [
                    "None" if symbol == "C" else f"{x:.4f}"
                    for x in draw.uniform(0, 0.05, len(asked))
                ],
            }
        )
        for symbol in SYMBOLS
    ]
    return pd.concat(parts, ignore_index=True)


def drawn_bars(prices, family):
    draw = np.random.default_rng(10)
    table = next(t for t in family.tables if t.kind == "bars")
    everybody = pd.concat([prices, drawn_walk(11, ["^GSPC", "^VIX"])], axis=1)
    close = everybody.stack()
    size = len(close)
    spread = np.abs(draw.normal(0, 0.01, size)) + 0.001
    columns = {
        "close": close,
        "open": close * (1 + draw.normal(0, 0.004, size)),
        "volume": draw.integers(1_000, 9_000, size).astype(float),
        "adjclose": close * 0.97,
        "adjusted_close": close * 0.97,
        "dividends": np.where(draw.random(size) < 0.01, 0.4, 0.0),
        "average": close * (1 + draw.normal(0, 0.001, size)),
        "barCount": draw.integers(50, 500, size).astype(float),
        "bid": close * (1 - spread / 2),
        "ask": close * (1 + spread / 2),
        "implied_volatility": draw.uniform(0.1, 0.5, size),
        "historical_volatility": draw.uniform(0.1, 0.5, size),
        "fee_rate": draw.uniform(0.2, 5.0, size),
        "shortable_shares": draw.integers(1_000, 90_000, size).astype(float),
    }
    columns["high"] = np.maximum(columns["open"], close) * (1 + spread)
    columns["low"] = np.minimum(columns["open"], close) * (1 - spread)
    bars = pd.DataFrame({name: columns[name] for name in table.columns}, close.index)
    return bars.rename_axis(["timestamp", "symbol"])
