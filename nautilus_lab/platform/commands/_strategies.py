"""What a node can be asked about its strategies: the commands' bodies and answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from nautilus_lab.platform.commands._table import CommandBody
from nautilus_lab.platform.messages import StrategyState


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
