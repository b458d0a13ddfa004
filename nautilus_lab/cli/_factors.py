"""`nautilus-lab factors`: the ready ones, operators, those of sources; what one foretold."""

from __future__ import annotations

import argparse
import math

from nautilus_lab.cli._shown import add_json, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb, heed_what_stands_before
from nautilus_lab.exceptions import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nautilus_lab.factors import FactorStudy

_FACTORS = ("factor", "set", "expression")
_OPERATORS = ("operator", "call", "family", "formula", "returns")
_SOURCES = ("name", "source", "title", "universe", "frequency", "known", "expression")
_CLOSES = frozenset({"close", "returns"})
# what bars that ship have, and the returns that are made of them
_FIELDS = ("open", "high", "low", "close", "volume", "returns")


def add_factors(verbs: Verbs) -> None:
    """Add the commands of this file."""
    listed = add_verb(verbs, "factors", _list, "the ready sets of factors")
    listed.add_argument("--find", default="", metavar="TEXT", help="those whose row has TEXT in it")
    below = listed.add_subparsers(metavar="COMMAND", required=False)
    operators = add_verb(below, "operators", _operators, "what expressions are made of")
    operators.add_argument("--find", default="", metavar="TEXT", help="rows with TEXT in them")
    study = add_verb(below, "evaluate", _evaluate, "study what an expression foretold")
    study.add_argument("expression", help="'rank(ts_mean(returns, 20))', or a ready factor's name")
    study.add_argument("--symbols", default="", metavar="A,B", help="of the catalog; its stocks")
    study.add_argument("--start", metavar="DATE", help="first date, or year, or month")
    study.add_argument("--end", metavar="DATE", help="last date, or year, or month")
    study.add_argument("--horizons", default="1,5,21", metavar="N,N", help="bars held (1,5,21)")
    study.add_argument("--quantiles", type=int, default=5, metavar="N", help="groups (5)")
    study.add_argument("--delay", type=int, default=1, metavar="N", help="bars to the trade (1)")
    study.add_argument("--html", metavar="FILE", help="write the tear sheet, too")
    study.add_argument("--study", metavar="NAME", help="record each horizon as a trial of NAME")
    sources = add_verb(below, "sources", _sources, "the factors of the eight sources")
    sources.add_argument("--find", default="", metavar="TEXT", help="rows with TEXT in them")
    for one in (listed, operators, study, sources):
        add_json(one)
    heed_what_stands_before(listed, operators, study, sources)


def _ready() -> dict[str, tuple[str, str]]:
    """Return name -> set and expression."""
    from nautilus_lab.factors import alpha101, alpha158

    sets = {"alpha101": alpha101(), "alpha158": alpha158()}
    return {name: (key, text) for key, found in sets.items() for name, text in found.items()}


def _list(chosen: argparse.Namespace) -> None:
    rows = [(name, *told) for name, told in _ready().items()]
    _show(chosen, _FACTORS, rows, "factors")


def _operators(chosen: argparse.Namespace) -> None:
    from nautilus_lab.factors import OPERATORS

    table = OPERATORS.table()
    rows = [
        (str(name), row["call"], row["family"], row["formula"], row["returns"])
        for name, row in table.iterrows()
    ]
    _show(chosen, _OPERATORS, rows, "operators")


def _sources(chosen: argparse.Namespace) -> None:
    from nautilus_lab.factors import source_catalog

    table = source_catalog().reset_index()[list(_SOURCES)]
    _show(chosen, _SOURCES, list(table.itertuples(index=False, name=None)), "factors of sources")


def _show(
    chosen: argparse.Namespace, columns: tuple[str, ...], rows: list[tuple[Any, ...]], what: str
) -> None:
    wanted = chosen.find.lower()
    found = [row for row in rows if wanted in " ".join(map(str, row)).lower()]
    if chosen.json:
        return show_json([dict(zip(columns, row, strict=True)) for row in found])
    show_table(columns, found, none=f"{what} with {chosen.find!r}" if wanted else what)


def _evaluate(chosen: argparse.Namespace) -> None:
    study = _studied(chosen)
    if chosen.html:
        # The catalog has trading days.
        study.tear_sheet(periods_per_year=252).save_html(chosen.html)
    if chosen.json:
        return show_json(_json(study.rows()))
    table = study.summary()
    rows = [
        (name, *(f"{value:,.0f}" if name == "dates" else _number(value) for value in row))
        for name, row in table.iterrows()
    ]
    heads = [f"{bar} bar{'s' * (bar != 1)}" for bar in study.horizons]
    show_table(("figure", *heads), rows, none="figures")
    first = study.horizons[0]
    print()
    show_table(
        ("scores", heads[0]),
        [(reason, f"{count:,}") for reason, count in study.dropped[first].items() if count],
        none="scores",
    )
    if study.provenance.caption:
        print(f"\n{study.provenance.caption}")
    if study.trials:
        print(f"\ntrials of {chosen.study}: {', '.join(study.trials)}")
    if chosen.html:
        print(f"tear sheet: {chosen.html}")


def _studied(chosen: argparse.Namespace) -> FactorStudy:
    from nautilus_lab.factors import bar_fields, evaluate_expression, parse, source_catalog
    from nautilus_lab.lab import Lab

    lab = Lab(chosen.root)
    ready = _ready()
    text = ready[chosen.expression][1] if chosen.expression in ready else chosen.expression
    if text in source_catalog().index:
        raise InputError(
            "a factor of a source is computed of the frames of that source",
            value=text,
            remedy=f"lab.factors.synthesise({text!r}, frames, like=prices) in a notebook",
        )
    read = set(parse(text, fields=_FIELDS).fields)
    symbols = [name for name in chosen.symbols.split(",") if name] or None
    span = {"start": chosen.start, "end": chosen.end}
    if read <= _CLOSES:
        prices = lab.marketdata.prices(symbols, **span)
        fields = {"close": prices, "returns": prices.pct_change(fill_method=None)}
    else:
        fields = bar_fields(lab.marketdata.bars(symbols, **span))
        prices = fields["close"]
    scores = evaluate_expression(text, fields)
    return lab.factors.evaluate(
        scores,
        prices,
        horizons=_horizons(chosen.horizons),
        quantiles=chosen.quantiles,
        delay=chosen.delay,
        study=chosen.study,
        definition=text if chosen.study else None,
    )


def _horizons(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            "horizons must be counts of bars", value=text, remedy="--horizons 1,5,21"
        ) from None


def _json(value: Any) -> Any:
    """Return `value` with null for each NaN and infinity, which JSON has not."""
    if isinstance(value, dict):
        return {key: _json(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4f}"
