"""The error that a result tells of."""

from __future__ import annotations

from typing import Protocol

from nautilus_lab import exceptions
from nautilus_lab.exceptions import LabError, NodeError


class Failed(Protocol):
    """The part of a result that tells of an error."""

    @property
    def error(self) -> str:
        """The rule that was broken."""
        ...

    @property
    def error_type(self) -> str:
        """The name of the error's class."""
        ...

    @property
    def value(self) -> str:
        """What broke the rule, as text; empty for nothing."""
        ...

    @property
    def remedy(self) -> str:
        """What can be done."""
        ...


def error_of(result: Failed) -> LabError:
    """Return the `LabError` of the class that was raised; `NodeError` for a class unknown here."""
    kind = getattr(exceptions, result.error_type, None)
    if not (isinstance(kind, type) and issubclass(kind, LabError)):
        kind = NodeError
    return kind(result.error, value=result.value or None, remedy=result.remedy)
