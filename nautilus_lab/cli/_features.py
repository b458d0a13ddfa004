"""`nautilus-lab features`: what can be computed, a check of one, and computing some."""

from __future__ import annotations

import argparse

from nautilus_lab.cli._features_compute import add_compute
from nautilus_lab.cli._shown import add_json, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb, heed_what_stands_before
from nautilus_lab.exceptions import InputError

_COLUMNS = ("feature", "group", "rows", "of", "settings", "warm-up", "title")


def add_features(verbs: Verbs) -> None:
    """Add the commands of this file."""
    listed = add_verb(verbs, "features", _list, "what can be computed of bars and ticks")
    listed.add_argument("--find", default="", metavar="TEXT", help="those whose row has TEXT in it")
    below = listed.add_subparsers(metavar="COMMAND", required=False)
    compute = add_compute(below)
    check = add_verb(
        below,
        "check",
        _check,
        "run one in batch and as a stream, and compare",
    )
    check.add_argument("feature", help="its name, or with settings: 'rsi(timeperiod=7)'")
    add_json(listed)
    add_json(check)
    heed_what_stands_before(listed, check, compute)


def _list(chosen: argparse.Namespace) -> None:
    from nautilus_lab.features import FeatureEngine

    catalog = FeatureEngine().catalog(chosen.find)
    if chosen.json:
        return show_json(catalog.reset_index().to_dict(orient="records"))
    show_table(
        _COLUMNS,
        [
            (
                name,
                row["group"],
                row["data"],
                row["inputs"],
                row["parameters"],
                row["warm_up"],
                row["title"],
            )
            for name, row in catalog.iterrows()
        ],
        none=f"features with {chosen.find!r}" if chosen.find else "features",
    )


def _check(chosen: argparse.Namespace) -> None:
    from nautilus_lab.features import FeatureEngine

    found = FeatureEngine().check(chosen.feature)
    if chosen.json:
        show_json(found)
    else:
        print(f"{found.feature}: {found.bars:,} rows, batch and stream differ by at most ", end="")
        print(f"{found.difference:.1e}")
    if not found.ok:
        raise InputError("a feature must conform", value="; ".join(found.problems))
