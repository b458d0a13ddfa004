"""All limits of a desk in one value: asked in a backtest, in a node and in a notebook."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.risk.limits._adjusts import Adjusts
from nautilus_lab.risk.limits._asking import Asking, HeldNow, Order
from nautilus_lab.risk.limits._finding import Finding
from nautilus_lab.risk.limits._holdings import Counts, Holdings, Position
from nautilus_lab.risk.limits._levels import Levels
from nautilus_lab.risk.limits._limit import Limit
from nautilus_lab.risk.limits._loss import DailyLoss
from nautilus_lab.risk.limits._measures import Measures
from nautilus_lab.risk.limits._monitor import never, row_of
from nautilus_lab.risk.limits._report import LimitReport, LimitUtilisation
from nautilus_lab.risk.limits._scaling import scaled

if TYPE_CHECKING:
    import pandas as pd

_BASE = ("", 1.0)  # no rule, and so all of it
_COUNTS: Mapping[tuple[str, float], Counts] = MappingProxyType({})


@dataclass(frozen=True)
class LimitBook:
    """Limits, in the order in which an order is held against them.

    The same book is asked by the gate of a backtest and of a node, looked at by the node's
    monitor, and evaluated over frames in a notebook.

    Parameters
    ----------
    limits : sequence of Limit
        Any of `nautilus_lab.risk.limits`, each as often as wanted.
    levels : Levels, optional
        Where warning begins, and how long it lasts.
    dynamic : sequence of DynamicLimit, optional
        The rules that tighten some of them. A gate keeps where each stands over time; a report
        here has the bounds that the rules allow at once.

    Examples
    --------
    >>> from nautilus_lab.risk.limits import MaxGrossExposure, MaxPositionNotional
    >>> book = LimitBook([
    ...     MaxPositionNotional(max_notional=10_000), MaxGrossExposure(max_fraction=1.5)
    ... ])
    >>> report = book.evaluate({"AAPL": -50, "MSFT": 10}, {"AAPL": 190.0, "MSFT": 420.0},
    ...                        equity=10_000)
    >>> [(row.scope, row.value, row.level) for row in report]
    [('AAPL', 9500.0, 'critical'), ('account', 13700.0, 'warn'), ('MSFT', 4200.0, 'ok')]
    """

    limits: Sequence[Limit] = ()
    levels: Levels = field(default_factory=Levels)
    dynamic: Sequence[Adjusts] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "limits", tuple(self.limits))
        object.__setattr__(self, "dynamic", tuple(self.dynamic))
        for limit in self.limits:
            if not isinstance(limit, Limit):
                raise InputError(
                    "a limit book holds limits of nautilus_lab.risk.limits",
                    value=limit,
                    remedy="pass LimitBook([MaxPositionUnits(max_units=100)])",
                )
        if len([one for one in self.limits if is_day_stop(one)]) > 1:
            raise InputError(
                "an account has one loss of the day",
                value="DailyLoss twice",
                remedy="say both bounds in one: DailyLoss(max_loss=20_000, max_fraction=0.02)",
            )
        keys = [one.key for one in self.dynamic]
        for key in keys:
            if keys.count(key) > 1:
                raise InputError(
                    "dynamic limits need keys of their own",
                    value=key,
                    remedy='pass DynamicLimit(key="..."), or write adjust = { key = "..." }',
                )
        _ = self.adjusted  # each of them is of a limit that is here

    def __len__(self) -> int:
        return len(self.limits)

    def __iter__(self) -> Iterator[Limit]:
        return iter(self.limits)

    def __add__(self, other: LimitBook) -> LimitBook:
        """Return a book of both, with the levels of this one."""
        return LimitBook(
            (*self.limits, *other.limits),
            levels=self.levels,
            dynamic=(*self.dynamic, *other.dynamic),
        )

    @property
    def blocking(self) -> tuple[Limit, ...]:
        """What each order is held against before it leaves."""
        return tuple(limit for limit in self.limits if limit.blocks)

    @property
    def monitored(self) -> tuple[Limit, ...]:
        """What is looked at again and again."""
        return tuple(limit for limit in self.limits if limit.monitors)

    @property
    def needs(self) -> frozenset[str]:
        """The measures that its limits read, by name; ``"volume:*"`` is that of every symbol."""
        read = [*(one.needs for one in self.limits), *(one.needs for one in self.dynamic)]
        return frozenset().union(*read)

    @property
    def day_stop(self) -> DailyLoss | None:
        """The loss of the day that ends trading; None when there is none."""
        return next((one for one in self.limits if is_day_stop(one)), None)  # type: ignore[return-value]

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The limits as plain values; `book_of` makes the same ones of them."""
        rules = self.adjusted
        return [
            limit.settings | ({"adjust": rules[place].settings} if place in rules else {})
            for place, limit in enumerate(self.limits)
        ]

    @property
    def adjusted(self) -> dict[int, Adjusts]:
        """The rules by the place in the book of what they adjust.

        Raises
        ------
        InputError
            When a rule is of a limit that is not in the book, or that has one already.
        """
        found: dict[int, Adjusts] = {}
        for one in self.dynamic:
            places = [
                place
                for place, limit in enumerate(self.limits)
                # What stands in for a limit has it as `limit`.
                if one.limit in (limit, getattr(limit, "limit", None)) and place not in found
            ]
            if not places:
                raise InputError("a dynamic limit must be in the book", value=one.limit)
            found[places[0]] = one
        return found

    def at(self, parts: Mapping[str, float]) -> LimitBook:
        """Return the book with bounds multiplied, by the key of the rule; one without rules."""
        limits = list(self.limits)
        for place, one in self.adjusted.items():
            limits[place] = scaled(limits[place], parts[one.key])
        return LimitBook(limits, levels=self.levels)

    # --- in a notebook --------------------------------------------------------------------

    def look(self, holdings: Holdings) -> LimitReport:
        """Hold what is held against every limit that can be looked at.

        Returns
        -------
        LimitReport
            A row for each limit and scope. A limit that only orders are held against has one of
            level ``"never"``: nobody may say that it holds. One that cannot be measured is a
            breach, with its reason.
        """
        return self._report(holdings, ())

    def _report(self, holdings: Holdings, orders: Iterable[Order]) -> LimitReport:
        parts = {one.key: one.allowed(holdings) for one in self.dynamic}
        held = self.at(parts)
        by_limit = {
            id(held.limits[place]): (one.key, parts[one.key])
            for place, one in self.adjusted.items()
        }
        return LimitReport(rows=tuple(held._rows(holdings, orders, by_limit)))

    def ask(self, order: Order, holdings: Holdings) -> tuple[Finding, ...]:
        """Hold an order that is thought of against every limit that blocks.

        What passed lately is not known here: limits of rate, repeats and duplicates see this
        order alone.

        Returns
        -------
        tuple of Finding
            One for each limit that has a say, in the order of the book. Limits of exposure have
            none in what only reduces.

        Raises
        ------
        InputError
            When nothing of the holdings is what the order is of.
        """
        held = self.at({one.key: one.allowed(holdings) for one in self.dynamic})
        return tuple(found for _, found in held._asked(order, holdings))

    def _asked(self, order: Order, holdings: Holdings) -> Iterator[tuple[Limit, Finding]]:
        asked, held = Asking(order, holdings), HeldNow(holdings)
        increases = asked.reach("instrument").increases
        traded = asked.instrument
        for limit in self.blocking:
            if (limit.exposure and not increases) or not limit.concerns(
                traded.name, traded.symbol, order.strategy
            ):
                continue
            limit.prepare(held)
            yield limit, limit.judge(asked, held)

    def _rows(
        self,
        holdings: Holdings,
        orders: Iterable[Order],
        adjusted: Mapping[int, tuple[str, float]],
    ) -> Iterator[LimitUtilisation]:
        judged: set[int] = set()
        for order in orders:
            for limit, found in self._asked(order, holdings):
                judged.add(id(limit))
                if not limit.monitors:
                    level = "breach" if not found.passed else self.levels.of_finding(found)
                    yield row_of(limit, found, level, "", adjusted.get(id(limit), _BASE))
        for limit in self.limits:
            if not limit.monitors:
                if id(limit) not in judged:
                    yield never(limit, "it is asked about orders, and none was given")
                continue
            found_any = False
            try:
                for found in limit.look(holdings):
                    found_any = True
                    level = self.levels.of_finding(found)
                    yield row_of(limit, found, level, "", adjusted.get(id(limit), _BASE))
            except Exception as error:
                found_any = True
                nothing = Finding(limit.name, "all", math.nan, math.nan, False)
                yield row_of(limit, nothing, "breach", f"it could not be looked at: {error}")
            if not found_any:
                yield never(limit, "nothing was there to hold against it")

    def evaluate(
        self,
        positions: Mapping[str, float] | pd.Series[float] | pd.DataFrame,
        prices: Mapping[str, float] | pd.Series[float],
        *,
        equity: float | Mapping[str, float] = math.nan,
        orders: Iterable[Order] = (),
        day_start_equity: float = math.nan,
        high_water: float = math.nan,
        highs: Mapping[int, float] = MappingProxyType({}),
        strategy_day_loss: Mapping[str, float] = MappingProxyType({}),
        counts: Mapping[tuple[str, float], Counts] = _COUNTS,
        measures: Measures | None = None,
        now_ns: int | None = None,
        currency: str = "USD",
    ) -> LimitReport:
        """Hold positions against every limit.

        Parameters
        ----------
        positions : mapping or Series, symbol -> units; or DataFrame
            What is held, signed. A frame has the columns `symbol` and `units`, and where known
            `venue`, `account`, `strategy`, `multiplier`, and `buys` and `sells` for what works.
        prices : mapping or Series, symbol -> price
            In account currency. A symbol without a position may be there for `orders`.
        equity : float or mapping of str to float, optional
            Net asset value, of the account or of each; what is a fraction of it fails without.
        orders : iterable of Order
            Held against the limits that only orders are held against.
        day_start_equity, high_water : float, optional
            What the loss of the day and the drawdown are counted from.
        highs : mapping of int to float, optional
            Days -> the highest equity within so many, which drawdowns of a window are counted
            from; see `highs_of`.
        strategy_day_loss : mapping of str to float, optional
            Strategy -> what it lost since the day began.
        counts : mapping of (str, float) to Counts, optional
            Strategy, window in seconds -> what it did within that.
        measures : Measures, optional
            What cannot be added up from positions; see `measures_of`.
        now_ns : int, optional
            UNIX nanoseconds by which measures are too old; the clock's when not given.
        currency : str, default="USD"
            What money is counted in.

        Returns
        -------
        LimitReport
            See `look`.

        Raises
        ------
        InputError
            When a position has no price, or the frame lacks a column.
        BadData
            When units are not finite, or a price is not finite and positive.
        """
        named = {"account": equity} if isinstance(equity, int | float) else dict(equity)
        held, shares = positions_of(positions, prices)
        accounts = {one.account for one in held}
        if isinstance(equity, int | float) and accounts - {"account"}:
            raise InputError(
                "accounts have an equity each",
                value=", ".join(sorted(accounts)),
                remedy='pass equity={"account name": 1_000_000}',
            )
        if isinstance(equity, int | float) and math.isnan(equity):
            named = {"account": math.nan}
        venues = {one.venue for one in held}
        venue_equity = (
            dict.fromkeys(venues, sum(named.values())) if len(venues) == 1 and named else {}
        )
        holdings = Holdings(
            positions=held,
            shares=shares,
            equity={name: float(value) for name, value in named.items()},
            venue_equity=venue_equity,
            day_start_equity=day_start_equity,
            high_water=high_water,
            highs=highs,
            strategy_day_loss=strategy_day_loss,
            now_ns=time.time_ns() if now_ns is None else now_ns,
            measures=measures if measures is not None else Measures(),
            counts=counts,
            currency=currency,
        )
        return self._report(holdings, orders)


def is_day_stop(limit: Limit) -> bool:
    """Whether a limit is the loss of the account's day."""
    return isinstance(limit, DailyLoss) and limit.per == "account"


def positions_of(
    positions: Mapping[str, float] | pd.Series[float] | pd.DataFrame,
    prices: Mapping[str, float] | pd.Series[float],
) -> tuple[tuple[Position, ...], tuple[Position, ...]]:
    """Return positions of accounts, and of strategies, from plain frames; see `evaluate`.

    Raises
    ------
    InputError
        When a position has no price, or a frame lacks a column.
    BadData
        When units are not finite, or a price is not finite and positive.
    """
    quoted = {str(symbol): _price(symbol, price) for symbol, price in prices.items()}
    rows = _rows_of(positions)
    shares = tuple(_position(row, quoted) for row in rows)
    whole: dict[tuple[str, str], Position] = {}
    for one in shares:
        key = (one.account, one.instrument)
        before = whole.get(key)
        whole[key] = Position(
            instrument=one.instrument,
            symbol=one.symbol,
            venue=one.venue,
            units=one.units + (before.units if before else 0.0),
            buys=one.buys + (before.buys if before else 0.0),
            sells=one.sells + (before.sells if before else 0.0),
            price=one.price,
            quoted=one.quoted,
            account=one.account,
        )
    for symbol, price in quoted.items():
        if not any(one.symbol == symbol for one in whole.values()):
            whole["account", symbol] = Position(
                instrument=symbol, symbol=symbol, venue="", units=0.0, price=price
            )
    return tuple(whole.values()), tuple(one for one in shares if one.strategy)


def _rows_of(
    positions: Mapping[str, float] | pd.Series[float] | pd.DataFrame,
) -> list[dict[str, Any]]:
    columns: Any = getattr(positions, "columns", None)
    if columns is None:
        return [{"symbol": str(symbol), "units": units} for symbol, units in positions.items()]
    missing = {"symbol", "units"} - set(columns)
    unknown = set(columns) - {
        "symbol",
        "units",
        "venue",
        "account",
        "strategy",
        "multiplier",
        "buys",
        "sells",
    }
    if missing or unknown:
        raise InputError(
            "a frame of positions has symbol and units, and may have venue, account, strategy, "
            "multiplier, buys and sells",
            value=", ".join(sorted(missing or unknown)),
            remedy="rename its columns",
        )
    table: Any = positions
    return [dict(row) for row in table.to_dict("records")]


def _position(row: Mapping[str, Any], quoted: Mapping[str, float]) -> Position:
    symbol = str(row["symbol"])
    numbers = {
        name: float(row.get(name, default))
        for name, default in (("units", 0), ("buys", 0), ("sells", 0), ("multiplier", 1))
    }
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise BadData(
                f"{name} must be finite", value=f"{symbol}: {value}", remedy="mend the position"
            )
    moving = numbers["units"] or numbers["buys"] or numbers["sells"]
    if moving and symbol not in quoted:
        raise InputError(
            "every position needs a price",
            value=symbol,
            remedy="add its price; a position without one cannot be valued",
        )
    mark = quoted.get(symbol, math.nan)
    venue = str(row.get("venue", ""))
    return Position(
        instrument=f"{symbol}.{venue}" if venue else symbol,
        symbol=symbol,
        venue=venue,
        units=numbers["units"],
        buys=numbers["buys"],
        sells=numbers["sells"],
        price=mark * numbers["multiplier"],
        quoted=mark,
        account=str(row.get("account", "account")),
        strategy=str(row.get("strategy", "")),
    )


def _price(symbol: object, price: float) -> float:
    value = float(price)
    if not 0 < value < math.inf:
        raise BadData(
            "prices must be finite and positive",
            value=f"{symbol}: {value}",
            remedy="mend the source, or price the position by hand",
        )
    return value
