"""Any dataset on the rows of a price frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.point_in_time._knowledge import Knowledge, Revision, knowledge
from nautilus_lab.factors.point_in_time._release import Release
from nautilus_lab.factors.point_in_time._session import Session
from nautilus_lab.frames import require_returns
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Prices
    from nautilus_lab.factors.point_in_time._moments import Moments

Given = Literal["value", "period", "released"]
Missing = Literal["keep", "skip"]


def reindexed_like(
    data: pd.DataFrame | pd.Series[Any],
    prices: Prices,
    *,
    released: str | Release = "",
    period: str = "",
    value: str = "",
    symbol: str = "",
    symbols: Mapping[Any, str] | None = None,
    revision: Revision = "latest",
    missing: Missing = "keep",
    carry: bool = True,
    max_age: str | pd.Timedelta | None = None,
    session: Session | None = None,
    give: Given = "value",
) -> pd.DataFrame:
    """Put a dataset on the rows of a price frame, as it was known at each of them.

    A row shows the newest period of which a value was known when the row was decided. A later
    restatement of an older period does not hide it, and nothing that became known afterwards is
    seen: rows are the same whether the future is there or not.

    Parameters
    ----------
    data : DataFrame or Series
        One of

        * a long frame, a row for each value: columns of its release, its period, its symbol and
          the value; revisions of one period are several rows, unsorted as they come;
        * a wide frame (time, symbol), or a series over time, which is everybody's.
    prices : DataFrame, shape (time, symbol)
        Whose rows and columns; tz-aware. Its numbers are not read.
    released : str or Release, default=""
        When values became known: the column that says so, or a rule. Without, on the day that the
        value is of, when that is over.
    period : str, default=""
        Column of the time a value is of; without, that of the release.
    value, symbol : str, default=""
        Their columns; without, the only one with numbers, and ``"symbol"`` if there is one. A
        long frame without symbols is everybody's.
    symbols : mapping of object to str, optional
        Name in the data -> symbol of the prices; who is not in it is left out.
    revision : {"latest", "first"}, default="latest"
        What is shown of a period: what was known of it last by then, or as it was first released.
    missing : {"keep", "skip"}, default="keep"
        Whether a NaN of the data is shown when it is the newest, or passed over.
    carry : bool, default=True
        Whether a value stays until the next; False shows it on the first row that knows it only,
        of several the last.
    max_age : str or Timedelta, optional
        Show nothing that has been known for longer than this: ``"200D"``.
    session : Session, optional
        When rows are decided; without, days at 16:00 in New York.
    give : {"value", "period", "released"}, default="value"
        Show the value, or of when it is, or since when it was known (UTC).

    Returns
    -------
    DataFrame, shape (time, symbol)
        NaN (NaT) where nothing is known, also for symbols that the data do not name.

    Raises
    ------
    InputError
        When columns are not there, an argument is unknown, or times have no zone.
    NotEnoughData
        When the data are empty, or name no symbol of the prices.
    BadData
        When dates are missing, a value is infinite or known before its period, or a period has
        two values known at the same moment.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-05-01", periods=3, tz="UTC")
    >>> prices = pd.DataFrame({"A": [10.0, 11.0, 12.0], "B": [9.0, 9.0, 9.0]}, days)
    >>> facts = pd.DataFrame(
    ...     {
    ...         "symbol": ["A", "A"],
    ...         "end": ["2023-12-31", "2024-03-31"],
    ...         "filed": ["2024-02-01", "2024-05-02"],
    ...         "val": [5.0, 6.0],
    ...     }
    ... )
    >>> reindexed_like(facts, prices, released="filed", period="end")["A"].to_list()
    [5.0, 5.0, 6.0]
    """
    like = require_returns(prices, name="prices", values=False)
    release = _release(released)
    _require_choices(revision=revision, missing=missing, give=give)
    found = knowledge(
        data, release=release, period=period, value=value, symbol=symbol, symbols=symbols
    )
    moments = (session or Session()).moments(_own_times(prices))
    frame = on_rows(
        found,
        like,
        moments,
        revision=revision,
        missing=missing,
        carry=carry,
        max_age=max_age,
        give=give,
    )
    return mark(frame, provenance(data))


def on_rows(
    found: Knowledge,
    like: pd.DataFrame,
    moments: Moments,
    *,
    revision: Revision = "latest",
    missing: Missing = "keep",
    carry: bool = True,
    max_age: str | pd.Timedelta | None = None,
    give: Given = "value",
) -> pd.DataFrame:
    """Return what the rows of `like`, decided at `moments`, know; see `reindexed_like`."""
    import numpy as np
    import pandas as pd

    oldest = _microseconds(max_age)
    everybodys = not len(found.symbols)
    columns = pd.Index(["everybody"]) if everybodys else like.columns
    if not everybodys:
        found = _of(found, columns)
    if missing == "skip":
        found = found.where(~np.isnan(found.values))
    found = found.newest(revision)
    rows = found.rows(moments, columns=len(columns), carry=carry)
    if oldest is not None and len(found):
        rows[moments[None, :] - found.known[rows] > oldest] = -1
    if give == "value":
        values: Any = np.append(found.values, np.nan)[rows]  # -1 is the last one
    else:
        stamps = found.periods if give == "period" else found.known
        nothing = np.datetime64("NaT", "us")
        values = np.append(stamps.view("datetime64[us]"), nothing)[rows]
    if everybodys:
        values = np.repeat(values, like.shape[1], axis=0)
    answer = pd.DataFrame(values.T, like.index, like.columns, copy=False)
    return answer.apply(lambda c: c.dt.tz_localize("UTC")) if give == "released" else answer


def _of(found: Knowledge, columns: pd.Index[Any]) -> Knowledge:
    """Return what is known of the symbols of prices, their codes those of the columns."""
    from dataclasses import replace

    import numpy as np

    places = columns.get_indexer(found.symbols)
    codes = places[found.codes]
    if not (codes >= 0).any():
        raise NotEnoughData(
            "data must name a symbol of the prices",
            value=f"{', '.join(map(str, found.symbols[:3]))}, ... for "
            f"{', '.join(map(str, columns[:3]))}, ...",
            remedy="map them: symbols={name in the data: symbol of the prices}",
        )
    named = replace(found, symbols=columns, codes=codes).where(codes >= 0)
    return named.where(np.argsort(named.codes, kind="stable"))


def _release(released: str | Release) -> Release:
    if isinstance(released, Release):
        return released
    if isinstance(released, str):
        return Release(column=released)
    raise InputError(
        "released must be a column or a Release",
        value=released,
        remedy='pass released="filed", or released=Release(days=1)',
    )


def _require_choices(**chosen: str) -> None:
    choices = {
        "revision": ("latest", "first"),
        "missing": ("keep", "skip"),
        "give": ("value", "period", "released"),
    }
    for name, one in chosen.items():
        if one not in choices[name]:
            raise InputError(f"{name} must be {' or '.join(choices[name])}", value=one)


def _own_times(prices: Prices) -> pd.DatetimeIndex:
    return cast("pd.DatetimeIndex", prices.index)


def _microseconds(max_age: str | pd.Timedelta | None) -> int | None:
    import pandas as pd

    if max_age is None:
        return None
    if isinstance(max_age, int | float):  # of what?
        raise InputError("max_age must say its unit", value=max_age, remedy='pass "200D"')
    try:
        age = int(pd.Timedelta(max_age) // pd.Timedelta(microseconds=1))
    except (ValueError, TypeError):
        age = -1
    if age < 0:
        raise InputError("max_age must be a length of time", value=max_age, remedy='pass "200D"')
    return age
