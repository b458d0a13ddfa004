"""Settings of the leases of firm limits."""

from __future__ import annotations

from pydantic import Field

from nautilus_lab.config._section import Section


class FirmSettings(Section):
    """How the nodes of a home share its firm limits; see docs/concepts/firm_limits.md.

    A lease runs for `lease_s` and is renewed when a quarter of that is over; a node that cannot
    renew it does no more than reduce. It keeps about `lease_step` of the firm's limit above what it
    uses.
    """

    lease_s: float = Field(default=10.0, ge=1, le=3_600, allow_inf_nan=False)
    lease_step: float = Field(default=0.2, gt=0, le=1, allow_inf_nan=False)
