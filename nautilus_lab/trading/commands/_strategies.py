"""What a node can be asked about its strategies."""

from __future__ import annotations

from typing import Literal

import msgspec

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandBody, CommandSpec
from nautilus_lab.platform.messages import StrategyState


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


class DeployStrategy(CommandBody, frozen=True, kw_only=True):
    """What to run: a version of a strategy, and the fields of its configuration.

    `when_it_falls` says what becomes of its working orders when it raises.
    """

    name: str
    version: str
    parameters: dict[str, object] = msgspec.field(default_factory=dict)
    when_it_falls: Literal["cancel", "keep"] = "cancel"


class OneStrategy(CommandBody, frozen=True, kw_only=True):
    """A strategy by its id: ``"hold-targets-001"``."""

    strategy: str


class QuietStrategy(CommandBody, frozen=True, kw_only=True):
    """A strategy that shall send nothing more, and whether its working orders are cancelled."""

    strategy: str
    cancel_orders: bool


class ReplaceStrategy(CommandBody, frozen=True, kw_only=True):
    """A strategy, and the version that shall go on in its place.

    Without `parameters` the new version is given those of the old one.
    """

    strategy: str
    version: str
    parameters: dict[str, object] | None = None


class StrategyView(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment as it is.

    Attributes
    ----------
    strategy : str
        Its id, which its orders bear.
    name, version, content_hash : str
        What it runs.
    state : str
        ``running``, ``paused``, ``stopped`` or ``failed``.
    reason : str
        Why, of one that fell.
    parameters : dict
        The fields of its configuration that were given.
    working_orders : int
        How many of its orders are not closed.
    realised, unrealised : float
        Profit and loss of its positions since the node's trader first started, quote currency.
    """

    strategy: str
    name: str
    version: str
    content_hash: str
    state: StrategyState
    reason: str = ""
    parameters: dict[str, object] = msgspec.field(default_factory=dict)
    working_orders: int = 0
    realised: float = 0.0
    unrealised: float = 0.0


STRATEGY_SPECS = (
    CommandSpec(
        name="node.targets",
        permission=Permission.STRATEGY_CONTROL,
        body=NewTargets,
        summary="Trade towards this table of target weights from now on, also after a restart.",
    ),
    CommandSpec(
        name="targets.show",
        permission=Permission.NODE_READ,
        summary="The table of target weights that is traded.",
        reads=True,
    ),
    CommandSpec(
        name="strategy.list",
        permission=Permission.NODE_READ,
        summary="Every deployment as it is.",
        reads=True,
    ),
    CommandSpec(
        name="strategy.versions",
        permission=Permission.NODE_READ,
        summary="The versions of strategies that can be deployed.",
        reads=True,
    ),
    CommandSpec(
        name="strategy.deploy",
        permission=Permission.STRATEGY_DEPLOY,
        body=DeployStrategy,
        summary="Load a version of a strategy and start it; answers with its id.",
    ),
    CommandSpec(
        name="strategy.replace",
        permission=Permission.STRATEGY_DEPLOY,
        body=ReplaceStrategy,
        summary="Let another version go on with a strategy's orders and positions; when it "
        "cannot start, the old one goes on.",
    ),
    CommandSpec(
        name="strategy.start",
        permission=Permission.STRATEGY_CONTROL,
        body=OneStrategy,
        summary="Start a strategy that was stopped or fell, afresh.",
    ),
    CommandSpec(
        name="strategy.stop",
        permission=Permission.STRATEGY_CONTROL,
        body=QuietStrategy,
        summary="Stop a strategy; its positions stay.",
    ),
    CommandSpec(
        name="strategy.pause",
        permission=Permission.STRATEGY_CONTROL,
        body=QuietStrategy,
        summary="Deny a strategy's new orders; it goes on watching, its positions stay.",
    ),
    CommandSpec(
        name="strategy.resume",
        permission=Permission.STRATEGY_CONTROL,
        body=OneStrategy,
        summary="Let a paused strategy send orders again.",
    ),
    CommandSpec(
        name="strategy.remove",
        permission=Permission.STRATEGY_CONTROL,
        body=OneStrategy,
        summary="Forget a strategy that is stopped and has no working order; its id is not given "
        "again.",
    ),
)
