"""The frames that are searched, and what must hold of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray

# column -> how it is checked
_TEXTS = ("client_order_id", "trade_id", "owner", "instrument")
_ORDERS = ("client_order_id", "owner", "instrument", "side", "quantity", "filled", "placed")
_FILLS = ("trade_id", "client_order_id", "owner", "instrument", "side", "quantity", "price", "time")
_MARKET = ("instrument", "time", "price", "quantity")
_NEVER = 2**63 - 1  # the end of an order that works still, nanoseconds
_NS = 10**9


def require_orders(frame: pd.DataFrame) -> pd.DataFrame:
    """Return orders by time, with `placed_ns` and `ended_ns`, or raise what is wrong with them."""
    checked = _checked(frame, (*_ORDERS, "ended", "cancelled"), "orders")
    _finite(checked, "quantity", "orders", above=True)
    _finite(checked, "filled", "orders", above=False)
    over = checked["filled"] > checked["quantity"]
    _refuse(over, checked, "client_order_id", "orders must not be filled above their quantity")
    if len(checked) and checked["cancelled"].dtype != bool:
        raise InputError(
            "orders must say in `cancelled` whether each was, true or false",
            value=str(checked["cancelled"].dtype),
            remedy="frame['cancelled'] = frame['status'] == 'CANCELED'",
        )
    twice = checked["client_order_id"].duplicated()
    _refuse(twice, checked, "client_order_id", "orders must have each order once")
    checked["cancelled"] = checked["cancelled"].astype(bool)
    placed, ended = _ns(checked, "placed", "orders"), _ns(checked, "ended", "orders")
    checked["placed_ns"] = placed.astype("int64")
    checked["known"] = checked["placed"].notna().to_numpy()
    checked["ended_ns"] = ended.where(checked["ended"].notna().to_numpy(), _NEVER).astype("int64")
    back = checked["known"] & (checked["ended_ns"] < checked["placed_ns"])
    _refuse(back, checked, "client_order_id", "orders must not end before they were placed")
    _refuse(
        checked["cancelled"] & checked["ended"].isna(),
        checked,
        "client_order_id",
        "cancelled orders must have ended at some time",
    )
    return checked.sort_values(["placed_ns", "client_order_id"], ignore_index=True)


def require_fills(frame: pd.DataFrame) -> pd.DataFrame:
    """Return fills by time, with `ns` and `sign`, or raise what is wrong with them."""
    checked = _checked(frame, _FILLS, "fills")
    _finite(checked, "quantity", "fills", above=True)
    _finite(checked, "price", "fills")
    checked["ns"] = _whole_ns(checked, "fills", "trade_id")
    checked["sign"] = checked["side"].map({"BUY": 1.0, "SELL": -1.0})
    # A trade with oneself has one id and two sides.
    twice = checked.duplicated(["instrument", "trade_id", "client_order_id", "side"])
    _refuse(twice, checked, "trade_id", "fills must have each trade of an order once")
    return checked.sort_values(["ns", "trade_id", "side"], ignore_index=True)


def require_market(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the market's trades by time, with `ns`, or raise what is wrong with them."""
    checked = _checked(frame, _MARKET, "market")
    _finite(checked, "quantity", "market", above=False)
    _finite(checked, "price", "market")
    checked["ns"] = _whole_ns(checked, "market", "instrument")
    return checked.sort_values("ns", kind="stable", ignore_index=True)


def utc(ns: int) -> datetime:
    """Return UNIX nanoseconds as a time, to the microsecond below."""
    seconds, rest = divmod(int(ns), _NS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000)


def seconds(ns: int) -> float:
    """Return a span of nanoseconds in seconds."""
    return ns / _NS


def span_ns(name: str, value: float, unit: float = 1.0) -> int:
    """Return a setting of so many seconds (or `unit` of them) in nanoseconds, or refuse it."""
    require_setting(name, value)
    return round(value * unit * _NS)


def require_setting(name: str, value: float, *, least: float = 0.0, most: float = 1e9) -> None:
    """Raise `InputError` when a threshold is not within its bounds; NaN is not."""
    if isinstance(value, bool) or not least <= value <= most:
        bounds = f"at least {least:g}" if most == 1e9 else f"from {least:g} to {most:g}"
        raise InputError(f"{name} must be {bounds}", value=value, remedy="see its meaning")


def _checked(frame: pd.DataFrame, columns: tuple[str, ...], name: str) -> pd.DataFrame:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"{name} must be a DataFrame", value=type(frame).__name__)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(
            f"{name} must have the columns {', '.join(columns)}",
            value=f"without {', '.join(missing)}",
            remedy="rename or add them",
        )
    checked = frame.reset_index(drop=True).copy()
    for column in _TEXTS:
        if column in columns:
            _refuse(checked[column].isna(), checked, column, f"{name} must have a {column} each")
            checked[column] = checked[column].astype(str)
    if "side" in columns:
        wrong = ~checked["side"].isin(["BUY", "SELL"])
        _refuse(wrong, checked, "side", f"the side of {name} must be BUY or SELL")
    return checked


def _finite(frame: pd.DataFrame, column: str, name: str, *, above: bool | None = None) -> None:
    """Make a column float; `above` refuses what is not above zero, False what is below it."""
    import numpy as np

    try:
        values: FloatArray = frame[column].to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise BadData(f"the {column} of {name} must be numbers", value=column) from None
    # Written so that NaN is refused.
    good = np.isfinite(values)
    if above is not None:
        good &= values > 0 if above else values >= 0
    bound = {None: "finite", True: "finite and above 0", False: "finite and not below 0"}[above]
    frame[column] = values
    _refuse(~good, frame, column, f"the {column} of {name} must be {bound}")


def _ns(frame: pd.DataFrame, column: str, name: str) -> pd.Series[int]:
    import pandas as pd

    times = frame[column]
    if times.isna().all() and not isinstance(times.dtype, pd.DatetimeTZDtype):
        return pd.Series(0, index=frame.index, dtype="int64")
    if not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise InputError(
            f"the {column} times of {name} must be tz-aware",
            value=str(times.dtype),
            remedy="convert them: pd.to_datetime(times, utc=True)",
        )
    return pd.Series(pd.DatetimeIndex(times).as_unit("ns").asi8, index=frame.index)


def _whole_ns(frame: pd.DataFrame, name: str, label: str) -> pd.Series[int]:
    _refuse(frame["time"].isna(), frame, label, f"{name} must have a time each")
    return _ns(frame, "time", name)


def _refuse(wrong: object, frame: pd.DataFrame, label: str, rule: str) -> None:
    import numpy as np

    places = np.flatnonzero(np.asarray(wrong, dtype=bool))
    if len(places):
        more = f", {len(places)} in all" if len(places) > 1 else ""
        raise BadData(
            rule,
            value=f"{frame[label].iloc[int(places[0])]} in row {places[0]}{more}",
            remedy="mend the source",
        )
