"""Which strategies send nothing until a person lets them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import write_whole

log = logging.getLogger(__name__)

_LONGEST = 1 << 20


class StrategySwitch:
    """Keeps who was disabled and why, also over a restart.

    Parameters
    ----------
    path : Path, optional
        The file it is kept in; in memory alone without one.

    Attributes
    ----------
    closed : dict of str to str
        Strategy -> why it sends nothing.
    on_closed : callable
        Called with a strategy and the reason when it is disabled; must not raise.

    Raises
    ------
    StoreError
        When the file is there and cannot be read: who is disabled must stay so.

    Examples
    --------
    >>> switch = StrategySwitch()
    >>> switch.close("carry-001", "MAX_REPEATS: 6.00 is over the limit of 5.00")
    True
    >>> switch.closed
    {'carry-001': 'MAX_REPEATS: 6.00 is over the limit of 5.00'}
    >>> switch.open("carry-001")
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.closed: dict[str, str] = {} if path is None else _read(path)
        self.on_closed: Callable[[str, str], object] = lambda strategy, reason: None

    def __repr__(self) -> str:
        return f"StrategySwitch({', '.join(sorted(self.closed)) or 'nobody is disabled'})"

    def close(self, strategy: str, reason: str) -> bool:
        """Let a strategy send nothing more; returns whether that is new.

        A disk that refuses keeps nobody from being disabled: it holds in memory then.
        """
        if strategy in self.closed:
            return False
        self.closed[strategy] = reason
        try:
            self._write()
        except (StoreError, OSError):
            log.exception("%s is disabled in memory only", strategy)
        self.on_closed(strategy, reason)
        return True

    def open(self, strategy: str) -> None:
        """Let a strategy send again: a person's decision.

        Raises
        ------
        InputError
            When it is not disabled.
        StoreError
            When that cannot be written; it stays disabled then.
        """
        self.reason_of(strategy)
        reason = self.closed.pop(strategy)
        try:
            self._write()
        except OSError as error:
            self.closed[strategy] = reason
            raise StoreError("who is disabled must be written", value=str(error)) from None
        except StoreError:
            self.closed[strategy] = reason
            raise

    def reason_of(self, strategy: str) -> str:
        """Return why a strategy is disabled.

        Raises
        ------
        InputError
            When it is not.
        """
        if strategy not in self.closed:
            raise InputError(
                "a strategy must be disabled to be enabled",
                value=strategy,
                remedy=f"disabled: {', '.join(sorted(self.closed)) or 'none'}",
            )
        return self.closed[strategy]

    def _write(self) -> None:
        if self._path is not None:
            write_whole(self._path, msgspec.json.encode(self.closed))


def _read(path: Path) -> dict[str, str]:
    try:
        data = path.read_bytes()
        if len(data) > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} bytes")
        return msgspec.json.decode(data, type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise StoreError(
            f"who is disabled must be readable: {error}",
            value=str(path),
            remedy="remove the file; a node has who is disabled from its audit trail then",
        ) from None
