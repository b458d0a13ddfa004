"""The paper venue's process: `python -m nautilus_lab.execution.paper --settings FILE`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from decimal import Decimal
from pathlib import Path

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import LabError
from nautilus_lab.execution.paper._ledger import Ledger
from nautilus_lab.execution.paper._replay import Replay
from nautilus_lab.execution.paper._server import PaperVenue
from nautilus_lab.marketdata import MarketDataEngine
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.telemetry import configure_logging

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


def main() -> int:
    """Serve the venue of one trader until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m nautilus_lab.execution.paper")
    parser.add_argument("--settings", type=Path, required=True, help="settings as JSON")
    settings = Settings.model_validate_json(parser.parse_args().settings.read_bytes())
    code = 0
    try:
        asyncio.run(_serve(settings))
    except* LabError as group:
        # Alone, or out of the group of tasks that the venue is made of.
        for error in group.exceptions:
            print(error, file=sys.stderr)  # noqa: T201 - the supervisor reads it from here
        code = 2
    return code


async def _serve(settings: Settings) -> None:
    trading = settings.trading
    rundir = Home(settings.home_path).make().trader(trading.trader_id).make()
    configure_logging(rundir.logs / "venue.log", settings.log_level)
    with rundir.venue_lock:
        closes = MarketDataEngine(settings.data_path).prices(trading.replay_symbols or None)
        ledger = Ledger(rundir.venue_book)
        venue = PaperVenue(
            replay=Replay(
                closes,
                steps_per_day=max(2, round(trading.seconds_per_day * trading.quotes_per_second)),
                seed=trading.seed,
                start=trading.replay_start,
            ),
            ledger=ledger,
            orders_address=rundir.venue_orders,
            quotes_address=rundir.venue_quotes,
            seconds_per_day=trading.seconds_per_day,
            starting_cash=Decimal(str(trading.starting_cash)),
            commission_bps=trading.commission_bps,
            half_spread_bps=trading.half_spread_bps,
        )
        record = ProcessRecord.of_this_process("venue", address=rundir.venue_orders)
        serving = asyncio.ensure_future(venue.serve(lambda: record.write(rundir.venue)))
        finding = asyncio.ensure_future(_end_when_lost(serving, rundir.venue))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
        try:
            await serving
        except asyncio.CancelledError:
            pass
        finally:
            finding.cancel()
            rundir.venue.unlink(missing_ok=True)
            ledger.close()


async def _end_when_lost(serving: asyncio.Future[None], record: Path) -> None:
    """End a venue whose run directory was taken away: nobody could find it, nor its book."""
    while not _is_there(record):
        await asyncio.sleep(_LOOK_EVERY_S)  # it is written when the venue serves
    while _is_there(record):
        await asyncio.sleep(_LOOK_EVERY_S)
    log.error("the run directory is gone: the venue ends")
    serving.cancel()


def _is_there(record: Path) -> bool:
    return record.exists()


if __name__ == "__main__":
    sys.exit(main())
