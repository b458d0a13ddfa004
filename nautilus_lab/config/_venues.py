"""Settings of paper venues."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from nautilus_lab.config._section import Section

VenueName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{0,11}$")]


class VenueSettings(Section):
    """One paper venue; what is None is as `trading` has it for all of them.

    Fees, spread and offset are in basis points; `depth` is units at each of `levels` prices. A
    `leverage` above 1 makes a margin account that may sell short. `faults` lets it be told to
    fail, for tests.
    """

    name: VenueName = "PAPER"
    starting_cash: float | None = Field(default=None, ge=1, le=1e9, allow_inf_nan=False)
    maker_fee_bps: float | None = Field(default=None, ge=0, le=100, allow_inf_nan=False)
    taker_fee_bps: float | None = Field(default=None, ge=0, le=100, allow_inf_nan=False)
    half_spread_bps: float | None = Field(default=None, ge=0, le=500, allow_inf_nan=False)
    depth: int = Field(default=10_000, ge=1, le=10**9)
    levels: int = Field(default=5, ge=1, le=50)
    latency_ms: float = Field(default=0.0, ge=0, le=60_000, allow_inf_nan=False)
    price_offset_bps: float = Field(default=0.0, ge=-500, le=500, allow_inf_nan=False)
    leverage: float = Field(default=1.0, ge=1, le=100, allow_inf_nan=False)
    seed: int | None = Field(default=None, ge=0)
    faults: bool = False


def _as_venue(given: object) -> object:
    return {"name": given} if isinstance(given, str) else given


def _distinct(venues: tuple[VenueSettings, ...]) -> tuple[VenueSettings, ...]:
    names = [venue.name for venue in venues]
    if not names or len(set(names)) < len(names):
        raise ValueError("must name one venue at least, and none twice")
    return venues


Venues = Annotated[
    tuple[Annotated[VenueSettings, BeforeValidator(_as_venue)], ...], AfterValidator(_distinct)
]
