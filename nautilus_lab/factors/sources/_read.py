"""Families of factors, read from the files beside this one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, cast

from nautilus_lab.exceptions import ConfigError
from nautilus_lab.factors.expressions import parse
from nautilus_lab.factors.point_in_time import Release
from nautilus_lab.factors.point_in_time._release import MONTHS, Frequency
from nautilus_lab.factors.sources._definition import (
    SourceFactor,
    SourceFamily,
    SourceInput,
    SourceTable,
)

# in the order in which they are shown
FAMILIES = (
    "alpha_vantage",
    "fred",
    "edgar",
    "data_gov",
    "yahoo",
    "trading_economics",
    "dbnomics",
    "ibkr",
)

# from the fastest; a factor is as slow as its slowest input
_FREQUENCIES = ("bar", "daily", "weekly", "event", "monthly", "quarterly", "annual")
# frequency -> how long a value is shown after its release: two periods and some days
_AGES = {
    "daily": "10D",
    "weekly": "21D",
    "event": "100D",
    "monthly": "75D",
    "quarterly": "190D",
    "annual": "760D",
}
_SHORT: Mapping[str, Mapping[str, Any]] = {
    "a year ago": {"ago": 1},
    "quarter": {"measure": "quarter"},
    "surprise": {"measure": "surprise"},
    "revision": {"measure": "revision"},
}
_RULES = ("days", "business_days", "at", "zone")


@cache
def family(name: str) -> SourceFamily:
    """Read the file of a source."""
    told = tomllib.loads((files(__package__) / f"{name}.toml").read_text("utf-8"))
    return family_of(name, told)


def family_of(name: str, told: Mapping[str, Any]) -> SourceFamily:
    """Return what a file of a source says.

    Raises
    ------
    ConfigError
        When something that is named is not there, or an expression cannot be read.
    """
    tables = {
        key: SourceTable(
            name=key,
            kind=table["kind"],
            columns=table.get("columns", {}),
            zone=table.get("zone", ""),
        )
        for key, table in told["tables"].items()
    }
    reader = _Reader(name, tables, told)
    return SourceFamily(
        name=name,
        title=told["title"],
        reference=told["reference"],
        tables=tuple(tables.values()),
        factors=tuple(reader.factor(key, one) for key, one in told["factors"].items()),
    )


class _Reader:
    def __init__(
        self, source: str, tables: Mapping[str, SourceTable], told: Mapping[str, Any]
    ) -> None:
        self.source = source
        self.tables = tables
        self.told = told
        self.prices = SourceTable(name="prices", kind="prices")

    def factor(self, key: str, told: Mapping[str, Any]) -> SourceFactor:
        name = f"{self.source}.{key}"
        unknown = set(told) - {"title", "inputs", "expression", "units", "reference"}
        if unknown:
            raise ConfigError(f"{name} has a key that nothing reads", value=", ".join(unknown))
        found = dict(told.get("inputs", {}))
        if not found:  # the columns of bars by their own names
            columns = next(t for t in self.tables.values() if t.kind == "bars").columns
            found = {one: one for one in parse(told["expression"], fields=columns).fields}
        inputs = tuple(self._input(name, one, what) for one, what in found.items())
        parse(told["expression"], fields=[one.name for one in inputs])
        rates = [self._frequency(one) for one in inputs]
        return SourceFactor(
            name=name,
            title=told["title"],
            source=self.told["title"],
            expression=told["expression"],
            inputs=inputs,
            units=told["units"],
            universe="market" if all(one.everybodys for one in inputs) else "each",
            frequency=max(rates, key=_FREQUENCIES.index),
            reference=told["reference"],
        )

    def _input(self, factor: str, name: str, told: str | Mapping[str, Any]) -> SourceInput:
        if told == "prices":
            return SourceInput(name=name, table=self.prices, of="close", title="close")
        if isinstance(told, str):
            of, *words = told.split(", ")
            told = {"of": of}
            for word in words:
                told |= _SHORT[word]
        of = told["of"]
        about = self.told.get("of", {}).get(of, {})
        table = self._table(factor, told, about)
        if table.kind != "bars" and not about:
            raise ConfigError(f"{factor} reads what [of] describes", value=of)
        if told.get("each"):
            parse(told["each"], fields=("x",))
        rule = {k: about[k] for k in _RULES if k in about}
        frequency = about.get("frequency", "bar")
        periods = cast("Frequency", frequency if frequency in MONTHS else "")
        told_by = table.columns.get("released", "")
        hour = {k: rule[k] for k in ("at", "zone") if k in rule}
        return SourceInput(
            name=name,
            table=table,
            of=of,
            title=about.get("title", of),
            each=told.get("each", ""),
            measure=told.get("measure", about.get("measure", "")),
            ago=told.get("ago", 0),
            release=Release(frequency=periods if table.kind == "series" else "", **rule),
            told=Release(column=told_by, **hour) if told_by else Release(**hour),
            max_age=about.get("max_age", _AGES.get(frequency, "")),
            tags=tuple(about.get("tags", ())),
            unit=about.get("unit", ""),
        )

    def _table(self, factor: str, told: Mapping[str, Any], about: Mapping[str, Any]) -> SourceTable:
        name = told.get("table", about.get("table", next(iter(self.tables))))
        if name not in self.tables:
            raise ConfigError(f"{factor} reads a table that is described", value=name)
        return self.tables[name]

    def _frequency(self, one: SourceInput) -> str:
        if one.table.kind in ("bars", "prices"):
            return "bar"
        return str(self.told["of"][one.of]["frequency"])
