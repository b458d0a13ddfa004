"""Slices of an order in time, along a profile of volume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from itertools import accumulate

from nautilus_lab.exceptions import InputError

MOST_SLICES = 10_000
_MOST_PROFILE = 1_000
_SUMS_TO_ONE = 1e-3
_HAIR = Decimal("1e-6")


@dataclass(frozen=True, slots=True)
class Slice:
    """A moment of a schedule.

    Attributes
    ----------
    after_ns : int
        Nanoseconds after the beginning.
    total : Decimal
        Units that are to be done, or on their way, from then on: of this slice and all before.
    """

    after_ns: int
    total: Decimal


def volume_schedule(
    quantity: Decimal,
    lot: Decimal,
    *,
    profile: Sequence[float],
    horizon_ns: int,
    interval_ns: int,
    least: Decimal = Decimal(0),
) -> tuple[Slice, ...]:
    """Cut an order into slices whose sizes follow the volume of the time each begins.

    There is one slice for each whole interval in the horizon, at its beginning. Totals are cut
    down to lots, so no slice is ahead of the profile; the last makes it exact. What would be less
    than a lot or `least` goes into the next slice.

    Parameters
    ----------
    quantity, lot : Decimal
        Units; of what a slice is a multiple.
    profile : sequence of float
        Volume of equal parts of the horizon; only their proportions matter. Within a part the
        volume is spread evenly.
    horizon_ns, interval_ns : int
        The whole time, and from slice to slice.
    least : Decimal, default=0
        The smallest slice that is worth sending.

    Raises
    ------
    InputError
        When the profile has nothing in it or a number that is no volume, or there would be more
        than 10 000 slices or none.

    Examples
    --------
    >>> minute = 60 * 10**9
    >>> times = {"horizon_ns": 3 * minute, "interval_ns": minute}
    >>> cut = volume_schedule(Decimal(100), Decimal(1), profile=[0.5, 0.2, 0.3], **times)
    >>> [(s.after_ns // minute, int(s.total)) for s in cut]
    [(0, 50), (1, 70), (2, 100)]
    """
    count = horizon_ns // interval_ns if interval_ns > 0 else 0
    if not 1 <= count <= MOST_SLICES:
        raise InputError(
            f"a schedule must have 1 to {MOST_SLICES} slices",
            value=f"{horizon_ns / 1e9:g} s in steps of {interval_ns / 1e9:g} s",
            remedy="choose another horizon_secs or interval_secs",
        )
    done = _running(profile)
    smallest = max(lot, least)
    slices: list[Slice] = []
    before = Decimal(0)
    for number in range(count):
        share = Decimal(repr(_share(done, (number + 1) / count)))
        # Floats sum to a hair less: a millionth of a lot that is missing does not cost the lot.
        lots = (quantity * share / lot + _HAIR).to_integral_value(ROUND_FLOOR)
        total = min(lots * lot, quantity)
        is_last = number == count - 1
        if is_last:
            total = quantity
        if total > before and (is_last or total - before >= smallest):
            slices.append(Slice(number * interval_ns, total))
            before = total
    return tuple(slices)


def parsed_profile(text: str) -> tuple[float, ...]:
    """Read fractions of the volume: ``"0.4, 0.2, 0.4"``; they must sum to 1.

    Raises
    ------
    InputError
        When one is no fraction, there are none or too many, or the sum is another.
    """
    try:
        fractions = tuple([float(part) for part in text.split(",")])
    except ValueError:
        fractions = ()
    sound = all(math.isfinite(fraction) and fraction >= 0 for fraction in fractions)
    # The number of them first: adding up what nobody bounded is the sender's choice of our time.
    if not (1 <= len(fractions) <= _MOST_PROFILE and sound):
        raise _no_profile(text)
    if not abs(math.fsum(fractions) - 1) <= _SUMS_TO_ONE:
        raise _no_profile(text)
    return fractions


def _no_profile(text: str) -> InputError:
    return InputError(
        f"a volume profile must be 1 to {_MOST_PROFILE} fractions that sum to 1",
        value=text,
        remedy='pass "uniform", or for instance "0.4, 0.2, 0.4"',
    )


def _running(profile: Sequence[float]) -> list[float]:
    """Return the share of the volume before each part, and 1 after the last."""
    volumes = [float(volume) for volume in profile]
    total = math.fsum(volumes)
    if not (all(v >= 0 for v in volumes) and 0 < total < math.inf):
        raise InputError(
            "a volume profile must hold volumes, and some of them",
            value=", ".join(f"{v:g}" for v in volumes[:8]) or "nothing",
            remedy="pass profile='uniform'",
        )
    running = [before / total for before in accumulate(volumes[:-1], initial=0.0)]
    return [*running, 1.0]


def _share(running: Sequence[float], at: float) -> float:
    """Return the share of the volume before `at`, a fraction of the horizon."""
    parts = len(running) - 1
    part = min(int(at * parts), parts - 1)
    within = at * parts - part
    return running[part] + within * (running[part + 1] - running[part])
