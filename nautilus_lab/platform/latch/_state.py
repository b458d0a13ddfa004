"""What a trader may do, as a latch has it."""

from __future__ import annotations

# No dataclass and no struct: what makes those takes longer to load than a kill may.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, NoReturn, TypeAlias

    # For who types at run time it is in `platform.rundir`.
    Standing: TypeAlias = Literal["ACTIVE", "REDUCE_ONLY", "HALTED", "KILLED"]

# from loose to tight
STANDINGS: tuple[Standing, ...] = ("ACTIVE", "REDUCE_ONLY", "HALTED", "KILLED")

_LONGEST_TEXT = 2_000
_FIELDS = ("state", "reason", "by", "since_ns", "automatic", "serial", "cancel_orders")
_NEEDED = frozenset(_FIELDS[:3])


class LatchState:
    """What a trader may do, since when, and who said so; it cannot be changed.

    Attributes
    ----------
    state : {"ACTIVE", "REDUCE_ONLY", "HALTED", "KILLED"}
        From loose to tight.
    reason, by : str
        Why, and the name of the person or process.
    since_ns : int
        When it was said, UNIX ns; 0 when nobody said it.
    automatic : bool
        Whether no person asked.
    serial : int
        Counts the moves; 0 for what no file holds.
    cancel_orders : bool
        Whether what works was to be cancelled with it, where it is not KILLED; see `cancels`.
    """

    __slots__ = _FIELDS

    state: Standing
    reason: str
    by: str
    since_ns: int
    automatic: bool
    serial: int
    cancel_orders: bool

    def __init__(
        self,
        *,
        state: Standing,
        reason: str,
        by: str,
        since_ns: int = 0,
        automatic: bool = False,
        serial: int = 0,
        cancel_orders: bool = False,
    ) -> None:
        values = (state, reason, by, since_ns, automatic, serial, cancel_orders)
        for name, value in zip(_FIELDS, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a LatchState cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a LatchState cannot be changed: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LatchState) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        told = zip(_FIELDS, self._values(), strict=True)
        return f"LatchState({', '.join(f'{name}={value!r}' for name, value in told)})"

    @property
    def cancels(self) -> bool:
        """Whether orders end with it: who dies over cancelling them has to finish that."""
        return self.cancel_orders or self.state == "KILLED"

    def is_tighter_than(self, other: Standing) -> bool:
        """Whether this lets less through than `other` does."""
        return STANDINGS.index(self.state) > STANDINGS.index(other)

    def to_json(self) -> bytes:
        """Return it as a latch's file has it."""
        import json

        told = dict(zip(_FIELDS, self._values(), strict=True))
        if not self.cancel_orders:  # what an older version knows, it can read
            del told["cancel_orders"]
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        # A shell may pass bytes that are no text; a kill does not fail for that.
        return text.encode("utf-8", "replace")

    @classmethod
    def from_json(cls, data: bytes) -> LatchState:
        """Return what a latch's file says.

        Raises
        ------
        ValueError
            When it says anything else, more, or less.
        """
        import json

        try:
            told = json.loads(data.decode("utf-8"), object_pairs_hook=_no_name_twice)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if not isinstance(told, dict):
            raise ValueError(f"it is a {type(told).__name__}")
        if missing := sorted(_NEEDED - told.keys()):
            raise ValueError(f"it has no {', '.join(missing)}")
        if unknown := sorted(told.keys() - set(_FIELDS)):
            raise ValueError(f"it has more than a latch has: {', '.join(unknown)}")
        if told["state"] not in STANDINGS:
            raise ValueError(f"its state is {told['state']!r}")
        for name in ("reason", "by"):
            _require(name, told[name], _is_text(told[name]))
        for name in ("since_ns", "serial"):
            _require(name, value := told.get(name, 0), type(value) is int and 0 <= value < 2**63)
        for name in ("automatic", "cancel_orders"):
            _require(name, value := told.get(name, False), type(value) is bool)
        return cls(**told)

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in _FIELDS])


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it says one thing twice")
    return found


def _is_text(value: object) -> bool:
    # Half a character is no text: nothing that tells of the latch could be written down.
    return (
        isinstance(value, str)
        and 1 <= len(value) <= _LONGEST_TEXT
        and not any("\ud800" <= one <= "\udfff" for one in value)
    )


def _require(name: str, value: object, holds: bool) -> None:
    if not holds:
        raise ValueError(f"its {name} is {value!r}")
