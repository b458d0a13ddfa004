"""What an operator of an expression is: its arguments, its formula, how far back it looks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# no operator looks further back: twenty years of days
LONGEST_WINDOW = 5_040
# the weight at which an exponential average has forgotten a value, below one float's digits
_FORGOTTEN = 1e-17


class Family(Enum):
    """Which values an operator joins."""

    ELEMENTWISE = "elementwise"  # of one symbol at one time
    CROSS_SECTIONAL = "cross-sectional"  # of all symbols at one time
    TIME_SERIES = "time-series"  # of one symbol up to a time


class Kind(Enum):
    """What may stand at an argument's place."""

    NUMBERS = "numbers"  # an expression
    CONDITION = "condition"  # a comparison, or several joined by and, or, not
    GROUP = "group"  # a field of labels
    WINDOW = "window"  # a whole number of rows
    WHOLE = "whole number"
    CONSTANT = "constant"  # a number


class WarmUp(Enum):
    """How many rows at the beginning have no value, beyond those of the arguments."""

    NONE = "0"
    WINDOW = "window - 1"
    LAG = "window"


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One place of an operator.

    Attributes
    ----------
    name : str
        As the operator's formula says it.
    kind : Kind
        What may stand there.
    default : float, optional
        What it is when left out.
    least, most : float
        Bounds of a window or constant, both allowed.
    """

    name: str
    kind: Kind = Kind.NUMBERS
    default: float | None = None
    least: float = -math.inf
    most: float = math.inf

    def __str__(self) -> str:
        return self.name if self.default is None else f"{self.name}={self.default:g}"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Operator:
    """One operator.

    Attributes
    ----------
    name : str
        As it is called.
    family : Family
        Which values it joins.
    arguments : tuple of Argument
        In order.
    formula : str
        What it is of, in words or signs.
    missing : str
        What it says where an argument is not known.
    reference : str
        The definition it keeps to.
    function : callable
        Elementwise and cross-sectional: ``function(*arguments, out)``. Time-series:
        ``function(*arguments, span)`` with a `Span`.
    returns : Kind
        ``NUMBERS`` or ``CONDITION``.
    warm_up : WarmUp
        How many rows have no value.
    fades : bool
        Whether the past fades out instead of ending with the window.
    commutes : bool
        Whether its first two arguments may change places.
    sign : str
        How it is written between its arguments, or before one.
    """

    name: str
    family: Family
    arguments: tuple[Argument, ...]
    formula: str
    missing: str
    reference: str
    function: Callable[..., None] = field(repr=False)
    returns: Kind = Kind.NUMBERS
    warm_up: WarmUp = WarmUp.NONE
    fades: bool = False
    commutes: bool = False
    sign: str = ""

    def __repr__(self) -> str:
        return f"Operator({self.call})"

    @property
    def call(self) -> str:
        """How it is written: ``"ts_mean(x, window)"``, ``"a + b"``."""
        if self.sign and len(self.arguments) == 1:
            return f"{self.sign}{' ' if self.sign.isalpha() else ''}{self.arguments[0]}"
        if self.sign:
            return f"{self.arguments[0]} {self.sign} {self.arguments[1]}"
        return f"{self.name}({', '.join(map(str, self.arguments))})"

    @property
    def arity(self) -> tuple[int, int]:
        """The least and the most arguments it takes."""
        least = sum(one.default is None for one in self.arguments)
        return least, len(self.arguments)

    def rows_without_value(self, window: int) -> int:
        """Return how many rows at the beginning have no value."""
        if self.warm_up is WarmUp.NONE:
            return 0
        return window if self.warm_up is WarmUp.LAG else window - 1

    def lookback(self, window: int) -> int:
        """Return how many earlier rows a value depends on."""
        if not self.fades:
            return self.rows_without_value(window)
        keep = 1 - 2 / (window + 1)
        fade = math.ceil(math.log(_FORGOTTEN) / math.log(keep)) if keep > 0 else 0
        return fade + window


@dataclass(frozen=True, kw_only=True, eq=False)
class Span:
    """Where a time-series operator works.

    Attributes
    ----------
    start : int
        How many rows of the history came before the first one here.
    begin, end : int
        The columns to work on.
    out : ndarray, shape (row, symbol)
        Where it writes.
    """

    start: int
    begin: int
    end: int
    out: FloatArray

    def run(self, kernel: Any, *operands: Any, window: int, settings: tuple[Any, ...] = ()) -> None:
        """Run a kernel of `_rolling_kernels` here."""
        kernel(*operands, window, self.start % window, self.begin, self.end, self.out, *settings)
