"""Which firm limits are shared out over nodes, and how much of one a node uses."""

from __future__ import annotations

import math
from collections.abc import Iterable

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.leases._lease import MOST
from nautilus_lab.risk.limits import (
    DailyLoss,
    Holdings,
    Limit,
    MaxGrossExposure,
    MaxNetExposure,
)

# What a firm may have of these is the sum of what its nodes have, or less.
ADDITIVE = (MaxGrossExposure, MaxNetExposure, DailyLoss)


def leased_amount(limit: Limit) -> float | None:
    """Return what the nodes of a firm share of a limit, account currency.

    An amount of gross or net exposure, or of loss, is shared out: what each node has adds up. A
    fraction of net asset value is not: where each node holds it of its own, their sums do of
    theirs. So it is for leverage and concentration.

    Returns
    -------
    float or None
        None for a limit that each node holds for itself.

    Raises
    ------
    InputError
        When it is to be shared out and cannot be: it is only monitored, or larger than a ledger
        can count.
    """
    if getattr(limit, "per", "") != "firm" or not isinstance(limit, ADDITIVE):
        return None
    amount = limit.max_loss if isinstance(limit, DailyLoss) else limit.max_notional
    if amount is None:
        return None
    if not limit.blocks:
        raise InputError(
            f"a firm's {limit.name} is shared out over its nodes, and blocks",
            value=f"mode={limit.mode!r}",
            remedy="pass mode='both', or leave it out",
        )
    if not amount <= MOST:
        raise InputError(
            f"a firm's {limit.name} that is shared out is at most {MOST:.0e}",
            value=amount,
            remedy="write a bound that could be reached, or leave the limit out",
        )
    return amount


def leased_limits(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Return those of some limits that are shared out.

    Raises
    ------
    InputError
        As `leased_amount`; or when there are two of one name: which of them would a lease be of?
    """
    found = tuple(limit for limit in limits if leased_amount(limit) is not None)
    names = [limit.name for limit in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                "of each firm limit that is shared out there is one",
                value=f"{name} twice",
                remedy="keep the smaller one",
            )
    return found


def use_held(limit: Limit, holdings: Holdings) -> float:
    """Return what is used of a limit that is shared out, at least 0; NaN when it is not known."""
    if isinstance(limit, MaxGrossExposure):
        return holdings.total.gross
    if isinstance(limit, MaxNetExposure):
        if not limit.betas:
            return holdings.total.net
        return max([found.value for found in limit.look(holdings)], default=math.nan)
    loss = holdings.day_start_equity - holdings.net_asset_value
    return 0.0 if loss <= 0 else loss
