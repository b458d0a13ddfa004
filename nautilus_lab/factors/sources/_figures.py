"""Numbers as sources write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData

if TYPE_CHECKING:
    import pandas as pd

_MISSING = frozenset(("", ".", "-", "None", "NA", "NaN", "nan", "null", "N/A"))
_WRITTEN = re.compile(
    r"(?P<minus>-?)\s*(?:[^\d\s.+-]{0,3})\s*(?P<inner>-?)(?P<number>\d[\d,]*\.?\d*|\.\d+)\s*"
    r"(?P<power>[KMBT]?)\s*(?P<unit>%?)"
)
_POWERS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def figures(values: pd.Series[Any], name: str) -> pd.Series[float]:
    """Read numbers: ``"2.7%"`` is 2.7, ``"$-40.21B"`` -4.021e10, ``"."`` and ``"None"`` NaN.

    Raises
    ------
    BadData
        When a text is none of these.

    Examples
    --------
    >>> import pandas as pd
    >>> figures(pd.Series(["2.7%", "¥-55B", "175K", ".", None]), "x").to_list()
    [2.7, -55000000000.0, 175000.0, nan, nan]
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.astype(float)
    return values.map(lambda written: _read(written, name)).astype(float)


def _read(written: Any, name: str) -> float:
    if not isinstance(written, str):
        return float("nan") if written is None or written != written else float(written)
    text = written.strip()
    if text in _MISSING:
        return float("nan")
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise BadData(f"{name} must be figures", value=written, remedy="mend the source")
    sign = -1.0 if (found["minus"] or found["inner"]) else 1.0
    return sign * float(found["number"].replace(",", "")) * _POWERS[found["power"]]
