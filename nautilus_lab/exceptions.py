"""What can go wrong, in one tree.

LabError
├── ConfigError           a setting is unknown, missing or out of bounds      (ValueError)
├── InputError            an argument breaks a rule                           (ValueError)
├── MissingExtra          an optional package is not installed                (ImportError)
├── LifecycleError        an engine was asked for a state it cannot reach     (RuntimeError)
├── DataError             data is absent or unusable
│   ├── CatalogMissing    the data catalog was not built                      (FileNotFoundError)
│   ├── UnknownSymbol     a symbol or series is not in the catalog            (LookupError)
│   ├── NotEnoughData     fewer observations than the method needs            (ValueError)
│   └── BadData           NaN, infinite, unsorted, duplicated or non-positive (ValueError)
├── SolverError           an optimisation has no answer
├── LimitBreached         an order or a book breaks a risk limit
│   ├── OrderDenied       an order was not let through to its venue
│   └── LeaseRefused      a part of a firm limit is another process' now
├── StoreError            a store could not be read or written
│   ├── StoreUnwritable   a store cannot write at the moment: locked, full, its disk away
│   └── AuditError        an audit chain does not verify
├── BusError              a message could not be published or delivered
├── MessageError          bytes are not a message of ours                     (ValueError)
├── AccessDenied          the principal may not do this                       (PermissionError)
├── NotReachable          nothing answers at an address                       (ConnectionError)
│   ├── NodeNotRunning    no trading node answers
│   └── PortBusy          another process holds the port
├── DeadlineExceeded      an answer did not come in time                      (TimeoutError)
├── NodeError             a trading node refused or failed
│   ├── OutcomeUnknown    a command may have been done, or may not
│   ├── StrategyFailed    a strategy could not be loaded or started, or fell
│   └── NodeAlreadyRunning  the trader's run directory is held by another node
└── RunFailed             a notebook run or a job ended in an error

Every one names the rule that was broken, the value that broke it and what to do. In a notebook it
shows as those three lines; `nautilus_lab.traceback()` prints the whole traceback.
"""

__all__ = [
    "AccessDenied",
    "AuditError",
    "BadData",
    "BusError",
    "CatalogMissing",
    "ConfigError",
    "DataError",
    "DeadlineExceeded",
    "InputError",
    "LabError",
    "LeaseRefused",
    "LifecycleError",
    "LimitBreached",
    "MessageError",
    "MissingExtra",
    "NodeAlreadyRunning",
    "NodeError",
    "NodeNotRunning",
    "NotEnoughData",
    "NotReachable",
    "OrderDenied",
    "OutcomeUnknown",
    "PortBusy",
    "RunFailed",
    "SolverError",
    "StoreError",
    "StoreUnwritable",
    "StrategyFailed",
    "UnknownSymbol",
]


class LabError(Exception):
    """The root: a rule, the value that broke it, and what to do about it.

    Parameters
    ----------
    rule : str
        What must hold, as a sentence: ``"prices must be positive"``.
    value : object, optional
        What was found instead. Kept as given in `value`; shown shortened.
    remedy : str, optional
        What the reader can do next.

    Examples
    --------
    >>> error = InputError("window must be at least 2", value=1, remedy="pass window=20")
    >>> str(error)
    'window must be at least 2; got 1; pass window=20'
    >>> error.value
    1
    """

    def __init__(self, rule: str, *, value: object = None, remedy: str = "") -> None:
        super().__init__(rule)
        self.rule = rule
        self.value = value
        self.remedy = remedy

    def __str__(self) -> str:
        parts = [self.rule]
        if self.value is not None:
            parts.append(f"got {_shortened(self.value)}")
        if self.remedy:
            parts.append(self.remedy)
        return "; ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword-only arguments do not cross process borders by themselves.
        return (_rebuilt, (type(self), self.rule, self.value, self.remedy))

    def _render_traceback_(self) -> list[str]:
        """Return the three lines IPython shows in place of a traceback."""
        return [
            f"{type(self).__name__}: {self.rule}",
            f"  got:  {_shortened(self.value) if self.value is not None else '-'}",
            f"  do:   {self.remedy or 'see the message'}   (nautilus_lab.traceback() shows it all)",
        ]

    def _repr_html_(self) -> str:
        import html  # its table of characters; a kill need not wait for it

        return "<pre>" + html.escape("\n".join(self._render_traceback_())) + "</pre>"


def _shortened(value: object, most: int = 200) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _rebuilt(kind: type[LabError], rule: str, value: object, remedy: str) -> LabError:
    return kind(rule, value=value, remedy=remedy)


class ConfigError(LabError, ValueError):
    """A setting is unknown, missing or out of bounds."""


class InputError(LabError, ValueError):
    """An argument breaks a rule."""


class MissingExtra(LabError, ImportError):
    """An optional package is not installed."""


class LifecycleError(LabError, RuntimeError):
    """An engine was asked for a state it cannot reach from where it is."""


class DataError(LabError):
    """Data is absent or unusable."""


class CatalogMissing(DataError, FileNotFoundError):
    """The data catalog was not built."""


class UnknownSymbol(DataError, LookupError):
    """A symbol or series is not in the catalog."""


class NotEnoughData(DataError, ValueError):
    """Fewer observations than the method needs."""


class BadData(DataError, ValueError):
    """NaN, infinite, unsorted, duplicated or non-positive data."""


class SolverError(LabError):
    """An optimisation has no answer."""


class LimitBreached(LabError):
    """An order or a book breaks a risk limit."""


class OrderDenied(LimitBreached):
    """An order was not let through to its venue, or a change of one; `rule` says why."""


class LeaseRefused(LimitBreached):
    """A part of a firm limit is another process' now, or was given up."""


class StoreError(LabError):
    """A store could not be read or written."""


class StoreUnwritable(StoreError):
    """A store cannot write at the moment: it is locked, or its disk full, read-only or away."""


class AuditError(StoreError):
    """An audit chain does not verify."""


class BusError(LabError):
    """A message could not be published or delivered."""


class MessageError(LabError, ValueError):
    """Bytes are not a message of ours."""


class AccessDenied(LabError, PermissionError):
    """The principal may not do this."""


class NotReachable(LabError, ConnectionError):
    """Nothing answers at an address."""


class NodeNotRunning(NotReachable):
    """No trading node answers."""


class PortBusy(NotReachable):
    """Another process holds the port."""


class DeadlineExceeded(LabError, TimeoutError):
    """An answer did not come in time."""


class NodeError(LabError):
    """A trading node refused or failed."""


class OutcomeUnknown(NodeError):
    """A command may have been done, or may not; `value` is its id."""


class StrategyFailed(NodeError):
    """A strategy could not be loaded or started, or fell; `value` names it."""


class NodeAlreadyRunning(NodeError):
    """The trader's run directory is held by another node."""


class RunFailed(LabError):
    """A notebook run or a job ended in an error."""
