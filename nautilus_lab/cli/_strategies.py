"""`nautilus-lab strategy ...`, `targets ...`: what a node runs, and what it holds."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nautilus_lab.cli._engine import add_trader, engine_of
from nautilus_lab.cli._shown import add_json, at, show_fields, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb
from nautilus_lab.exceptions import InputError, NodeNotRunning

if TYPE_CHECKING:
    from nautilus_lab.trading import TargetTable

# A strategy is imported, and what it subscribes to answers.
_DEPLOY_S = 30.0
_COLUMNS = (
    *("strategy", "name", "version", "hash", "state", "orders", "realised", "unrealised"),
    "reason",
)
_VERSIONS = ("name", "version", "hash", "published", "class")


def add_strategies(verbs: Verbs) -> None:
    """Add the commands of this file."""
    strategy = verbs.add_parser("strategy", help="the strategies of a trader").add_subparsers(
        required=True, metavar="COMMAND"
    )
    publish = add_verb(strategy, "publish", _publish, "register a file as a version; runs nothing")
    publish.add_argument("file", type=Path, help="a Python file with one Strategy of Nautilus")
    publish.add_argument("name", help="pairs-trade")
    publish.add_argument("version", help="1.2")
    publish.add_argument("--class", dest="of_class", default="", help="of a file that has several")
    versions = add_verb(strategy, "versions", _versions, "the versions that can be deployed")
    listed = add_verb(strategy, "list", _list, "the strategies that the node runs")
    deploy = add_verb(strategy, "deploy", _deploy, "load a version and start it")
    deploy.add_argument("name")
    deploy.add_argument("version")
    _add_parameters(deploy)
    deploy.add_argument(
        "--when-it-falls",
        choices=("cancel", "keep"),
        default="cancel",
        help="what becomes of its working orders when it raises (cancel)",
    )
    replace = add_verb(
        strategy, "replace", _replace, "let another version go on with its orders and positions"
    )
    replace.add_argument("strategy", help="its id: pairs-trade-001")
    replace.add_argument("version")
    _add_parameters(replace)
    one = [
        add_verb(strategy, "start", _start, "start one that was stopped or fell, afresh"),
        add_verb(strategy, "resume", _resume, "let a paused one send orders again"),
        add_verb(strategy, "remove", _remove, "forget one that is stopped and has no orders"),
    ]
    quiet = [
        add_verb(strategy, "stop", _stop, "stop one; its positions stay"),
        add_verb(strategy, "pause", _pause, "deny its new orders; it goes on watching"),
    ]
    for parser in (*one, *quiet):
        parser.add_argument("strategy", help="its id: pairs-trade-001")
    for parser in quiet:
        orders = parser.add_mutually_exclusive_group(required=True)
        orders.add_argument("--cancel-orders", action="store_true", help="cancel what works of it")
        orders.add_argument("--keep-orders", action="store_true", help="let it work on")
    add_trader(listed, deploy, replace, *one, *quiet)
    for parser in (publish, versions, listed, deploy, replace, *one, *quiet):
        add_json(parser)

    targets = verbs.add_parser("targets", help="the table of target weights").add_subparsers(
        required=True, metavar="COMMAND"
    )
    new = add_verb(targets, "publish", _publish_targets, "have the node trade a table")
    new.add_argument("file", type=Path, help="JSON: symbol -> fraction, or a whole table")
    new.add_argument("--name", help="what it is called; the file's name when not given")
    show = add_verb(targets, "show", _show_targets, "the table that is traded")
    for parser in (new, show):
        add_json(parser)
    add_trader(new, show)


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        *("-p", "--parameter"),
        nargs=2,
        action="append",
        metavar=("NAME", "VALUE"),
        help="a field of its configuration; VALUE is JSON, or text when it is none",
    )


def read_weights(path: Path) -> dict[str, Any]:
    """Return the JSON object at `path`; raises `InputError` when it is none."""
    try:
        found = json.loads(path.read_text("utf-8"), object_pairs_hook=_once_each)
    except (OSError, ValueError) as error:
        raise InputError(
            f"targets must be a readable JSON file: {error}",
            value=str(path),
            remedy='write {"AAPL": 0.5, "MSFT": 0.5}',
        ) from None
    if not isinstance(found, dict):
        raise InputError("targets must map symbols to fractions", value=found)
    return found


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(names := dict(pairs)) != len(pairs):
        raise ValueError("a symbol stands in it twice")
    return names


def _publish(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    made = Lab(chosen.root).trading.publish_strategy(
        chosen.file, chosen.name, chosen.version, strategy=chosen.of_class
    )
    if chosen.json:
        return show_json(made)
    print(f"{made.name} {made.version} is published, sha256 {made.content_hash}")


def _versions(chosen: argparse.Namespace) -> None:
    from nautilus_lab.config import load_settings
    from nautilus_lab.platform.rundir import Home
    from nautilus_lab.strategies.nautilus import StrategyRegistry

    found = StrategyRegistry(Home(load_settings(chosen.root).home_path).strategies).versions()
    if chosen.json:
        return show_json(found)
    show_table(
        _VERSIONS,
        [
            (
                *(one.name, one.version, one.content_hash[:12]),
                "comes along" if one.built_in else at(one.published_ns),
                one.strategy,
            )
            for one in found
        ],
        none="versions of strategies",
    )


def _list(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.commands import StrategyView

    told = _ask(chosen, "strategy.list", None, tuple[StrategyView, ...])
    if chosen.json:
        return show_json(told)
    show_table(
        _COLUMNS,
        [
            (
                *(one.strategy, one.name, one.version, one.content_hash[:12], one.state),
                *(one.working_orders, f"{one.realised:,.2f}", f"{one.unrealised:,.2f}"),
                one.reason,
            )
            for one in told
        ],
        none="strategy is deployed",
    )


def _deploy(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.commands import DeployStrategy

    body = DeployStrategy(
        name=chosen.name,
        version=chosen.version,
        parameters=_parameters(chosen) or {},
        when_it_falls=chosen.when_it_falls,
    )
    _say(chosen, _ask(chosen, "strategy.deploy", body))


def _replace(chosen: argparse.Namespace) -> None:
    from nautilus_lab.platform.commands import ReplaceStrategy

    body = ReplaceStrategy(
        strategy=chosen.strategy, version=chosen.version, parameters=_parameters(chosen)
    )
    _say(chosen, _ask(chosen, "strategy.replace", body))


def _start(chosen: argparse.Namespace) -> None:
    _one(chosen, "strategy.start")


def _resume(chosen: argparse.Namespace) -> None:
    _one(chosen, "strategy.resume")


def _remove(chosen: argparse.Namespace) -> None:
    _one(chosen, "strategy.remove")


def _stop(chosen: argparse.Namespace) -> None:
    _quiet(chosen, "strategy.stop")


def _pause(chosen: argparse.Namespace) -> None:
    _quiet(chosen, "strategy.pause")


def _one(chosen: argparse.Namespace, name: str) -> None:
    from nautilus_lab.platform.commands import OneStrategy

    _say(chosen, _ask(chosen, name, OneStrategy(strategy=chosen.strategy)))


def _quiet(chosen: argparse.Namespace, name: str) -> None:
    from nautilus_lab.platform.commands import QuietStrategy

    body = QuietStrategy(strategy=chosen.strategy, cancel_orders=chosen.cancel_orders)
    _say(chosen, _ask(chosen, name, body))


def _ask(chosen: argparse.Namespace, name: str, body: Any, answer: Any = None) -> Any:
    return asyncio.run(engine_of(chosen).command(name, body, timeout_s=_DEPLOY_S, answer=answer))


def _parameters(chosen: argparse.Namespace) -> dict[str, object] | None:
    if chosen.parameter is None:
        return None
    return {name: _value(text) for name, text in chosen.parameter}


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _say(chosen: argparse.Namespace, told: Any) -> None:
    if chosen.json:
        return show_json(told)
    if isinstance(told, dict):
        return print("\n".join(f"{name:<15} {value}" for name, value in told.items()))
    print(told)


def _publish_targets(chosen: argparse.Namespace) -> None:
    engine = engine_of(chosen)
    table = _table(chosen)
    asyncio.run(engine.publish_targets(table))
    if chosen.json:
        return show_json(table)
    print(f"trading towards {table.name}, sha256 {table.hash}")


def _table(chosen: argparse.Namespace) -> TargetTable:
    import time

    import msgspec

    from nautilus_lab.trading import TargetTable
    from nautilus_lab.trading._targets import as_targets

    found = read_weights(chosen.file)
    if "weights" not in found:
        name = chosen.name or chosen.file.stem
        return as_targets(found, name=name, now_ns=time.time_ns())
    try:
        table = msgspec.convert(found, TargetTable)
    except msgspec.ValidationError as error:
        raise InputError(
            f"a table of targets must be whole: {error}",
            value=str(chosen.file),
            remedy="write it with target_table(...)",
        ) from None
    return table.check() if table.hash else table.sealed()


def _show_targets(chosen: argparse.Namespace) -> None:
    from nautilus_lab.trading import TargetTable

    engine = engine_of(chosen)
    try:
        table = asyncio.run(engine.command("targets.show", answer=TargetTable | None))
    except NodeNotRunning:
        table = engine.targets
    if table is None:
        raise InputError(
            "a trader must have been given targets",
            value=engine.settings.trading.trader_id,
            remedy="nautilus-lab targets publish FILE; until then its node holds equal weights",
        )
    if chosen.json:
        return show_json(table)
    show_fields(table)
