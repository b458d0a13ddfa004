"""`nautilus-lab report ...`: a day's risk, and a day's patterns to review, as a file."""

from __future__ import annotations

import argparse
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.cli._engine import add_trader
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import DataError, InputError, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.config import Settings
    from nautilus_lab.lab import Lab
    from nautilus_lab.reports import Report, TraderDay


def add_report(verbs: Verbs) -> None:
    """Add the commands of this file."""
    report = verbs.add_parser("report", help="reports of a trader's day").add_subparsers(
        required=True, metavar="COMMAND"
    )
    daily = add_verb(
        report, "daily", _daily, "risk, limits, breaches and backtest at the end of a day"
    )
    watched = add_verb(
        report, "surveillance", _surveillance, "wash, layering and closing patterns to review"
    )
    for parser in (daily, watched):
        parser.add_argument("--date", required=True, help="the day, UTC: 2026-01-31")
        parser.add_argument(
            "--out",
            type=Path,
            required=True,
            help="the file; .html, .pdf, .xlsx, .csv or .json, by which it is written",
        )
    watched.add_argument(
        "--market", type=Path, help="all trades of the market, parquet; else no close is assessed"
    )
    watched.add_argument("--close", default="16:00", help="when the session ends (16:00)")
    watched.add_argument("--zone", default="America/New_York", help="the exchange's time zone")
    add_trader(daily, watched)


def _daily(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab
    from nautilus_lab.reports import code_version
    from nautilus_lab.risk import Proxy, RiskLimitEngine

    lab = Lab(chosen.root)
    day = _read(chosen, lab.settings)
    trading = _own(lab.settings, day.trader).trading
    rules = trading.measures
    report = day.daily_report(
        RiskLimitEngine.of_settings(trading),
        code=code_version(_revision(lab.settings)),
        returns=_returns(lab, day, {one.symbol for one in rules.proxies.values()}),
        history=rules.history_days,
        proxies={
            symbol: Proxy(symbol=one.symbol, beta=one.beta) for symbol, one in rules.proxies.items()
        },
    )
    _written(report, chosen.out)


def _own(settings: Settings, trader: str) -> Settings:
    """Return what a trader was started with last: its limits are what it was held against."""
    from nautilus_lab.config import Settings
    from nautilus_lab.platform.rundir import Home

    path = Home(settings.home_path).trader(trader).settings
    try:
        return Settings.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return settings
    except (OSError, ValueError) as error:
        raise StoreError(
            f"a trader's settings must be readable: {type(error).__name__}",
            value=str(path),
            remedy="start it again: nautilus-lab node start",
        ) from None


def _surveillance(chosen: argparse.Namespace) -> None:
    from nautilus_lab.config import load_settings
    from nautilus_lab.reports import code_version
    from nautilus_lab.surveillance import ClosingTrades, Surveillance

    settings = load_settings(chosen.root)
    closing = ClosingTrades(close=_time(chosen.close), zone=chosen.zone)
    market = None if chosen.market is None else _market(chosen.market)
    day = _read(chosen, settings)
    report = day.surveillance_report(
        Surveillance(closing=closing), code=code_version(_revision(settings)), market=market
    )
    _written(report, chosen.out)


def _read(chosen: argparse.Namespace, settings: Settings) -> TraderDay:
    from nautilus_lab.platform.rundir import Home
    from nautilus_lab.reports import read_day

    try:
        day = date.fromisoformat(chosen.date)
    except ValueError:
        raise InputError(
            "--date must be a date", value=chosen.date, remedy="write 2026-01-31"
        ) from None
    trader = chosen.trader or settings.trading.trader_id
    home = Home(settings.home_path)
    if not home.trader(trader).store.is_file():
        raise InputError(
            "a report is of a trader that has run",
            value=f"{trader}, looked for in {home.path}",
            remedy=f"--trader: one of {', '.join(home.trader_ids) or 'none'}",
        )
    return read_day(home.trader(trader).store, trader=trader, day=day, desk=home.store)


def _returns(lab: Lab, day: TraderDay, proxies: set[str]) -> pd.DataFrame | None:
    """Return the catalog's daily returns of what is held, and of proxies; None without any."""
    from nautilus_lab.provenance import mark, provenance

    held = {name.rpartition(".")[0] or name for name in day.positions["instrument"]}
    held |= proxies
    try:
        known = lab.marketdata.symbols()
        symbols = sorted(held & set(known[known["kind"] == "closes"]["symbol"]))
        prices = lab.marketdata.prices(symbols, end=day.day) if symbols else None
    except DataError:
        return None
    return None if prices is None else mark(prices.pct_change().iloc[1:], provenance(prices))


def _market(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(
            "--market must be a parquet file that can be read",
            value=f"{path}: {str(error).splitlines()[0]}",
            remedy="columns instrument, time, price, quantity",
        ) from None


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise InputError("--close must be a time", value=text, remedy="write 16:00") from None


def _revision(settings: Settings) -> str:
    from nautilus_lab.jobs._run import git_revision

    return git_revision(settings.root)


def _written(report: Report, out: Path) -> None:
    report.write(out)
    print(f"{out}: {report.title} of {report.subject}, {report.complete_text} complete")
