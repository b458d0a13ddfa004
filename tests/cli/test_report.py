"""Reports from the command line."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from nautilus_lab.cli import main
from nautilus_lab.platform.messages import OrderFilled, envelope
from nautilus_lab.platform.store import TradingStore


@pytest.fixture
def today(rundir):
    """A buy and a sale at one price, now; returns the day."""
    with TradingStore.open(rundir.store) as store:
        epoch = store.begin_epoch("node")
        for n, side in enumerate(("BUY", "SELL")):
            fill = OrderFilled(
                trade_id=f"T-{n}",
                client_order_id=f"O-{n}",
                strategy="tilt",
                instrument="AAPL.PAPER",
                side=side,
                quantity=Decimal(100),
                price=Decimal("190.5"),
            )
            store.record(envelope(fill, "t", trader="PAPER-001", writer="node", epoch=epoch))
    return datetime.now(UTC).date()


def test_a_surveillance_report_is_written_and_said(today, workspace, tmp_path, capsys):
    out = tmp_path / "watched.json"
    told = ["report", "surveillance", "--trader", "PAPER-001", "--date", f"{today}"]
    assert main([*told, "--out", str(out)]) == 0
    assert "Surveillance of PAPER-001" in capsys.readouterr().out
    sections = {one["name"]: one["rows"] for one in json.loads(out.read_text())["sections"]}
    assert [row[1] for row in sections["Patterns to review"]] == ["wash"]


@pytest.mark.parametrize("form", ["html", "pdf", "xlsx", "csv", "json"])
def test_a_daily_report_is_written_in_every_format(today, workspace, tmp_path, form):
    out = tmp_path / f"daily.{form}"
    assert main(["report", "daily", "--date", f"{today}", "--out", str(out)]) == 0
    assert out.stat().st_size > 1_000


def test_the_market_of_a_file_is_read(today, workspace, tmp_path):
    market, out = tmp_path / "market.parquet", tmp_path / "watched.json"
    pd.DataFrame(
        {
            "instrument": ["AAPL.PAPER"],
            "time": pd.to_datetime(["2026-03-02T20:00:00Z"]),
            "price": [190.0],
            "quantity": [10.0],
        }
    ).to_parquet(market)
    told = ["report", "surveillance", "--date", f"{today}", "--out", str(out)]
    assert main([*told, "--market", str(market), "--close", "00:00", "--zone", "UTC"]) == 0
    assert json.loads(out.read_text())["complete"] == 1.0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"--date": "today"}, "--date must be a date"),
        ({"--date": "TOMORROW"}, "must have begun"),
        ({"--out": "daily.docx"}, "written as one of"),
        ({"--out": "nowhere/daily.html"}, "folder that exists"),
        ({"--trader": "../x"}, "plain name"),
        ({"--trader": "PAPER-009"}, "a trader that has run"),
        ({"--close": "noon"}, "--close must be a time"),
        ({"--zone": "Mars"}, "time zone"),
        ({"--market": "none.parquet"}, "parquet file"),
    ],
)
def test_what_is_wrong_is_three_lines_and_no_file(
    today, workspace, tmp_path, capsys, monkeypatch, changes, error
):
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NL_ROOT", str(workspace))
    tomorrow = f"{today + timedelta(days=1)}"
    told = {"--date": f"{today}", "--out": "daily.html", **changes}
    told = {name: tomorrow if value == "TOMORROW" else value for name, value in told.items()}
    arguments = [word for pair in told.items() for word in pair]
    assert main(["report", "surveillance", *arguments]) == 2
    said = capsys.readouterr().err
    assert error in said
    assert len(said.strip().splitlines()) == 3
    assert list(folder.iterdir()) == []
