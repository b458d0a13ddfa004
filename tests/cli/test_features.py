"""Features from the command line."""

import json

import numpy as np
import pandas as pd
import pytest
import talib

from nautilus_lab.cli import main


@pytest.fixture
def bars(tmp_path):
    """Two instruments' bars as a file, and the frame."""
    drawn = np.random.default_rng(3)
    times = pd.date_range("2024-01-01", periods=60, tz="UTC")
    parts = []
    for symbol in ("AAA", "BBB"):
        close = 50 * np.exp(np.cumsum(drawn.normal(0, 0.01, len(times))))
        spread = np.abs(drawn.normal(0, 0.2, len(times)))
        part = {"open": close, "high": close + spread, "low": close - spread, "close": close}
        parts.append(pd.DataFrame({"timestamp": times, "symbol": symbol, **part, "volume": 1e3}))
    frame = pd.concat(parts).sort_values(["timestamp", "symbol"], ignore_index=True)
    frame.to_parquet(tmp_path / "bars.parquet")
    frame.to_csv(tmp_path / "bars.csv", index=False)
    return frame


def last_rsi(frame, symbol, end=None):
    close = frame[frame.symbol == symbol].set_index("timestamp").close
    return talib.RSI(close[:end].to_numpy(), 14)[-1]


def told(capsys, *arguments):
    assert main(["features", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def refused(capsys, *arguments):
    assert main(["features", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_the_catalog_is_listed_and_searched(workspace, capsys):
    assert "Bollinger Bands" in told(capsys, "--find", "bollinger")
    found = json.loads(told(capsys, "--find", "bollinger", "--json"))
    assert {"bbands"} <= {row["feature"] for row in found}
    assert "no features" in told(capsys, "--find", "nothing of this name")


def test_a_feature_is_checked(workspace, capsys):
    assert "differ by at most" in told(capsys, "check", "rsi(timeperiod=7)")


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_last_values_are_those_of_talib(workspace, capsys, tmp_path, bars, form):
    rows = json.loads(told(capsys, "compute", "rsi", "--bars", tmp_path / f"bars.{form}", "--json"))
    assert {row["symbol"]: row["rsi"] for row in rows} == {
        symbol: pytest.approx(last_rsi(bars, symbol), rel=1e-9) for symbol in ("AAA", "BBB")
    }


def test_symbols_and_days_are_chosen(workspace, capsys, tmp_path, bars):
    path = tmp_path / "bars.csv"
    out = told(
        capsys,
        "compute",
        "rsi",
        "--bars",
        path,
        "--symbols",
        "BBB",
        "--end",
        "2024-02-20",
        "--json",
    )
    (row,) = json.loads(out)
    assert row["timestamp"].startswith("2024-02-20")
    assert row["rsi"] == pytest.approx(last_rsi(bars, "BBB", "2024-02-20"), rel=1e-9)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_all_values_are_written(workspace, capsys, tmp_path, bars, form):
    out = tmp_path / f"features.{form}"
    said = told(capsys, "compute", "rsi", "bbands", "--bars", tmp_path / "bars.csv", "--out", out)
    assert "120 rows of 4 features" in said
    read = pd.read_parquet(out) if form == "parquet" else pd.read_csv(out)
    assert len(read) == 120
    assert [*tmp_path.glob(".*part")] == []


def test_what_cannot_be_done_is_said_in_a_line(workspace, capsys, tmp_path, bars):
    path = tmp_path / "bars.csv"
    assert "by name" in refused(capsys, "compute", "<nothing>", "--bars", path)
    assert "did you mean rsi" in refused(capsys, "compute", "rsx", "--bars", path)
    assert "readable" in refused(capsys, "compute", "rsi", "--bars", tmp_path / "none.csv")
    assert ".parquet or .csv" in refused(capsys, "compute", "rsi", "--bars", tmp_path / "a.txt")
    assert ".parquet or .csv" in refused(capsys, "compute", "rsi", "--bars", path, "--out", "a.xls")
    refused(capsys, "compute", "rsi", "--bars", path, "--end", "no day")
    assert "vpin of trades" in refused(capsys, "compute", "rsi", "vpin", "--bars", path)
    refused(capsys, "compute", "rsi", "--bars", path, "--symbols", "ZZZ")
    assert "writable" in refused(
        capsys, "compute", "rsi", "--bars", path, "--out", tmp_path / "none" / "a.csv"
    )
    pd.DataFrame({"symbol": ["A"], "close": [1.0]}).to_csv(path)
    assert "timestamp" in refused(capsys, "compute", "rsi", "--bars", path)
    pd.DataFrame({"symbol": ["A"], "timestamp": ["soon"]}).to_csv(path)
    assert "needs a time" in refused(capsys, "compute", "rsi", "--bars", path)
    path.write_bytes(b"\x00\xff\x00")
    refused(capsys, "compute", "rsi", "--bars", path)
    garbled = tmp_path / "garbled.parquet"
    garbled.write_bytes(b"PAR1 no such thing")
    assert "readable" in refused(capsys, "compute", "rsi", "--bars", garbled)


def test_bars_that_are_doubled_are_refused_with_their_place(workspace, capsys, tmp_path, bars):
    path = tmp_path / "bars.csv"
    pd.concat([bars, bars.tail(1)]).to_csv(path, index=False)
    assert "BBB" in refused(capsys, "compute", "rsi", "--bars", path)


def ticks(tmp_path, **columns):
    times = pd.date_range("2024-01-01", periods=3, freq="s", tz="UTC")
    frame = pd.DataFrame({"timestamp": times, "symbol": "NA", **columns})
    frame.to_csv(tmp_path / "ticks.csv", index=False)
    return tmp_path / "ticks.csv"


def test_features_of_quotes_and_trades_are_computed_too(workspace, capsys, tmp_path):
    path = ticks(tmp_path, bid=[9.0, 9.0, 9.0], ask=[11.0, 11.0, 10.0])
    out = tmp_path / "out.csv"
    (row,) = json.loads(told(capsys, "compute", "mid", "--bars", path, "--out", out, "--json"))
    assert (row["symbol"], row["mid"]) == ("NA", 9.5)
    assert pd.read_csv(out)["mid"].tolist() == [10.0, 10.0, 9.5]
    path = ticks(tmp_path, price=[9.0, 10.0, 11.0], size=[1.0, 1.0, 2.0], side=[1, -1, 1])
    asked = "vpin(bucket=2,window=2)"
    (row,) = json.loads(told(capsys, "compute", asked, "--bars", path, "--json"))
    assert row[asked.replace(",", ", ")] == 0.5  # one bucket is bought and sold, one bought alone
    assert "without bid" in refused(capsys, "compute", "mid", "--bars", path)
    assert "the catalog has bars alone" in refused(capsys, "compute", "mid")


def test_times_are_of_one_zone_through_the_year(workspace, capsys, tmp_path, bars):
    path = tmp_path / "bars.csv"
    one = bars[bars.symbol == "AAA"]
    hours = pd.date_range("2024-03-09", periods=len(one), freq="h", tz="America/New_York")
    one.assign(timestamp=hours).to_csv(path, index=False)
    (row,) = json.loads(told(capsys, "compute", "rsi", "--bars", path, "--json"))
    assert row["timestamp"] == "2024-03-11T16:00:00+00:00"
    assert row["rsi"] == pytest.approx(last_rsi(bars, "AAA"), rel=1e-9)
    one.assign(timestamp=hours.tz_localize(None)).to_csv(path, index=False)
    assert "say their zone" in refused(capsys, "compute", "rsi", "--bars", path)


def test_a_symbol_is_a_text_and_is_there(workspace, capsys, tmp_path, bars):
    path = tmp_path / "bars.csv"
    bars.assign(symbol=bars.symbol.map({"AAA": "007", "BBB": "NA"})).to_csv(path, index=False)
    asked = ["compute", "rsi", "--bars", path, "--json", "--symbols"]
    assert [row["symbol"] for row in json.loads(told(capsys, *asked, "007, NA"))] == ["007", "NA"]
    assert "rows of each symbol" in refused(capsys, *asked[:-2], "--symbols", "007,7")
    assert "commas between" in refused(capsys, *asked[:-2], "--symbols", "007,")
    bars.assign(symbol=["", *bars.symbol[1:]]).to_csv(path, index=False)
    assert "needs a symbol" in refused(capsys, "compute", "rsi", "--bars", path)
    bars.assign(timestamp=[None, *bars.timestamp[1:]]).to_csv(path, index=False)
    assert "row 1 has none" in refused(capsys, "compute", "rsi", "--bars", path)


def test_an_index_that_is_a_column_too_is_read_once(workspace, capsys, tmp_path, bars):
    path = tmp_path / "bars.parquet"
    bars.set_index("timestamp", drop=False).to_parquet(path)
    assert len(json.loads(told(capsys, "compute", "rsi", "--bars", path, "--json"))) == 2


def test_a_link_where_half_a_file_would_be_is_not_written_through(
    workspace, capsys, tmp_path, bars
):
    precious, out = tmp_path / "precious", tmp_path / "out.csv"
    precious.write_text("precious")
    (tmp_path / ".out.csv.part").symlink_to(precious)
    out.symlink_to(precious)
    told(capsys, "compute", "rsi", "--bars", tmp_path / "bars.csv", "--out", out)
    assert precious.read_text() == "precious"
    assert not out.is_symlink()
    assert len(pd.read_csv(out)) == len(bars)


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "a\0.csv", "folder.csv"])
def test_a_name_that_no_file_can_have_is_refused(workspace, capsys, tmp_path, bars, name):
    (tmp_path / "folder.csv").mkdir()
    path = tmp_path / "bars.csv"
    assert "writable" in refused(capsys, "compute", "rsi", "--bars", path, "--out", tmp_path / name)
    assert "readable" in refused(capsys, "compute", "rsi", "--bars", tmp_path / name)
    assert [*tmp_path.glob(".*part")] == []


@pytest.mark.parametrize("day", ["nat", "1e400", "no day"])
def test_a_day_that_is_none_is_refused(workspace, capsys, tmp_path, bars, day):
    asked = ["compute", "rsi", "--bars", tmp_path / "bars.csv", "--start", day]
    assert "a day is written" in refused(capsys, *asked)
