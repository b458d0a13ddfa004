"""Dates in settings."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator


def _a_date(text: str) -> str:
    if len(text) != len("2020-01-02"):
        raise ValueError("must be a date written like 2020-01-02")
    return date.fromisoformat(text).isoformat()


IsoDate = Annotated[str, AfterValidator(_a_date)]
