"""What a factor is: an expression, for whom, how often, from when on, and where from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.expressions._parse import canonical


class PointInTime(Enum):
    """From when on the data of a factor may be used."""

    BAR_CLOSE = "known when its bar has closed"
    NEXT_BAR = "known one bar after its own"
    RELEASE = "known from its release on, as it was first released"


@dataclass(frozen=True, kw_only=True)
class FactorDefinition:
    """A factor.

    Attributes
    ----------
    name : str
        As it goes by.
    expression : str
        Its text; see `parse`.
    universe : str, default="all"
        The name of the symbols that are compared.
    frequency : str, default="1d"
        How often it is computed: a pandas offset, ``"1d"``, ``"1h"``.
    point_in_time : PointInTime
        From when on its data may be used.
    lineage : tuple of str
        Where it comes from, from source to shape: ``("bars", "close", "ts_mean 20", "rank")``.

    Examples
    --------
    >>> calm = FactorDefinition(name="calm", expression="-ts_std(returns, 60)")
    >>> calm.point_in_time.value
    'known when its bar has closed'
    >>> calm.digest == FactorDefinition(name="still", expression=calm.expression).digest
    True
    """

    name: str
    expression: str
    universe: str = "all"
    frequency: str = "1d"
    point_in_time: PointInTime = PointInTime.BAR_CLOSE
    lineage: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("name", "expression", "universe", "frequency"):
            value = getattr(self, part)
            if not isinstance(value, str) or not value.strip():
                raise InputError(f"a factor's {part} must be a text", value=value)

    @property
    def digest(self) -> str:
        """A hash of what is computed: its expression, universe, frequency and point in time.

        Two factors that differ in name, lineage or spelling only have the same.

        Raises
        ------
        InputError
            When the expression cannot be read.
        """
        text = canonical(self.expression)
        told = (text, self.universe, self.frequency, self.point_in_time.name)
        return hashlib.blake2b("\0".join(told).encode(), digest_size=16).hexdigest()
