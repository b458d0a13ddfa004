"""Tables of target weights: made by a notebook, traded by a node."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import write_whole

_DAY_NS = 86_400 * 10**9
# How far the clock of who made a table may be ahead of who reads it.
_AHEAD_NS = 2 * 10**9
_MOST_SYMBOLS = 10_000
_canonical = msgspec.json.Encoder(order="sorted")


class TargetTable(msgspec.Struct, frozen=True, kw_only=True):
    """What fraction of equity to hold of each symbol, as of when, and where that comes from.

    Attributes
    ----------
    weights : dict of str to float
        symbol -> fraction of equity, 0 to 1; together at most 1. What is not named is sold.
    name : str
        What they are called in tables and in the audit trail.
    made_ns : int
        When they were made, UNIX ns.
    universe : tuple of str
        Every symbol that was decided on. A table covers its universe: each symbol has a weight,
        if only 0, and no other has one.
    as_of_ns : int
        The instant up to which data were used, UNIX ns.
    valid_until_ns : int
        From when on they are not traded any more, UNIX ns; 0 means for good.
    run_id, notebook, code_version : str
        The run that made them, its notebook, and the version of the code.
    strategy : str
        The strategy that shall trade them; empty where only one takes targets.
    hash : str
        SHA-256 of all the other fields, see `digest`.
    """

    weights: dict[str, float]
    name: str = "targets"
    made_ns: int = 0
    universe: tuple[str, ...] = ()
    as_of_ns: int = 0
    valid_until_ns: int = 0
    run_id: str = ""
    notebook: str = ""
    code_version: str = ""
    strategy: str = ""
    hash: str = ""

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal digits, of the canonical JSON of every field but `hash`.

        Its keys are sorted, it has no white space, and a weight is the string of the shortest
        digits that read back as the same number: ``repr(0.25)``.
        """
        facts = {name: getattr(self, name) for name in self.__struct_fields__ if name != "hash"}
        facts["weights"] = {symbol: repr(float(w)) for symbol, w in self.weights.items()}
        return hashlib.sha256(_canonical.encode(facts)).hexdigest()

    def sealed(self) -> TargetTable:
        """Return the checked table with its hash, and what it left out: universe and instant."""
        whole = msgspec.structs.replace(
            self,
            universe=tuple(sorted(self.universe or self.weights)),
            as_of_ns=self.as_of_ns or self.made_ns,
        )
        return msgspec.structs.replace(whole, hash=whole.digest).check()

    def check(self) -> TargetTable:
        """Return self, or raise `InputError` naming the rule that is broken."""
        if not self.weights:
            raise InputError(
                "target weights must name at least one symbol",
                value=self.weights,
                remedy='pass {"AAPL": 0.5, "MSFT": 0.5}',
            )
        if len(self.weights) > _MOST_SYMBOLS:
            raise InputError(
                f"a table must have at most {_MOST_SYMBOLS} symbols", value=len(self.weights)
            )
        for symbol, weight in self.weights.items():
            if not 0 <= weight <= 1:
                raise InputError(
                    "a target weight must be a fraction from 0 to 1",
                    value=f"{symbol}: {weight}",
                    remedy="the paper account is a cash account: no short sales, no leverage",
                )
        if not math.fsum(self.weights.values()) <= 1 + 1e-9:
            raise InputError(
                "target weights must sum to at most 1",
                value=math.fsum(self.weights.values()),
                remedy="scale them: weights / weights.sum()",
            )
        if self.universe and set(self.universe) != set(self.weights):
            differing = sorted(set(self.universe) ^ set(self.weights))
            raise InputError(
                "a table must cover its universe, each symbol once",
                value=", ".join(differing[:10]),
                remedy="give every symbol of the universe a weight, if only 0",
            )
        if self.hash and self.hash != self.digest:
            raise InputError(
                "a table must be what was hashed",
                value=f"{self.hash[:12]} is written in it, {self.digest[:12]} is its hash",
                remedy="publish it again from the run that made it",
            )
        return self

    def require_fresh(self, now_ns: int, max_age_ns: int) -> TargetTable:
        """Return self, or raise `InputError` when it is of the future, too old, or run out."""
        if self.as_of_ns > now_ns + _AHEAD_NS or self.made_ns > now_ns + _AHEAD_NS:
            raise InputError(
                "a table must not be of the future",
                value=f"as of {as_instant(max(self.as_of_ns, self.made_ns))}, "
                f"now {as_instant(now_ns)}",
                remedy="check the clocks, and the dates of the data",
            )
        if now_ns - self.as_of_ns > max_age_ns:
            raise InputError(
                f"a table must be at most {max_age_ns / _DAY_NS:g} days old",
                value=f"as of {as_instant(self.as_of_ns)}, now {as_instant(now_ns)}",
                remedy="run the notebook again with newer data",
            )
        if self.run_out(now_ns):
            raise InputError(
                "a table must still be valid",
                value=f"valid until {as_instant(self.valid_until_ns)}, now {as_instant(now_ns)}",
                remedy="run the notebook again",
            )
        return self

    def run_out(self, now_ns: int) -> bool:
        """Whether it may not be traded any more."""
        return bool(self.valid_until_ns) and now_ns >= self.valid_until_ns

    def write(self, path: Path) -> None:
        """Write the table, sealed, whole or not at all."""
        write_whole(path, msgspec.json.encode(self.sealed()))

    @classmethod
    def read(cls, path: Path) -> TargetTable | None:
        """Return the table at `path`; None when there is none.

        Raises
        ------
        StoreError
            When the file is there but holds no valid table.
        """
        try:
            found = msgspec.json.decode(path.read_bytes(), type=cls)
            # One without a hash is of a time before tables had one.
            return found.check() if found.hash else found.sealed()
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, InputError) as error:
            raise StoreError(
                f"target weights must be readable: {error}",
                value=str(path),
                remedy="publish them again with lab.trading.start(targets=...)",
            ) from None


Targets = TargetTable


class TargetBook:
    """The table that is traded: takes a newer one when it is fresh, complete and untouched.

    Parameters
    ----------
    path : path
        Where the table is kept, whole; what is there is taken up again.
    symbols : iterable of str
        What can be traded.
    audit : callable
        Called before a table is traded, as ``audit(kind, facts, actor=...)``: `AuditTrail.append`.
    max_age_days : float, default=7
        How old the data of a new table may be.
    now_ns : callable
        The clock, UNIX ns.

    Raises
    ------
    StoreError
        When a table is there and cannot be read.
    """

    def __init__(
        self,
        path: Path,
        symbols: Iterable[str],
        *,
        audit: Callable[..., object],
        max_age_days: float = 7.0,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        if not 0 < max_age_days < math.inf:
            raise InputError("a table's age must be limited to some days", value=max_age_days)
        self._path = path
        self._symbols = frozenset(symbols)
        self._audit = audit
        self._max_age_ns = int(max_age_days * _DAY_NS)
        self._now_ns = now_ns
        self.current = TargetTable.read(path)
        if self.current is not None:
            self._require_tradable(self.current)
            audit("targets.loaded", _facts(self.current), actor="node")

    def check(self, table: TargetTable) -> TargetTable:
        """Return `table`, sealed where it had no hash, or raise `InputError` saying why not."""
        sealed = table.check() if table.hash else table.sealed()
        if not sealed.universe or not sealed.as_of_ns:
            raise InputError(
                "a hashed table must say its universe and as of when it is",
                value=sealed.name,
                remedy="make it with target_table(...)",
            )
        self._require_tradable(sealed)
        sealed.require_fresh(self._now_ns(), self._max_age_ns)
        now = self.current
        if now is not None and sealed.hash != now.hash and _age(sealed) < _age(now):
            raise InputError(
                "a table must not be older than the one that is traded",
                value=f"as of {as_instant(sealed.as_of_ns)}; "
                f"{now.name} is as of {as_instant(now.as_of_ns)}",
                remedy="run the notebook again with newer data",
            )
        return sealed

    def accept(self, table: TargetTable, by: str) -> TargetTable:
        """Check `table`, audit it, keep it and return it; what was kept stays when it is refused.

        Raises
        ------
        InputError
            When it is stale, partial, changed, of the future, or older than the one traded.
        StoreError
            When it cannot be audited or written.
        """
        sealed = self.check(table)
        self._audit("targets.set", _facts(sealed), actor=by)
        sealed.write(self._path)
        self.current = sealed
        return sealed

    def _require_tradable(self, table: TargetTable) -> None:
        if unknown := sorted(set(table.weights) - self._symbols):
            raise InputError(
                "every target must trade at the venue",
                value=", ".join(unknown[:10]),
                remedy=f"choose among {', '.join(sorted(self._symbols))}",
            )


def as_targets(
    weights: Mapping[str, float] | TargetTable, *, name: str, now_ns: int
) -> TargetTable:
    """Return `weights` (any mapping or series of symbol to fraction) as a checked table."""
    if isinstance(weights, TargetTable):
        return weights.check()
    try:
        plain = {str(symbol): float(weight) for symbol, weight in weights.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            "target weights must map symbols to fractions",
            value=weights,
            remedy='pass {"AAPL": 0.5, "MSFT": 0.5} or a series',
        ) from None
    if len(plain) != len(weights):
        raise InputError(
            "a symbol may have one target weight",
            value=[str(symbol) for symbol in weights.keys()],  # noqa: SIM118 - a series too
            remedy="add up the weights of a symbol: weights.groupby(level=0).sum()",
        )
    # Optimisers leave dust of either sign: a millionth of equity buys nothing.
    cleaned = {symbol: 0.0 if abs(w) < 1e-6 else w for symbol, w in plain.items()}
    return TargetTable(weights=cleaned, name=name, made_ns=now_ns).sealed()


def target_table(
    weights: Mapping[str, float],
    *,
    universe: Iterable[str],
    as_of_ns: int,
    valid_until_ns: int,
    name: str = "targets",
    run_id: str = "",
    notebook: str = "",
    code_version: str = "",
    strategy: str = "",
    now_ns: int | None = None,
) -> TargetTable:
    """Make the table that a scheduled run publishes: dated, complete, hashed.

    Parameters
    ----------
    weights : mapping of str to float
        symbol -> fraction of equity, for every symbol of `universe`.
    universe : iterable of str
        What was decided on.
    as_of_ns, valid_until_ns : int
        Up to when data were used, and from when on the table is not traded any more, UNIX ns.
    name, run_id, notebook, code_version, strategy : str
        As in `TargetTable`.
    now_ns : int, optional
        When it is made, UNIX ns.

    Raises
    ------
    InputError
        When it is partial, a weight is NaN or out of bounds, or it would never be valid.
    """
    made = as_targets(weights, name=name, now_ns=time.time_ns() if now_ns is None else now_ns)
    symbols = [str(symbol) for symbol in universe]
    if not symbols or len(set(symbols)) != len(symbols):
        raise InputError("a universe must name its symbols, each once", value=symbols[:10])
    if not 0 < as_of_ns < valid_until_ns:
        raise InputError(
            "a table must be valid after the data it is made of",
            value=f"as of {as_of_ns}, valid until {valid_until_ns}",
            remedy="give both in UNIX nanoseconds",
        )
    return msgspec.structs.replace(
        made,
        universe=tuple(symbols),
        as_of_ns=as_of_ns,
        valid_until_ns=valid_until_ns,
        run_id=run_id,
        notebook=notebook,
        code_version=code_version,
        strategy=strategy,
        hash="",
    ).sealed()


def _age(table: TargetTable) -> tuple[int, int]:
    return table.as_of_ns, table.made_ns


def _facts(table: TargetTable) -> dict[str, object]:
    return {
        "name": table.name,
        "hash": table.hash or table.digest,
        "as_of": as_instant(table.as_of_ns),
        "run": table.run_id,
        "code": table.code_version,
        "weights": {symbol: str(weight) for symbol, weight in table.weights.items()},
    }


def as_instant(ns: int) -> str:
    """Return an instant as text: ``2026-03-02 14:31:00 UTC``."""
    seconds = min(max(ns // 10**9, 0), 253_402_300_799)  # the last second of the year 9999
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
