"""What a report was made of, and by which code."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.provenance import provenance

if TYPE_CHECKING:
    import pandas as pd

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataUsed:
    """One piece of data that a report was made of.

    Parameters
    ----------
    name : str
        What it is: ``"returns"``.
    sha256 : str
        Of its content, 64 hexadecimal digits: the version of the data.
    rows : int
        How many rows it had.
    source : str, default=""
        Who published it.
    last : datetime, optional
        The latest time in it, tz-aware.

    Raises
    ------
    InputError
        When the hash is none or the time has no zone.
    """

    name: str
    sha256: str
    rows: int
    source: str = ""
    last: datetime | None = None

    def __post_init__(self) -> None:
        if not _HASH.fullmatch(self.sha256):
            raise InputError(
                "sha256 must be 64 hexadecimal digits", value=self.sha256, remedy="use data_used"
            )
        if self.last is not None and self.last.tzinfo is None:
            raise InputError("the last time of data must be tz-aware", value=self.last)


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where the figures of a report come from: enough to make them again.

    Parameters
    ----------
    code : str
        The version of the code: `code_version()`.
    data : tuple of DataUsed
        All that was read.
    parameters : mapping of str to str
        What was chosen: confidence, window, thresholds.
    """

    code: str
    data: tuple[DataUsed, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not self.code:
            raise InputError("a report must name the code", value="", remedy="pass code_version()")


def data_used(name: str, frame: pd.DataFrame | pd.Series[float]) -> DataUsed:
    """Return what identifies a frame: the hash of its values, labels and times.

    Parameters
    ----------
    name : str
        What it is in this report.
    frame : DataFrame or Series
        The data; an index of times tells the latest one. Times with a zone are hashed in UTC.

    Examples
    --------
    >>> import pandas as pd
    >>> used = data_used("returns", pd.Series([0.01, -0.02]))
    >>> used.rows, len(used.sha256)
    (2, 64)
    """
    import pandas as pd

    table = frame.to_frame(str(frame.name)) if isinstance(frame, pd.Series) else frame
    digest = hashlib.sha256()
    digest.update("\x1f".join(map(str, table.columns)).encode("utf-8", "surrogatepass"))
    hashed = pd.util.hash_pandas_object(table, index=True)
    digest.update(hashed.to_numpy(dtype="<u8").tobytes())
    last = None
    if isinstance(table.index, pd.DatetimeIndex) and len(table) and table.index.tz is not None:
        last = table.index.max().to_pydatetime(warn=False)
    return DataUsed(
        name=name,
        sha256=digest.hexdigest(),
        rows=len(table),
        source=provenance(frame).source,
        last=last,
    )


def code_version(revision: str = "") -> str:
    """Return the version of this package, with the revision of the workspace where there is one."""
    from importlib.metadata import version

    return f"nautilus-lab {version('nautilus-lab')}" + (
        f", revision {revision}" if revision else ""
    )
