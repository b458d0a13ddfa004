"""Quotes, trades and bars of a paper venue as Nautilus sees them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.live.config import LiveDataClientConfig
from nautilus_trader.live.data_client import LiveMarketDataClient
from nautilus_trader.live.factories import LiveDataClientFactory
from nautilus_trader.model.data import BarType, QuoteTick, TradeTick
from nautilus_trader.model.enums import AggressorSide
from nautilus_trader.model.identifiers import ClientId, InstrumentId, TradeId, Venue
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.paper import PaperVenueClient, Tape, VenueQuote
from nautilus_lab.trading.node._bars import BarBuilder


class PaperDataClient(LiveMarketDataClient):
    """Turns a venue's tape into ticks and bars, stamped with the real clock on arrival.

    What was traded since the last quote comes as one trade at the middle, whose aggressor nobody
    knows. Bars are made here, of the quotes.

    Attributes
    ----------
    source_ts : int or None
        The historical instant the tape is at, UNIX ns.
    replay_ended : bool
        Whether history is over and the last close stands.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        name: str,
        paper: PaperVenueClient,
        instruments: Sequence[Instrument],
        msgbus: MessageBus,
        cache: Cache,
        clock: LiveClock,
        config: LiveDataClientConfig,
    ) -> None:
        super().__init__(
            loop=loop,
            client_id=ClientId(name),
            venue=Venue(name),
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            instrument_provider=InstrumentProvider(),
            config=config,
        )
        self._paper = paper
        self._instruments = {i.id.symbol.value: i for i in instruments}
        self._quotes: set[str] = set()  # symbols whose quotes are wanted
        self._trades: set[str] = set()
        self._bars: dict[str, dict[BarType, BarBuilder]] = {}  # symbol -> its bars
        self._trade_numbers = itertools.count(1)
        self.source_ts: int | None = None
        self.replay_ended = False
        for instrument in instruments:
            # The execution client and reconciliation look instruments up while connecting.
            cache.add_instrument(instrument)

    async def _connect(self) -> None:
        for instrument in self._instruments.values():
            self._handle_data(instrument)
        self._paper.on_tape = self._on_tape

    async def _disconnect(self) -> None:
        self._paper.on_tape = lambda tape: None

    # --- who wants what -------------------------------------------------------------------

    async def _subscribe_instrument(self, command: Any) -> None:
        """Nothing to do: every instrument is known from the start."""

    async def _subscribe_order_book_deltas(self, command: Any) -> None:
        """Nothing to do: Nautilus' emulator asks for a book too, and is content with quotes."""

    async def _unsubscribe_order_book_deltas(self, command: Any) -> None:
        """Nothing to do."""

    async def _subscribe_quote_ticks(self, command: Any) -> None:
        self._quotes.add(self._symbol(command.instrument_id))

    async def _unsubscribe_quote_ticks(self, command: Any) -> None:
        self._quotes.discard(command.instrument_id.symbol.value)

    async def _subscribe_trade_ticks(self, command: Any) -> None:
        self._trades.add(self._symbol(command.instrument_id))

    async def _unsubscribe_trade_ticks(self, command: Any) -> None:
        self._trades.discard(command.instrument_id.symbol.value)

    async def _subscribe_bars(self, command: Any) -> None:
        kind = command.bar_type
        symbol = self._symbol(kind.instrument_id)
        self._bars.setdefault(symbol, {}).setdefault(kind, BarBuilder(kind))

    async def _unsubscribe_bars(self, command: Any) -> None:
        kind = command.bar_type
        self._bars.get(kind.instrument_id.symbol.value, {}).pop(kind, None)

    def _symbol(self, instrument_id: InstrumentId) -> str:
        symbol = str(instrument_id.symbol.value)
        if symbol not in self._instruments:
            raise InputError(
                "an instrument must be one that the venue trades", value=str(instrument_id)
            )
        return symbol

    # --- the tape -------------------------------------------------------------------------

    def _on_tape(self, tape: Tape) -> None:
        self.source_ts, self.replay_ended = tape.source_ts, tape.ended
        now = self._clock.timestamp_ns()
        for quote in tape.quotes:
            instrument = self._instruments.get(quote.symbol)
            if instrument is not None:
                self._on_quote(instrument, quote, tape.ts, now)

    def _on_quote(self, instrument: Instrument, told: VenueQuote, ts: int, now: int) -> None:
        symbol = told.symbol
        bars = self._bars.get(symbol)
        if symbol in self._quotes or bars:
            quote = QuoteTick(
                instrument.id,
                Price(told.bid, instrument.price_precision),
                Price(told.ask, instrument.price_precision),
                Quantity(told.bid_size, 0),
                Quantity(told.ask_size, 0),
                ts,
                now,
            )
            if symbol in self._quotes:
                self._handle_data(quote)
            for builder in tuple(bars.values()) if bars else ():
                if (bar := builder.add(quote, told.volume)) is not None:
                    self._handle_data(bar)
        if symbol in self._trades and told.volume >= 1:
            middle = round((told.bid + told.ask) / 2, instrument.price_precision)
            self._handle_data(
                TradeTick(
                    instrument.id,
                    Price(middle, instrument.price_precision),
                    Quantity(told.volume, 0),
                    AggressorSide.NO_AGGRESSOR,
                    TradeId(f"{self.id.value}-{next(self._trade_numbers)}"),
                    ts,
                    now,
                )
            )


def data_factory(
    paper: PaperVenueClient, instruments: Sequence[Instrument], made: list[PaperDataClient]
) -> type[LiveDataClientFactory]:
    """Return a factory that makes the client of this venue and appends it to `made`."""

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
                name=name,
                paper=paper,
                instruments=instruments,
                msgbus=msgbus,
                cache=cache,
                clock=clock,
                config=config,
            )
            made.append(client)
            return client

    return PaperDataClientFactory
