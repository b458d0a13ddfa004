"""Quotes of the paper venue as Nautilus sees them."""

from __future__ import annotations

import asyncio
from typing import Any

from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.live.config import LiveDataClientConfig
from nautilus_trader.live.data_client import LiveMarketDataClient
from nautilus_trader.live.factories import LiveDataClientFactory
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.identifiers import ClientId, InstrumentId
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.execution.paper import PaperVenueClient, Tape
from nautilus_lab.trading.node._instruments import VENUE


class PaperDataClient(LiveMarketDataClient):
    """Turns the venue's tape into quote ticks, stamped with the real clock on arrival."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        venue: PaperVenueClient,
        instruments: list[Instrument],
        msgbus: MessageBus,
        cache: Cache,
        clock: LiveClock,
        config: LiveDataClientConfig,
    ) -> None:
        super().__init__(
            loop=loop,
            client_id=ClientId(VENUE.value),
            venue=VENUE,
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            instrument_provider=InstrumentProvider(),
            config=config,
        )
        self._paper = venue
        self._instruments = instruments
        self._wanted: dict[str, InstrumentId] = {}  # symbol -> instrument
        self.source_ts: int | None = None
        self.replay_ended = False
        for instrument in instruments:
            # The execution client and reconciliation look instruments up while connecting.
            cache.add_instrument(instrument)

    async def _connect(self) -> None:
        for instrument in self._instruments:
            self._handle_data(instrument)
        self._paper.on_tape = self._on_tape

    async def _disconnect(self) -> None:
        self._paper.on_tape = lambda tape: None

    async def _subscribe_instrument(self, command: Any) -> None:
        """Nothing to do: every instrument is known from the start."""

    async def _subscribe_quote_ticks(self, command: Any) -> None:
        self._wanted[command.instrument_id.symbol.value] = command.instrument_id

    async def _unsubscribe_quote_ticks(self, command: Any) -> None:
        self._wanted.pop(command.instrument_id.symbol.value, None)

    def _on_tape(self, tape: Tape) -> None:
        self.source_ts, self.replay_ended = tape.source_ts, tape.ended
        now = self._clock.timestamp_ns()
        for quote in tape.quotes:
            instrument_id = self._wanted.get(quote.symbol)
            if instrument_id is not None:
                size = Quantity(quote.size, 0)
                self._handle_data(
                    QuoteTick(
                        instrument_id,
                        Price(quote.bid, 2),
                        Price(quote.ask, 2),
                        size,
                        size,
                        tape.ts,
                        now,
                    )
                )


def data_factory(
    venue: PaperVenueClient, instruments: list[Instrument], made: list[PaperDataClient]
) -> type[LiveDataClientFactory]:
    """Return a factory that makes the client of this `venue` and appends it to `made`."""

    class PaperDataClientFactory(LiveDataClientFactory):
        @staticmethod
        def create(
            loop: asyncio.AbstractEventLoop,
            name: str,
            config: LiveDataClientConfig,
            msgbus: MessageBus,
            cache: Cache,
            clock: LiveClock,
        ) -> PaperDataClient:
            client = PaperDataClient(
                loop=loop,
                venue=venue,
                instruments=instruments,
                msgbus=msgbus,
                cache=cache,
                clock=clock,
                config=config,
            )
            made.append(client)
            return client

    return PaperDataClientFactory
