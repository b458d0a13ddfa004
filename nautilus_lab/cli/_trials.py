"""`nautilus-lab trials`: what was tried, what differs, what it is worth, whether it still holds."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from nautilus_lab.cli._shown import add_json, plain, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import AuditError, InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nautilus_lab.trials import Ledger


def add_trials(verbs: Verbs) -> None:
    """Add the commands of this file."""
    trials = verbs.add_parser("trials", help="everything that was tried, by study")
    below = trials.add_subparsers(required=True, metavar="COMMAND")
    studies = add_verb(below, "studies", _studies, "the studies, and how much was tried in each")
    listed = add_verb(below, "list", _list, "what was tried, the newest last")
    listed.add_argument("--study", help="only of this one")
    listed.add_argument("-n", type=int, default=20, dest="most", help="how many (20); 0: all")
    show = add_verb(below, "show", _show, "everything that is known of one trial")
    compare = add_verb(below, "compare", _compare, "what differs between two trials")
    compare.add_argument("a")
    compare.add_argument("b")
    deflate = add_verb(below, "deflate", _deflate, "what a trial is worth among all of its study")
    deflate.add_argument(
        "--also", action="append", default=[], metavar="STUDY", help="count this study's too"
    )
    again = add_verb(below, "reproduce", _reproduce, "make a trial again; exit code 2 unless equal")
    for parser in (show, deflate, again):
        parser.add_argument("id")
    verify = add_verb(below, "verify", _verify, "check that the ledger is as it was written")
    verify.add_argument("--head", default="", help="a digest that must be in it, or its beginning")
    for parser in (studies, listed, show, compare, deflate, again, verify):
        add_json(parser)


def _ledger(chosen: argparse.Namespace) -> Ledger:
    from nautilus_lab.trials import Ledger

    return Ledger.of_workspace(chosen.root)


def _studies(chosen: argparse.Namespace) -> None:
    table = _ledger(chosen).studies().reset_index()
    if chosen.json:
        return show_json([_finite(row) for row in table.to_dict(orient="records")])
    rows = [
        (one.study, f"{one.records:,}", _at(one.first), _at(one.last)) for one in table.itertuples()
    ]
    show_table(("study", "records", "first", "last"), rows, none="studies")


def _list(chosen: argparse.Namespace) -> None:
    table = _ledger(chosen).runs(chosen.study)
    table = table.tail(chosen.most) if chosen.most > 0 else table
    table = table.reset_index()
    if chosen.json:
        return show_json([_finite(row) for row in table.to_dict(orient="records")])
    rows = [
        (
            one["id"], one["study"], one["kind"], one["name"], f"{one['sharpe']:.4f}",
            f"{one['t']:.2f}", f"{one['p']:.3g}", f"{one['n_observations']:,}",
            _at(one["recorded"]), "repeat" if one["repeat"] else "",
        )
        for one in table.to_dict(orient="records")
    ]  # fmt: skip
    columns = (
        "id",
        "study",
        "kind",
        "name",
        "sharpe a period",
        "t",
        "p",
        "returns",
        "recorded",
        "",
    )
    show_table(columns, rows, none=f"trials of {chosen.study!r}" if chosen.study else "trials")


def _show(chosen: argparse.Namespace) -> None:
    run = _ledger(chosen).run(chosen.id)
    if chosen.json:
        return show_json([_finite(row) for row in run.rows()])
    show_table(
        ("part", "what", "value"),
        [(row["part"], row["what"], row["value"]) for row in run.rows()],
        none="facts",
    )


def _compare(chosen: argparse.Namespace) -> None:
    found = _ledger(chosen).compare(chosen.a, chosen.b)
    rows = found.differences.to_dict(orient="records")
    if chosen.json:
        told = {"same_trial": found.same_trial, "correlation": found.correlation}
        return show_json({**_finite(told), "differences": [_finite(row) for row in rows]})
    print(found)
    columns = ("part", "what", "a", "b")
    show_table(columns, [_differing(row) for row in rows], none="differences")


def _differing(row: Mapping[Any, Any]) -> tuple[object, ...]:
    """Return one difference, its numbers as short as they are still told apart."""
    a, b = row["a"], row["b"]
    if isinstance(a, float) and isinstance(b, float) and f"{a:.6g}" != f"{b:.6g}":
        a, b = f"{a:.6g}", f"{b:.6g}"
    return row["part"], row["what"], a, b


def _deflate(chosen: argparse.Namespace) -> None:
    ledger = _ledger(chosen)
    run = ledger.run(chosen.id)
    found = ledger.deflated_sharpe(run, studies=[run.study, *chosen.also])
    if not chosen.json:
        return _print(found)
    told = dataclasses.asdict(found)
    told["effective"] = {"number": found.effective.number, "method": found.effective.method}
    show_json(_finite(told))


def _reproduce(chosen: argparse.Namespace) -> None:
    found = _ledger(chosen).run(chosen.id).reproduce()
    if chosen.json:
        show_json(dataclasses.asdict(found))
    else:
        _print(found)
    if not found.equal:
        raise InputError(
            "a trial must come out as it did",
            value=f"{found.run} {found.verdict}: {'; '.join(found.reasons)}",
        )


def _verify(chosen: argparse.Namespace) -> None:
    found = _ledger(chosen).verify(chosen.head)
    if chosen.json:
        show_json(dataclasses.asdict(found))
    else:
        print(f"{found.n_entries:,} entries, head {found.head}")
    if not found.ok:
        raise AuditError(
            "a ledger of trials must be as it was written",
            value="; ".join(found.faults),
            remedy="take the file from a backup",
        )


def _print(found: object) -> None:
    # Names and reasons come from whoever recorded them.
    print("\n".join(plain(line) for line in str(found).splitlines()))


def _at(time: object) -> str:
    return f"{time:%Y-%m-%d %H:%M}Z"


def _finite(row: Mapping[Any, Any]) -> dict[str, object]:
    """Return a row as JSON can hold it: what is not known or not finite is null."""
    told: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            told[str(name)] = _finite(value)
        elif isinstance(value, float):
            told[str(name)] = value if math.isfinite(value) else None
        elif hasattr(value, "isoformat"):
            told[str(name)] = value.isoformat()
        else:
            told[str(name)] = value
    return told
