"""Frames to Nautilus types and back; the only file of the room that imports NautilusTrader.

A bar's `ts_event` is the label it has in a frame, its `ts_init` the moment it closes: the last
nanosecond of its length, which is the shortest time between two labels. Nautilus orders data by
`ts_init`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarSpecification, BarType, QuoteTick
from nautilus_trader.model.enums import AggregationSource, BarAggregation, PriceType
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Price, Quantity

from nautilus_lab.exceptions import InputError
from nautilus_lab.frames import BAR_COLUMNS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import Bars, FloatArray

    Nanoseconds = NDArray[np.uint64]

VENUE = Venue("PAPER")

# Adjusted prices of the 1990s lie below a dollar: a cent would move them by percents.
PRICE_PRECISION = 6

# More than any order asks for: the best bid and ask take all of it at their price.
_DEEP = 1e12
_SECOND = 1_000_000_000


def instrument_id(symbol: str) -> InstrumentId:
    """Return ``AAPL.PAPER`` for ``AAPL``."""
    return InstrumentId(Symbol(str(symbol)), VENUE)


def equity(
    symbol: str, *, price_precision: int = PRICE_PRECISION, commission_bps: float = 0.0
) -> Equity:
    """Return the instrument of a symbol: a share in US dollars, traded whole.

    Parameters
    ----------
    symbol : str
        As in the columns of frames.
    price_precision : int, default=6
        Decimals of a price. A live paper venue takes 2; adjusted history needs more.
    commission_bps : float, default=0.0
        Of the traded value, charged to both sides.
    """
    fee = Decimal(str(commission_bps)) / 10_000
    return Equity(
        instrument_id=instrument_id(symbol),
        raw_symbol=Symbol(str(symbol)),
        currency=USD,
        price_precision=price_precision,
        price_increment=Price(10.0**-price_precision, price_precision),
        lot_size=Quantity.from_int(1),
        maker_fee=fee,
        taker_fee=fee,
        ts_event=0,
        ts_init=0,
    )


def bar_type(symbol: str, length_ns: int) -> BarType:
    """Return the type of bars of last prices that are about `length_ns` long."""
    for aggregation, unit_ns in (
        (BarAggregation.DAY, 86_400 * _SECOND),
        (BarAggregation.HOUR, 3_600 * _SECOND),
        (BarAggregation.MINUTE, 60 * _SECOND),
        (BarAggregation.SECOND, _SECOND),
    ):
        if length_ns >= unit_ns:
            # Longer than a day is written as a day: weeks and months have other names, and gaps.
            steps = 1 if aggregation == BarAggregation.DAY else int(length_ns // unit_ns)
            specification = BarSpecification(steps, aggregation, PriceType.LAST)
            return BarType(instrument_id(symbol), specification, AggregationSource.EXTERNAL)
    raise InputError(
        "bars must be a second apart at least", value=f"{length_ns} ns", remedy="resample them"
    )


def nanoseconds(times: pd.Index[Any]) -> Nanoseconds:
    """Return UNIX nanoseconds of an index of any resolution.

    Raises
    ------
    InputError
        When a time lies before 1970 or after 2262, which Nautilus cannot write.
    """
    import numpy as np
    import pandas as pd

    index = pd.DatetimeIndex(times)
    if len(index) and not 1970 <= min(index.year) <= max(index.year) <= 2261:
        raise InputError(
            "times must lie between 1970 and 2261 for Nautilus to count them",
            value=f"{index[0].date()} to {index[-1].date()}",
            remedy="cut the data, or backtest with mode='vectorised'",
        )
    counted: Nanoseconds = index.as_unit("ns").asi8.astype(np.uint64)
    return counted


def closing_times(labels: Nanoseconds) -> Nanoseconds:
    """Return when bars with these labels close; see the head of this file."""
    import numpy as np

    length = np.diff(labels).min() if len(labels) > 1 else np.uint64(86_400 * _SECOND)
    return labels + length - np.uint64(1)


def to_bars(
    kind: BarType,
    columns: Sequence[FloatArray],
    labels: Nanoseconds,
    closes_at: Nanoseconds,
    *,
    price_precision: int = PRICE_PRECISION,
) -> list[Bar]:
    """Make the bars of one symbol.

    Parameters
    ----------
    kind : BarType
        Their type.
    columns : sequence of five arrays
        Open, high, low, close and volume, as floats.
    labels, closes_at : arrays of uint64
        `ts_event` and `ts_init`.
    price_precision : int, default=6
        That of the instrument.
    """
    import numpy as np

    # The wrangler of Nautilus refuses the read-only arrays of pandas 3; these are copies.
    own = [np.array(column, dtype=np.float64) for column in columns]
    made: list[Bar] = Bar.from_raw_arrays_to_list(
        kind, price_precision, 0, *own, labels.copy(), closes_at.copy()
    )
    return made


def to_quotes(
    quoted: InstrumentId,
    bids: FloatArray,
    asks: FloatArray,
    times: Nanoseconds,
    *,
    price_precision: int = PRICE_PRECISION,
) -> list[QuoteTick]:
    """Make quotes of one symbol that are deep enough for any order.

    Parameters
    ----------
    quoted : InstrumentId
        The instrument.
    bids, asks : arrays of float
        Prices.
    times : array of uint64
        `ts_event` and `ts_init`.
    price_precision : int, default=6
        That of the instrument.
    """
    import numpy as np

    sizes = np.full(len(times), _DEEP)
    made: list[QuoteTick] = QuoteTick.from_raw_arrays_to_list(
        quoted,
        price_precision,
        0,
        np.array(bids, dtype=np.float64),
        np.array(asks, dtype=np.float64),
        sizes,
        sizes.copy(),
        times.copy(),
        times.copy(),
    )
    return made


def bars_of(frame: Bars, *, price_precision: int = PRICE_PRECISION) -> list[Bar]:
    """Make Nautilus bars of a frame of bars, in the order in which they close.

    Parameters
    ----------
    frame : DataFrame, shape ((timestamp, symbol), 5)
        As `nautilus_lab.frames.require_bars` lets through.
    price_precision : int, default=6
        That of the instruments.
    """
    made: list[Bar] = []
    for symbol in frame.index.get_level_values("symbol").unique():
        part = frame.xs(symbol, level="symbol")
        labels = nanoseconds(part.index)
        ends = closing_times(labels)
        length = int(ends[0] - labels[0]) + 1
        columns = [part[name].to_numpy() for name in BAR_COLUMNS]
        kind = bar_type(symbol, length)
        made += to_bars(kind, columns, labels, ends, price_precision=price_precision)
    return sorted(made, key=lambda bar: bar.ts_init)


def frame_of(bars: Iterable[Bar]) -> Bars:
    """Make a frame of Nautilus bars; the inverse of `bars_of`, up to the precision of prices."""
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {
            "timestamp": bar.ts_event,
            "symbol": bar.bar_type.instrument_id.symbol.value,
            "open": float(bar.open),
            "high": float(bar.high),
            "low": float(bar.low),
            "close": float(bar.close),
            "volume": float(bar.volume),
        }
        for bar in bars
    ]
    frame = pd.DataFrame(rows, columns=["timestamp", "symbol", *BAR_COLUMNS])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="ns", utc=True)
    return frame.set_index(["timestamp", "symbol"]).sort_index()
