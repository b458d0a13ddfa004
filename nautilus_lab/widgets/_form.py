"""What an order ticket has fields for, and reading what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from nautilus_lab.exceptions import InputError

_MOST_CHARACTERS = 128
_LONGEST_MINUTES = 60 * 24 * 366


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One thing that an execution algorithm can be told.

    Parameters
    ----------
    key, label : str
        Its name, and what stands beside it.
    kind : {"number", "whole", "text", "flag", "choice"}, default="number"
        What it is.
    default : str, default=""
        What stands in the field at first.
    required : bool, default=False
        Whether it must be filled in; what is left empty is as the algorithm has it.
    choices : tuple of str, default=()
        For a choice; the first is as the algorithm has it.
    """

    key: str
    label: str
    kind: Literal["number", "whole", "text", "flag", "choice"] = "number"
    default: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()


# type of order -> the prices it needs, and those it may have besides
PRICES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "MARKET": ((), ()),
    "LIMIT": (("limit_price",), ()),
    "STOP_MARKET": (("trigger_price",), ()),
    "STOP_LIMIT": (("trigger_price", "limit_price"), ()),
    "MARKET_IF_TOUCHED": (("trigger_price",), ()),
    "LIMIT_IF_TOUCHED": (("trigger_price", "limit_price"), ()),
    "MARKET_TO_LIMIT": ((), ()),
    "TRAILING_STOP_MARKET": (("trailing_offset",), ("trigger_price", "activation_price")),
    "TRAILING_STOP_LIMIT": (
        ("trailing_offset", "limit_offset"),
        ("trigger_price", "limit_price", "activation_price"),
    ),
}
TIMES = ("GTC", "DAY", "GTD", "IOC", "FOK", "AT_THE_OPEN", "AT_THE_CLOSE")
OFFSETS = ("PRICE", "BASIS_POINTS", "TICKS")

_HORIZON = Parameter(key="horizon_secs", label="Over, s", default="600", required=True)
_EVERY = Parameter(key="interval_secs", label="Every, s", default="30", required=True)
_SLICE = Parameter(key="min_slice", label="Least slice")
ALGORITHMS: dict[str, tuple[Parameter, ...]] = {
    "TWAP": (_HORIZON, _EVERY),
    "VWAP": (
        _HORIZON,
        _EVERY,
        Parameter(key="profile", label="Profile", kind="text", default="uniform"),
        _SLICE,
        Parameter(key="catch_up", label="Catch up", kind="flag", default="on"),
    ),
    "POV": (
        Parameter(key="rate", label="Of volume", default="0.1", required=True),
        _HORIZON,
        Parameter(key="interval_secs", label="At most every, s"),
        _SLICE,
        Parameter(key="max_slice", label="Largest slice"),
    ),
    "SMART": (
        Parameter(
            key="policy",
            label="Policy",
            kind="choice",
            choices=("best price after fees", "best price"),
        ),
        Parameter(key="rounds", label="Rounds", kind="whole"),
        Parameter(key="wait_secs", label="Wait, s"),
    ),
}
_NUMBERS = (
    "limit_price",
    "trigger_price",
    "activation_price",
    "trailing_offset",
    "limit_offset",
)
_FLAGS = ("post_only", "reduce_only", "emulate")


def described() -> dict[str, Any]:
    """Return what the page builds the ticket from."""
    return {
        "prices": {kind: {"needs": needs, "may": may} for kind, (needs, may) in PRICES.items()},
        "times": TIMES,
        "offsets": OFFSETS,
        "algorithms": {name: [asdict(one) for one in told] for name, told in ALGORITHMS.items()},
    }


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One order as a ticket asks for it.

    Attributes
    ----------
    instrument, side, quantity
        As they were filled in; whoever writes the order down checks them.
    fields : dict of str to object
        The other arguments of `nautilus_lab.client.order`.
    take_profit, stop_loss : str
        The prices of its exits; both empty when it has none.
    """

    instrument: str
    side: Any
    quantity: str
    fields: dict[str, Any]
    take_profit: str = ""
    stop_loss: str = ""


def read(form: Mapping[str, Any]) -> Wanted:
    """Read a form; numbers stay text, so that none is rounded.

    Parameters
    ----------
    form : mapping
        ``fields`` and ``parameters``, each from names to text or a yes or no, as the page sent it:
        a page can send anything.

    Raises
    ------
    InputError
        When what is needed is missing, or something is not what a form sends.
    """
    given = _texts(form.get("fields"))
    for name in ("instrument", "side", "quantity", "order_type"):
        if not given.get(name):
            raise InputError(f"an order needs its {name.replace('_', ' ')}")
    fields: dict[str, Any] = {"order_type": given["order_type"]}
    fields |= {name: given[name] for name in _NUMBERS if given.get(name)}
    if given.get("trailing_offset") and given.get("offset_type"):
        fields["offset_type"] = given["offset_type"]
    fields |= {name: True for name in _FLAGS if _flag(given.get(name, ""))}
    lasts = fields["time_in_force"] = given.get("time_in_force") or "GTC"
    if lasts == "GTD":
        minutes = _number("minutes", given.get("minutes", ""))
        if not 0 < minutes <= _LONGEST_MINUTES:
            raise InputError("an order must end within a year", value=minutes)
        fields["expires"] = datetime.now(UTC) + timedelta(minutes=minutes)
    if algorithm := given.get("algorithm"):
        fields["algorithm"] = algorithm
        fields["parameters"] = _parameters(algorithm, _texts(form.get("parameters")))
    take_profit, stop_loss = given.get("take_profit", ""), given.get("stop_loss", "")
    if bool(take_profit) != bool(stop_loss):
        raise InputError(
            "a bracket has two exits",
            value=take_profit or stop_loss,
            remedy="fill in take-profit and stop-loss, or neither",
        )
    return Wanted(
        instrument=given["instrument"],
        side=given["side"],
        quantity=given["quantity"],
        fields=fields,
        take_profit=take_profit,
        stop_loss=stop_loss,
    )


def _texts(given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise InputError("a ticket sends its fields by their names", value=type(given).__name__)
    for name, value in given.items():
        if not isinstance(value, str) or len(value) > _MOST_CHARACTERS:
            raise InputError(
                f"a field holds text of at most {_MOST_CHARACTERS} characters", value=str(name)[:40]
            )
    return {str(name): value.strip() for name, value in given.items()}


def _parameters(algorithm: str, given: dict[str, str]) -> dict[str, str | int | float | bool]:
    if algorithm not in ALGORITHMS:
        raise InputError("an algorithm must be one that the ticket has", value=algorithm)
    told: dict[str, str | int | float | bool] = {}
    for one in ALGORITHMS[algorithm]:
        text = given.get(one.key, "")
        if one.kind == "flag":
            told[one.key] = _flag(text)
        elif not text:
            if one.required:
                raise InputError(f"{algorithm} needs {one.key}", remedy="fill it in")
        elif one.kind == "number":
            told[one.key] = _number(one.key, text)
        elif one.kind == "whole":
            told[one.key] = _whole(one.key, text)
        else:
            told[one.key] = text
    return told


def _flag(text: str) -> bool:
    if text not in ("", "on"):
        raise InputError("a box is ticked or not", value=text)
    return text == "on"


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{name} must be a number", value=text) from None


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{name} must be a whole number", value=text) from None
