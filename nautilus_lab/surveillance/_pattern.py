"""What a search finds: a pattern to review, with its evidence; or what it could not look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

PatternKind: TypeAlias = Literal["wash", "layering", "marking the close"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One figure of a pattern, beside the threshold that it met.

    Attributes
    ----------
    name : str
        What was measured: ``"price apart"``.
    value, threshold : float
        What was found, and what it was held against; both in `unit`.
    unit : str
        ``"s"``, ``"bp"``, ``"orders"``, ``"times"``, ``"fraction"``.
    """

    name: str
    value: float
    threshold: float
    unit: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """Orders and fills that together have the shape of something a rule forbids.

    A pattern to review, never a finding of intent: figures cannot tell why somebody traded.

    Attributes
    ----------
    kind : {"wash", "layering", "marking the close"}
        The shape.
    owner, instrument : str
        Whose orders, in what.
    begin, end : datetime
        The first and the last time that is part of it, UTC.
    order_ids, trade_ids : tuple of str
        The evidence: every order and every fill that is part of it, as they happened.
    figures : tuple of Measured
        What was measured, and the thresholds.
    note : str
        What was seen, in one sentence.
    """

    kind: PatternKind
    owner: str
    instrument: str
    begin: datetime
    end: datetime
    order_ids: tuple[str, ...]
    trade_ids: tuple[str, ...]
    figures: tuple[Measured, ...]
    note: str

    def __str__(self) -> str:
        measured = ", ".join(f"{one.name} {one.value:g} {one.unit}" for one in self.figures)
        return f"{self.kind}, pattern to review: {self.instrument} at {self.begin} ({measured})"


@dataclass(frozen=True, kw_only=True, slots=True)
class NotAssessed:
    """What a search could not look at: of that nobody may say that nothing was found.

    Attributes
    ----------
    kind : {"wash", "layering", "marking the close"}
        Which pattern was not looked for.
    what : str
        In what: an order, an instrument on a day.
    reason : str
        Why not.
    """

    kind: PatternKind
    what: str
    reason: str
