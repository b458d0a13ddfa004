"""What a node can be asked about its strategies; most bodies are shared with clients."""

from __future__ import annotations

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import (
    CommandBody,
    CommandSpec,
    DeployStrategy,
    OneStrategy,
    QuietStrategy,
    ReplaceStrategy,
    StrategyView,
)
from nautilus_lab.trading._targets import TargetTable


class NewTargets(CommandBody, frozen=True, kw_only=True):
    """A table of target weights, as `TargetTable` has it; without a hash it is sealed here."""

    weights: dict[str, float]
    name: str
    made_ns: int = 0
    universe: tuple[str, ...] = ()
    as_of_ns: int = 0
    valid_until_ns: int = 0
    run_id: str = ""
    notebook: str = ""
    code_version: str = ""
    strategy: str = ""
    hash: str = ""


class ShowTargets(CommandBody, frozen=True, kw_only=True):
    """Whose table; may be left out where one strategy takes target weights."""

    strategy: str = ""


STRATEGY_SPECS = (
    CommandSpec(
        name="node.targets",
        permission=Permission.STRATEGY_CONTROL,
        body=NewTargets,
        answer=str,
        summary="Trade towards this table of target weights from now on, also after a restart.",
    ),
    CommandSpec(
        name="targets.show",
        permission=Permission.NODE_READ,
        body=ShowTargets,
        answer=TargetTable | None,
        summary="The table of target weights that is traded; null when there is none.",
        reads=True,
    ),
    CommandSpec(
        name="strategy.list",
        permission=Permission.NODE_READ,
        answer=list[StrategyView],
        summary="Every deployment as it is.",
        reads=True,
    ),
    CommandSpec(
        name="strategy.versions",
        permission=Permission.NODE_READ,
        # `StrategyVersion` is Nautilus' neighbour, which no client need import.
        answer=list[dict[str, object]],
        summary="The versions of strategies that can be deployed.",
        reads=True,
    ),
    CommandSpec(
        name="strategy.deploy",
        permission=Permission.STRATEGY_DEPLOY,
        body=DeployStrategy,
        answer=StrategyView,
        summary="Load a version of a strategy and start it; answers with the deployment.",
    ),
    CommandSpec(
        name="strategy.replace",
        permission=Permission.STRATEGY_DEPLOY,
        body=ReplaceStrategy,
        answer=StrategyView,
        summary="Let another version go on with a strategy's orders and positions; when it "
        "cannot start, the old one goes on.",
    ),
    CommandSpec(
        name="strategy.start",
        permission=Permission.STRATEGY_CONTROL,
        body=OneStrategy,
        answer=StrategyView,
        summary="Start a strategy that was stopped or fell, afresh.",
    ),
    CommandSpec(
        name="strategy.stop",
        permission=Permission.STRATEGY_CONTROL,
        body=QuietStrategy,
        answer=StrategyView,
        summary="Stop a strategy; its positions stay.",
    ),
    CommandSpec(
        name="strategy.pause",
        permission=Permission.STRATEGY_CONTROL,
        body=QuietStrategy,
        answer=StrategyView,
        summary="Deny a strategy's new orders; it goes on watching, its positions stay.",
    ),
    CommandSpec(
        name="strategy.resume",
        permission=Permission.STRATEGY_CONTROL,
        body=OneStrategy,
        answer=StrategyView,
        summary="Let a paused strategy send orders again.",
    ),
    CommandSpec(
        name="strategy.remove",
        permission=Permission.STRATEGY_CONTROL,
        body=OneStrategy,
        answer=str,
        summary="Forget a strategy that is stopped and has no working order; its id is not given "
        "again.",
    ),
)
