"""The market of a paper venue: the replay as the venue quotes it, and where it goes on."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from nautilus_lab.execution.paper._replay import Instant, Replay
from nautilus_lab.execution.paper._terms import VenueTerms


class Price(NamedTuple):
    """What one symbol trades at, and the units that others trade until the next price."""

    symbol: str
    bid: Decimal
    ask: Decimal
    volume: float


class Market:
    """Steps through a replay, and quotes it on the terms of a venue.

    Parameters
    ----------
    replay : Replay
        Where prices come from.
    terms : VenueTerms
        Spread and offset of the quotes; on average `depth` units are traded from quote to quote.
    """

    def __init__(self, replay: Replay, terms: VenueTerms) -> None:
        self.replay = replay
        self.ended = False
        self._terms = terms
        self._day, self._step = replay.first_day, 0

    @property
    def begun(self) -> str:
        """The date that the replay begins with."""
        return self.replay.date_of(self.replay.first_day)

    @property
    def date(self) -> str:
        """The date that is played."""
        return self.replay.date_of(self._day)

    @property
    def instant(self) -> Instant:
        """The market as it is replayed now."""
        return self.replay.at(self._day, self._step)

    @property
    def bookmark(self) -> str:
        """Where it is, for `go_on`."""
        return f"{self.date} {self._step} {self.replay.steps_per_day}"

    def go_on(self, bookmark: str) -> None:
        """Go to a bookmark, by its date and its share of the day.

        Symbols, speed and the number of days before it may be others than they were then.
        """
        date, step, steps = bookmark.split(" ")
        self._day = self.replay.day_of(date)
        last = self.replay.steps_per_day - 1
        self._step = min(int(step) * self.replay.steps_per_day // int(steps), last)

    def advance(self, steps: int = 1) -> None:
        """Go so many steps on; at the end of history the last close stands."""
        days, self._step = divmod(self._step + steps, self.replay.steps_per_day)
        self._day += days
        if self._day > self.replay.last_day:
            self._day, self._step = self.replay.last_day, self.replay.steps_per_day - 1
            self.ended = True

    def prices(self) -> list[Price]:
        """Return what each symbol trades at now."""
        instant = self.instant
        depth = 0 if self.ended else self._terms.depth
        columns = zip(self.replay.symbols, instant.mids, instant.activity, strict=True)
        return [
            Price(symbol, *self._terms.spread(float(mid)), float(round(depth * activity)))
            for symbol, mid, activity in columns
        ]
