"""The strategies of a node, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from nautilus_lab.client._book import Book
from nautilus_lab.client._commands import Commands
from nautilus_lab.client._live import Strategy
from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import (
    DeployStrategy,
    OneStrategy,
    QuietStrategy,
    ReplaceStrategy,
    StrategyView,
)

_TIMEOUT_S = 30.0  # a strategy may look at history before it starts


class Strategies(Mapping[str, Strategy]):
    """Strategy id -> deployed strategy, live; its methods change them.

    Each method raises `AccessDenied` when the principal may not, `OutcomeUnknown` when no answer
    came, `StrategyFailed` when the strategy could not follow, and `InputError` when there is none.
    """

    def __init__(self, book: Book, commands: Commands) -> None:
        self._book = book
        self._commands = commands

    def __getitem__(self, strategy: str) -> Strategy:
        return self._book.strategies[strategy]

    def __iter__(self) -> Iterator[str]:
        return iter(self._book.strategies)

    def __len__(self) -> int:
        return len(self._book.strategies)

    def __repr__(self) -> str:
        states = ", ".join(f"{s.strategy} {s.state}" for s in self._book.strategies.values())
        return f"<Strategies: {states or 'none'}>"

    async def deploy(
        self,
        name: str,
        version: str,
        *,
        parameters: Mapping[str, object] | None = None,
        when_it_falls: Literal["cancel", "keep"] = "cancel",
        timeout_s: float = _TIMEOUT_S,
    ) -> Strategy:
        """Load a version of a strategy into the node and start it.

        Parameters
        ----------
        name, version : str
            As `versions` lists them.
        parameters : mapping, optional
            The fields of its configuration.
        when_it_falls : {"cancel", "keep"}, default="cancel"
            What becomes of its working orders when it raises.
        timeout_s : float, default=30
            Seconds to wait until it runs.
        """
        body = DeployStrategy(
            name=name,
            version=version,
            parameters=dict(parameters or {}),
            when_it_falls=when_it_falls,
        )
        return await self._change("strategy.deploy", body, Permission.STRATEGY_DEPLOY, timeout_s)

    async def replace(
        self,
        strategy: str,
        version: str,
        *,
        parameters: Mapping[str, object] | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> Strategy:
        """Let another version go on with a strategy's orders and positions.

        When it cannot start, the old one goes on. Without `parameters` it is given the old ones.
        """
        given = None if parameters is None else dict(parameters)
        body = ReplaceStrategy(strategy=strategy, version=version, parameters=given)
        return await self._change("strategy.replace", body, Permission.STRATEGY_DEPLOY, timeout_s)

    async def start(self, strategy: str, *, timeout_s: float = _TIMEOUT_S) -> Strategy:
        """Start a strategy that was stopped or fell, afresh."""
        return await self._control("strategy.start", OneStrategy(strategy=strategy), timeout_s)

    async def stop(
        self, strategy: str, *, cancel_orders: bool, timeout_s: float = _TIMEOUT_S
    ) -> Strategy:
        """Stop a strategy; its positions stay."""
        body = QuietStrategy(strategy=strategy, cancel_orders=cancel_orders)
        return await self._control("strategy.stop", body, timeout_s)

    async def pause(
        self, strategy: str, *, cancel_orders: bool, timeout_s: float = _TIMEOUT_S
    ) -> Strategy:
        """Deny a strategy's new orders; it goes on watching, its positions stay."""
        body = QuietStrategy(strategy=strategy, cancel_orders=cancel_orders)
        return await self._control("strategy.pause", body, timeout_s)

    async def resume(self, strategy: str, *, timeout_s: float = _TIMEOUT_S) -> Strategy:
        """Let a paused strategy send orders again."""
        return await self._control("strategy.resume", OneStrategy(strategy=strategy), timeout_s)

    async def remove(self, strategy: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Forget a strategy that is stopped and has no working order."""
        self._commands.require(Permission.STRATEGY_CONTROL)
        await self._commands.ask(
            "strategy.remove", OneStrategy(strategy=strategy), timeout_s=timeout_s
        )
        self._book.strategies.pop(strategy, None)

    async def versions(self, *, timeout_s: float = 10.0) -> Any:
        """Return the versions that can be deployed, as the node tells them."""
        return await self._commands.ask("strategy.versions", timeout_s=timeout_s)

    async def _control(
        self, name: str, body: OneStrategy | QuietStrategy, timeout_s: float
    ) -> Strategy:
        return await self._change(name, body, Permission.STRATEGY_CONTROL, timeout_s)

    async def _change(
        self, name: str, body: Any, permission: Permission, timeout_s: float
    ) -> Strategy:
        self._commands.require(permission)
        told = await self._commands.ask(name, body, timeout_s=timeout_s, answer=StrategyView)
        return self._book.take_strategy(told)
