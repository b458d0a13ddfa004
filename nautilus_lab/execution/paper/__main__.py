"""A paper venue's process: `python -m nautilus_lab.execution.paper --settings FILE`."""

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
from nautilus_lab.execution.paper._clock import ReplayClock
from nautilus_lab.execution.paper._ledger import Ledger
from nautilus_lab.execution.paper._replay import Replay
from nautilus_lab.execution.paper._server import PaperVenue
from nautilus_lab.execution.paper._terms import VenueTerms
from nautilus_lab.marketdata import MarketDataEngine
from nautilus_lab.platform.rundir import Failure, Home, ProcessRecord, RunDirectory
from nautilus_lab.platform.telemetry import configure_logging

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0


def main() -> int:
    """Serve one venue of a trader until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m nautilus_lab.execution.paper")
    parser.add_argument("--settings", type=Path, required=True, help="settings as JSON")
    parser.add_argument("--venue", default="PAPER", help="which of trading.venues")
    given = parser.parse_args()
    settings = Settings.model_validate_json(given.settings.read_bytes())
    rundir = Home(settings.home_path).make().trader(settings.trading.trader_id).make()
    code = 0
    try:
        asyncio.run(_serve(settings, rundir, given.venue))
    except* LabError as group:
        # Alone, or out of the group of tasks that the venue is made of.
        for error in group.exceptions:
            print(error, file=sys.stderr)  # noqa: T201 - the supervisor reads it from here
        Failure.of("venue", group.exceptions[0]).write(rundir.failure)
        code = 2
    return code


async def _serve(settings: Settings, rundir: RunDirectory, name: str) -> None:
    trading = settings.trading
    given, files = trading.venue(name), rundir.venue_of(name)
    cash = trading.starting_cash if given.starting_cash is None else given.starting_cash
    configure_logging(files.log, settings.log_level)
    with files.lock:
        closes = MarketDataEngine(settings.data_path).prices(trading.replay_symbols or None)
        ledger = Ledger(files.book)
        venue = PaperVenue(
            replay=Replay(
                closes,
                steps_per_day=max(2, round(trading.seconds_per_day * trading.quotes_per_second)),
                seed=trading.seed if given.seed is None else given.seed,
                start=trading.replay_start,
            ),
            ledger=ledger,
            orders_address=files.orders,
            quotes_address=files.quotes,
            seconds_per_day=trading.seconds_per_day,
            starting_cash=Decimal(str(cash)),
            terms=VenueTerms.of(trading, name),
            name=name,
            faults=given.faults,
            clock=ReplayClock(rundir.replay),
        )
        record = ProcessRecord.of_this_process("venue", address=files.orders)
        served = asyncio.Event()

        def serve() -> None:
            record.write(files.record)
            served.set()

        serving = asyncio.ensure_future(venue.serve(serve))
        finding = asyncio.ensure_future(_end_when_lost(serving, files.record, served))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
        try:
            await serving
        except asyncio.CancelledError:
            pass
        finally:
            finding.cancel()
            files.record.unlink(missing_ok=True)
            ledger.close()


async def _end_when_lost(
    serving: asyncio.Future[None], record: Path, served: asyncio.Event
) -> None:
    """End a venue whose run directory was taken away: nobody could find it, nor its book."""
    await served.wait()
    while _is_there(record):
        await asyncio.sleep(_LOOK_EVERY_S)
    log.error("the run directory is gone: the venue ends")
    serving.cancel()


def _is_there(record: Path) -> bool:
    return record.exists()


if __name__ == "__main__":
    sys.exit(main())
