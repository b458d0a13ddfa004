"""Fiscal periods: what a company had told of its quarters and years, filing by filing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.point_in_time._moments import DAY, as_times

if TYPE_CHECKING:
    import pandas as pd

FiscalMeasure = Literal["instant", "quarter", "year", "trailing_year"]

_MEASURES = ("instant", "quarter", "year", "trailing_year")
# Companies close on a weekday near the month's end: a quarter has 12 to 14 weeks, a year 52 or 53.
_QUARTER = range(80, 101)
_YEAR = range(350, 381)
_SLACK = 20  # days by which a fiscal year may end earlier or later than a year ago
_NEXT = 7  # days between the end of a period and the first day of the next
_UNKNOWN = float("nan")  # one of them, so that it equals itself


@dataclass
class _Told:
    """What has been told so far; days are counted from 1970."""

    instants: dict[int, float] = field(default_factory=dict)
    # end -> first day -> value
    flows: dict[int, dict[int, float]] = field(default_factory=dict)

    def tell(self, start: int | None, end: int, value: float) -> None:
        if start is None:
            self.instants[end] = value
        else:
            self.flows.setdefault(end, {})[start] = value

    def ends(self, measure: FiscalMeasure) -> list[int]:
        return sorted(self.instants if measure == "instant" else self.flows, reverse=True)

    def value(self, measure: FiscalMeasure, end: int) -> float | None:
        if measure == "instant":
            return self.instants.get(end)
        if measure == "year":
            return self.lasting(end, _YEAR)
        return self.quarter(end) if measure == "quarter" else self.trailing_year(end)

    def lasting(self, end: int, days: range) -> float | None:
        for start, value in self.flows.get(end, {}).items():
            if end - start + 1 in days:
                return value
        return None

    def quarter(self, end: int) -> float | None:
        """Return the quarter as told, else the year to date less that of a quarter before."""
        found = self.lasting(end, _QUARTER)
        if found is not None:
            return found
        for start, total in sorted(self.flows.get(end, {}).items(), reverse=True):
            for before, flows in self.flows.items():
                if end - before in _QUARTER and start in flows:
                    return total - flows[start]
        return self._last_quarter(end)

    def _last_quarter(self, end: int) -> float | None:
        """Return the year less its first three quarters, each told by itself."""
        for start, total in self.flows.get(end, {}).items():
            if end - start + 1 not in _YEAR:
                continue
            first = [
                flows[begin]
                for last, flows in self.flows.items()
                for begin in flows
                if begin >= start - _NEXT and last < end - 60 and last - begin + 1 in _QUARTER
            ]
            if len(first) == 3:
                return total - sum(first)
        return None

    def trailing_year(self, end: int) -> float | None:
        """Return a year as told, else four quarters, else the last year moved by years to date."""
        found = self.lasting(end, _YEAR)
        if found is None:
            found = self._four_quarters(end)
        return self._rolled(end) if found is None else found

    def _four_quarters(self, end: int) -> float | None:
        total, last = 0.0, end
        for _ in range(4):
            value = self.quarter(last)
            if value is None:
                return None
            total += value
            before = [one for one in self.flows if last - one in _QUARTER]
            last = max(before, default=-1)
        return total

    def _rolled(self, end: int) -> float | None:
        ago = self.ago(end, 1, "year")
        if ago is None:
            return None
        for start, now in self.flows.get(end, {}).items():
            for then_start, then in self.flows.get(ago, {}).items():
                same = abs((end - start) - (ago - then_start)) <= _NEXT
                before = [
                    value
                    for last, flows in self.flows.items()
                    if 0 <= start - last <= _NEXT
                    for begin, value in flows.items()
                    if last - begin + 1 in _YEAR and abs(begin - then_start) <= _NEXT
                ]
                if same and before:
                    return before[0] + now - then
        return None

    def ago(self, end: int, count: int, unit: str) -> int | None:
        """Return the end that lies so many years or quarters before another."""
        back = round(count * (365.25 if unit == "year" else 91.3125))
        for distance in range(_SLACK + 1):
            for one in (end - back + distance, end - back - distance):
                if one in self.flows or one in self.instants:
                    return one
        return None


def fiscal_values(
    facts: pd.DataFrame,
    *,
    measure: FiscalMeasure,
    ago: int = 0,
    unit: Literal["year", "quarter"] = "year",
    symbol: str = "symbol",
    start: str = "start",
    end: str = "end",
    filed: str = "filed",
    value: str = "val",
    name: str = "facts",
) -> pd.DataFrame:
    """Return a fiscal measure as it was known after each filing.

    Companies tell quarters, years to date and years, and tell earlier ones again beside the new
    one, restated or not. After each filing the newest period of which the measure can be had is
    looked for among all that was told until then, later filings first. Periods are told apart by
    their days alone, so that years of 52 or 53 weeks and a change of the fiscal year need no rule
    of their own; ``fy`` and ``fp`` of the facts describe the filing and are not read.

    ================= =============================================================================
    ``instant``       a balance, at the end of the period
    ``quarter``       as told; else the year to date less the one before; else, of a last quarter,
                      the year less its three others
    ``year``          as told
    ``trailing_year`` a year as told; else the sum of four quarters in a row; else the last year
                      plus the year to date less that of a year ago
    ================= =============================================================================

    Parameters
    ----------
    facts : DataFrame
        A row for each fact of one concept: symbol, first and last day, day of filing, value. A
        balance has no first day.
    measure : {"instant", "quarter", "year", "trailing_year"}
        What is wanted.
    ago : int, default=0
        Of which period: the newest, or the one so many `unit` before it.
    unit : {"year", "quarter"}, default="year"
    symbol, start, end, filed, value : str
        The columns.
    name : str, default="facts"
        What errors call the frame.

    Returns
    -------
    DataFrame
        Columns symbol, period (end of the newest period), released (day or time of the filing) and
        value, whenever one of them changed. NaN where the period before is not known.

    Raises
    ------
    InputError
        When a column is not there or the measure is unknown.
    NotEnoughData
        When there are no facts.
    BadData
        When a date is missing, a period ends before it begins or after it was filed, or one filing
        tells two values of a period.

    Examples
    --------
    >>> import pandas as pd
    >>> facts = pd.DataFrame(
    ...     {
    ...         "symbol": "A",
    ...         "start": ["2023-01-01", "2023-01-01"],
    ...         "end": ["2023-09-30", "2023-12-31"],
    ...         "filed": ["2023-11-01", "2024-02-01"],
    ...         "val": [75.0, 110.0],
    ...     }
    ... )
    >>> fiscal_values(facts, measure="quarter")[["period", "released", "value"]].to_dict("records")
    [{'period': Timestamp('2023-12-31 00:00:00'), 'released': '2024-02-01', 'value': 35.0}]
    """
    import pandas as pd

    if measure not in _MEASURES:
        raise InputError("measure must be a fiscal one", value=measure, remedy=", ".join(_MEASURES))
    if unit not in ("year", "quarter") or isinstance(ago, bool) or not ago >= 0:
        raise InputError("ago must be a number of years or quarters", value=f"{ago} {unit}")
    wanted = [symbol, end, filed, value, *([] if measure == "instant" else [start])]
    missing = [column for column in wanted if column not in facts.columns]
    if missing:
        raise InputError(
            f"{name} must have the columns {', '.join(wanted)}",
            value=f"without {', '.join(missing)}",
        )
    if not len(facts):
        raise NotEnoughData(f"{name} must not be empty", value="0 rows")
    flows = measure != "instant"
    table = facts
    if start in facts.columns:  # balances have no first day, flows have one
        table = facts[facts[start].notna() if flows else facts[start].isna()]
    table = table[table[value].notna()]
    rows: list[tuple[Any, int, Any, float]] = []
    for whose, filings in _companies(
        table[symbol],
        starts=table[start] if flows else None,
        ends=table[end],
        filed=table[filed],
        values=table[value],
        name=name,
    ):
        rows += [(whose, *change) for change in _changes(filings, measure, ago, unit)]
    found = pd.DataFrame(rows, columns=["symbol", "period", "released", "value"])
    found["period"] = pd.to_datetime(found["period"], unit="D").astype("datetime64[us]")
    kinds = {"symbol": facts[symbol].dtype, "released": facts[filed].dtype, "value": float}
    return found.astype(kinds)


# when a filing was made, and what it tells: first day and end of a period -> value
_Filing: TypeAlias = tuple[Any, dict[tuple[int | None, int], float]]


def _companies(
    symbols: pd.Series[Any],
    *,
    starts: pd.Series[Any] | None,
    ends: pd.Series[Any],
    filed: pd.Series[Any],
    values: pd.Series[Any],
    name: str,
) -> Iterator[tuple[Any, list[_Filing]]]:
    """Yield companies with their filings, the earliest first, each with what it tells."""
    import numpy as np
    import pandas as pd

    times = as_times(filed, f"{name}, filed")
    days = times.tz_localize(None).as_unit("us").asi8 // DAY
    last = _days(ends, f"{name}, end")
    first = last if starts is None else _days(starts, f"{name}, start")
    for wrong, rule in (
        (days < last, "be filed before its period ends"),
        (last < first, "end before it begins"),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise BadData(
                f"{name} of {symbols.iloc[row]} must not {rule}",
                value=f"{ends.iloc[row]}, filed {filed.iloc[row]}",
                remedy="drop that row",
            )
    if symbols.isna().any():
        raise BadData(f"{name} must not have a missing symbol", remedy="drop those rows")
    try:
        numbers = values.to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise BadData(f"{name} must be numbers", value=str(values.dtype)) from None
    codes, names = pd.factorize(symbols, sort=True)
    order = np.lexsort((times.asi8, codes))
    told = filed.to_numpy(dtype=object)[order]
    begins: list[int | None] = [None] * len(order)
    if starts is not None:
        begins = first[order].tolist()
    rows = zip(
        codes[order].tolist(),
        times.asi8[order].tolist(),
        begins,
        last[order].tolist(),
        numbers[order].tolist(),
        strict=True,
    )
    company, moment = -1, None
    filings: list[_Filing] = []
    for place, (code, time, begin, end, value) in enumerate(rows):
        if code != company:
            if filings:
                yield names[company], filings
            company, moment, filings = code, None, []
        if time != moment:
            moment = time
            filings.append((told[place], {}))
        periods = filings[-1][1]
        if periods.setdefault((begin, end), value) != value:
            raise BadData(
                f"{name} of {names[code]} must tell one value of a period at a time",
                value=f"{periods[begin, end]:g} and {value:g} of {ends.iloc[order[place]]}, "
                f"filed {told[place]}",
                remedy="keep one of them, or tell the times of the filings",
            )
    if filings:
        yield names[company], filings


def _changes(
    filings: Iterable[_Filing], measure: FiscalMeasure, ago: int, unit: str
) -> Iterator[tuple[int, Any, float]]:
    """Yield the end of the newest period, the filing and the value, whenever one is another."""
    told, last = _Told(), None
    for filed, periods in filings:
        for (first, end), value in periods.items():
            told.tell(first, end, value)
        found = _newest(told, measure, ago, unit)
        if found is not None and found != last:
            last = found
            yield found[0], filed, found[1]


def _newest(told: _Told, measure: FiscalMeasure, ago: int, unit: str) -> tuple[int, float] | None:
    for end in told.ends(measure):
        value = told.value(measure, end)
        if value is None:
            continue
        if not ago:
            return end, value
        before = told.ago(end, ago, unit)
        earlier = None if before is None else told.value(measure, before)
        return end, _UNKNOWN if earlier is None else earlier
    return None


def _days(dates: pd.Series[Any], name: str) -> Any:
    return as_times(dates, name).tz_localize(None).as_unit("us").asi8 // DAY
