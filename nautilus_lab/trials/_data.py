"""The data of trials, kept once for all that read them, by what they hold."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import StoreError
from nautilus_lab.trials._digest import Fingerprint, fingerprint

if TYPE_CHECKING:
    import pandas as pd


def keep(folder: Path, frame: pd.DataFrame, mark: Fingerprint, most_bytes: int) -> str:
    """Keep a frame; return why it could not be, or nothing.

    It is there whole or not at all: written beside its place, and put there.
    """
    path = folder / f"{mark.digest}.parquet"
    if path.exists():
        return ""
    size = int(frame.memory_usage(deep=True).sum())
    if size > most_bytes:
        return f"{size / 1e6:,.0f} MB are more than {most_bytes / 1e6:,.0f}"
    if frame.columns.inferred_type not in ("string", "integer"):
        return "its columns are not named by texts"
    part = ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=folder, suffix=".part")
        os.close(descriptor)
        frame.to_parquet(part)
        if fingerprint(_read(Path(part))) != mark:
            return "parquet does not give it back as it was"
        Path(part).replace(path)
    except (OSError, ValueError, TypeError, NotImplementedError) as error:
        return f"it could not be written: {error}"
    finally:
        if part:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
    return ""


def kept(folder: Path, digest: str) -> pd.DataFrame | None:
    """Return a frame that was kept; None when it was not, or is no more.

    Raises
    ------
    StoreError
        When its file cannot be read.
    """
    path = folder / f"{digest}.parquet"
    if not path.is_file():
        return None
    try:
        return _read(path)
    except (OSError, ValueError) as error:
        raise StoreError(
            "data that were kept must be readable",
            value=f"{path}: {str(error).splitlines()[0]}",
            remedy="take the file from a backup, or pass the data",
        ) from error


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(path)
